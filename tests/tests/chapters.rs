//! 한국어 장(examples-ko/*.md)이 코드와 프로그램에 어긋나지 않는지 확인합니다.
//!
//! 장의 코드 상자 바로 위에 있는 주석이 출처입니다.
//!
//! | 주석 | 상자에 있어야 하는 것 |
//! | --- | --- |
//! | `include: 파일:fn 이름` | 그 파일의 함수 하나와 바로 위의 주석 |
//! | `include: 파일:이름` | 그 파일에서 `// ANCHOR: 이름`과 `// ANCHOR_END: 이름` 사이. 파이썬은 `#`이고, 함수의 이름이어도 됩니다 |
//! | `include: 파일.py` | 머리말을 뺀 그 파일 |
//! | `output: 명령` | 그 명령을 실행했을 때의 표준 출력 |
//! | `trap: 이름` | 그 함정의 컴파일러 메시지(`traps.rs`가 비교합니다) |
//!
//! 실제 출력은 상자에 적힌 것과 PID, 소수(시간과 배수), 프로세스 사이의 차례가 달라도 됩니다. 명령 뒤에
//! `| 달라지는 줄: 가, 나`를 적으면 `가`나 `나`로 시작하는 줄은 그 뒤가 달라도 됩니다(`*`은 아무 말이나).
//!
//! `CHAPTERS=갱신 cargo test -p tests --test chapters`는 어긋난 상자를 지금의 것으로 고쳐 씁니다.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use tests::hang::watch;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FOLDER: &str = "examples-ko";
/// 프로그램 하나가 끝나기를 기다리는 시간(초). 바쁜 컴퓨터에서도 넉넉한 값입니다.
const LIMIT: &str = "300";
/// `timeout`이 제한 시간이 지나 끊었다는 종료 코드.
const TIMED_OUT: i32 = 124;

fn read(path: &str) -> Result<String> {
    Ok(fs::read_to_string(Path::new(ROOT).join(path))
        .map_err(|error| format!("{path}: {error}"))?)
}

/// `folder`에서 이름이 `ending`으로 끝나는 파일들의 이름(정렬됨).
fn files(folder: &str, ending: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(Path::new(ROOT).join(folder))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.ends_with(ending));
    names.sort();
    Ok(names)
}

/// 고쳐 쓰는 동안 다른 테스트가 반쯤 쓴 장을 읽지 않게 합니다.
static FILES: Mutex<()> = Mutex::new(());

/// 장들의 이름과 글. mdBook이 읽는 차례(SUMMARY.md)는 book.rs가 봅니다.
fn chapters() -> Result<Vec<(String, String)>> {
    let _turn = FILES.lock();
    let chapters: Vec<_> = files(FOLDER, ".md")?
        .into_iter()
        .filter(|name| name != "SUMMARY.md")
        .map(|name| Ok((name.clone(), read(&format!("{FOLDER}/{name}"))?)))
        .collect::<Result<_>>()?;
    assert!(chapters.len() >= 8, "장이 {}개뿐입니다", chapters.len());
    Ok(chapters)
}

/// 코드 상자 하나.
struct Fence<'a> {
    /// `rust`, `text` 따위.
    language: &'a str,
    /// 바로 윗줄의 주석을 `:`에서 나눈 것. 예: `("include", "crates/lock/src/main.rs:shared")`.
    source: Option<(&'a str, &'a str)>,
    body: String,
}

fn fences(text: &str) -> Vec<Fence<'_>> {
    let mut found: Vec<Fence> = Vec::new();
    let (mut inside, mut above) = (false, "");
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                let comment =
                    above.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                let source = comment.and_then(|comment| comment.split_once(": "));
                found.push(Fence { language, source, body: String::new() });
                inside = true;
            }
            None if inside => {
                if let Some(fence) = found.last_mut() {
                    fence.body.push_str(line);
                    fence.body.push('\n');
                }
            }
            None => {}
        }
        above = line;
    }
    found
}

/// 어긋난 상자를 알리거나, `CHAPTERS=갱신`이면 고쳐 씁니다.
fn differs(chapter: &str, fence: &Fence, now: &str) -> Result<Option<String>> {
    let (kind, source) = fence.source.unwrap_or_default();
    if std::env::var("CHAPTERS").is_ok_and(|value| value == "갱신") {
        let _turn = FILES.lock();
        let path = format!("{FOLDER}/{chapter}");
        let opening = format!("<!-- {kind}: {source} -->\n```{}\n", fence.language);
        let (old, new) = (format!("{opening}{}```\n", fence.body), format!("{opening}{now}```\n"));
        fs::write(Path::new(ROOT).join(&path), read(&path)?.replacen(&old, &new, 1))?;
        println!("{chapter}: {kind}: 고쳐 썼습니다: {source}");
        return Ok(None);
    }
    Ok(Some(format!(
        "{chapter}: `{kind}: {source}`\n--- 장에 적힌 것\n{}--- 지금의 것\n{now}",
        fence.body
    )))
}

fn report(problems: Vec<String>) {
    let hint = "장을 지금에 맞추려면: CHAPTERS=갱신 cargo test -p tests --test chapters";
    assert!(problems.is_empty(), "\n{}\n{hint}", problems.join("\n"));
}

// --- 코드 ---

/// 함수 하나의 줄들. 바로 위에 붙은 주석도 함께입니다.
fn function(text: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.starts_with(&format!("fn {name}(")))?;
    let end = start + lines[start..].iter().position(|line| *line == "}")?;
    let comments = lines[..start].iter().rev().take_while(|line| line.starts_with("//")).count();
    Some(lines[start - comments..=end].iter().map(|line| format!("{line}\n")).collect())
}

/// `파일:이름`이 가리키는 줄들. 앵커의 줄과, 모두에 있는 들여쓰기는 뺍니다.
fn included(place: &str) -> Result<String> {
    if let Some(quoted) = python_included(place)? {
        return Ok(quoted);
    }
    let (path, name) = place.split_once(':').ok_or_else(|| format!("{place}: 앵커가 없습니다"))?;
    let text = read(path)?;
    if let Some(name) = name.strip_prefix("fn ") {
        return function(&text, name)
            .ok_or_else(|| format!("{path}: {name} 함수가 없습니다").into());
    }
    let lines: Vec<&str> = text.lines().collect();
    let mark = if path.ends_with(".py") { "#" } else { "//" };
    let only = |marker: String| -> Result<usize> {
        let mut found = (0..lines.len()).filter(|at| lines[*at].trim() == marker);
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            _ => Err(format!("{path}: 정확히 하나 있어야 하는 줄: `{marker}`").into()),
        }
    };
    let (start, end) =
        (only(format!("{mark} ANCHOR: {name}"))?, only(format!("{mark} ANCHOR_END: {name}"))?);
    let inside: Vec<&str> = lines[start + 1..end]
        .iter()
        .copied()
        .filter(|line| !line.trim_start().starts_with(&format!("{mark} ANCHOR")))
        .collect();
    let indents = inside.iter().filter(|line| !line.is_empty());
    let indent = indents.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    Ok(inside.iter().map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect())
}

/// 파이썬 파일에서 머리말(맨 앞의 주석)을 뺀 전체나, 이름이 같은 함수 하나. 둘 다 아니면 `None`입니다.
fn python_included(place: &str) -> Result<Option<String>> {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let whole = |lines: &[&str]| Some(lines.iter().map(|line| format!("{line}\n")).collect());
    let (path, name) = place.split_once(':').unwrap_or((place, ""));
    if !path.ends_with(".py") {
        return Ok(None);
    }
    let text = read(path)?;
    let lines: Vec<&str> = text.lines().collect();
    if name.is_empty() {
        let start = lines.iter().position(is_code).unwrap_or(lines.len());
        return Ok(whole(&lines[start..]));
    }
    let Some(start) = lines.iter().position(|line| line.starts_with(&format!("def {name}(")))
    else {
        return Ok(None);
    };
    // 함수는 들여 쓰지 않은 다음 줄 앞에서 끝납니다.
    let body = &lines[start + 1..];
    let length = body.iter().position(|line| !line.is_empty() && !line.starts_with(' '));
    let mut end = start + 1 + length.unwrap_or(body.len());
    while lines[end - 1].is_empty() {
        end -= 1;
    }
    Ok(whole(&lines[start..end]))
}

#[test]
fn code_is_quoted_from_the_compiled_files() -> Result {
    let mut problems = Vec::new();
    for (chapter, text) in chapters()? {
        let code = |fence: &&Fence| ["rust", "python"].contains(&fence.language);
        for fence in fences(&text).iter().filter(code) {
            let Some(("include", place)) = fence.source else {
                problems.push(format!("{chapter}: 출처가 없는 코드입니다\n{}", fence.body));
                continue;
            };
            let now = included(place)?;
            if now != fence.body {
                problems.extend(differs(&chapter, fence, &now)?);
            }
        }
    }
    report(problems);
    Ok(())
}

/// 앵커는 장에서 인용할 때만 둡니다.
#[test]
fn every_anchor_is_quoted() -> Result {
    let all: String = chapters()?.into_iter().map(|(_, text)| text).collect();
    let mut files: Vec<String> = sources()?.into_iter().map(|(_, source)| source).collect();
    files.extend(twins()?);
    for source in files {
        for line in read(&source)?.lines() {
            if let Some((_, name)) = line.split_once(" ANCHOR: ") {
                assert!(
                    all.contains(&format!("<!-- include: {source}:{name} -->")),
                    "{source}:{name}"
                );
            }
        }
    }
    Ok(())
}

// --- 출력 ---

/// `output:` 주석의 명령과, 달라져도 되는 줄들.
fn command_of(directive: &str) -> (&str, Vec<&str>) {
    let (command, loose) = directive.split_once(" | 달라지는 줄: ").unwrap_or((directive, ""));
    (command, loose.split(", ").filter(|pattern| !pattern.is_empty()).collect())
}

/// 줄이 `pattern`으로 시작하는지 봅니다. `*`은 아무 말이나 됩니다.
fn starts_like(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = line.trim_start().strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// 실행할 때마다 다른 것을 지웁니다: 달라지는 줄의 뒷부분, `PID` 뒤의 수, 소수.
fn normal(line: &str, loose: &[&str]) -> String {
    if let Some(pattern) = loose.iter().find(|pattern| starts_like(line, pattern)) {
        return (*pattern).to_owned();
    }
    let mut normal = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        normal.push_str(&rest[..at]);
        let word = &rest[at..];
        let length = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let number = word[..length].trim_end_matches('.');
        let varies = number.contains('.') || normal.ends_with("PID ");
        normal.push_str(if varies { "#" } else { number });
        rest = &word[number.len()..];
    }
    normal + rest
}

/// 비교할 수 있게 정리한 출력.
#[derive(Debug, PartialEq)]
struct Shape {
    /// 부모의 줄들. 차례도 같아야 합니다.
    parent: Vec<String>,
    /// 자식마다의 줄들. 자식들 사이의 차례는 정해지지 않습니다.
    children: Vec<Vec<String>>,
}

fn shape(output: &str, loose: &[&str]) -> Shape {
    let mut parent = Vec::new();
    let mut children: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut shared = false;
    for line in output.lines() {
        match line.strip_prefix("Process ID: ").and_then(|rest| rest.split_once(" - ")) {
            Some((pid, said)) => {
                shared |= loose.iter().any(|pattern| starts_like(said, pattern));
                children.entry(pid).or_default().push(normal(said, loose));
            }
            None => parent.push(normal(line, loose)),
        }
    }
    let mut children: Vec<Vec<String>> = children.into_values().collect();
    if shared {
        // 누가 몇 번 말할지 정해지지 않았으면 자식들의 말을 모두 모아 봅니다.
        children = children.into_iter().flatten().map(|said| vec![said]).collect();
    }
    children.sort();
    Shape { parent, children }
}

/// `timeout N 명령; echo "종료 코드 $?"`를 실행합니다. N초를 시작한 때부터 재지 않고, 모두 N초 동안 잠들어 있으면 끊습니다.
fn limited(command: &str) -> Result<String> {
    let parts = command.strip_prefix("timeout ").and_then(|rest| {
        let (seconds, rest) = rest.split_once(' ')?;
        Some((seconds.parse().ok()?, rest.strip_suffix("; echo \"종료 코드 $?\"")?))
    });
    let (seconds, program) =
        parts.ok_or_else(|| format!("timeout의 모양이 다릅니다: {command}"))?;
    let mut words = program.split(' ');
    let mut run = Command::new(words.next().unwrap_or_default());
    let outcome = watch(run.args(words).current_dir(ROOT), Duration::from_secs(seconds))?;
    let code = if outcome.hung { Some(TIMED_OUT) } else { outcome.code };
    let code =
        code.ok_or_else(|| format!("시그널로 죽었습니다: {command}\n{}", outcome.printed))?;
    Ok(format!("{}종료 코드 {code}\n", outcome.printed))
}

/// `cargo run …`은 빌드해 놓은 프로그램으로, 다른 명령은 셸에서 그대로 실행해 표준 출력을 받습니다.
fn output(command: &str, programs: &Path) -> Result<String> {
    if command.starts_with("timeout ") {
        return limited(command);
    }
    let mut run = Command::new("timeout");
    run.arg(LIMIT).current_dir(ROOT);
    match command.strip_prefix("cargo run -p ") {
        Some(target) => {
            let (target, args) = target.split_once(" -- ").unwrap_or((target, ""));
            let name = target.split(' ').next_back().unwrap_or(target);
            run.arg(programs.join(name)).args(args.split_whitespace());
        }
        None => _ = run.args(["sh", "-c", command]),
    }
    let done = run.output()?;
    // 실패를 보여 주는 명령도 있으므로 종료 코드는 보지 않습니다. 잘못되었다면 출력이 다릅니다.
    let errors = String::from_utf8_lossy(&done.stderr);
    match String::from_utf8(done.stdout) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(format!("아무것도 출력하지 않았습니다: `{command}`\n{errors}").into()),
    }
}

#[test]
fn outputs_are_what_the_programs_print() -> Result {
    // 일부러 죽는 프로그램들이 core 파일을 남기지 않게 합니다.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let chapters = chapters()?;
    let mut quoted = Vec::new();
    for (chapter, text) in &chapters {
        for fence in fences(text) {
            match fence.source {
                Some(("output", _)) => quoted.push((chapter, fence)),
                Some(("trap", _)) => {}
                _ => assert_ne!(fence.language, "text", "{chapter}: 명령이 없는 출력입니다"),
            }
        }
    }
    assert!(quoted.len() > 14, "출력이 {}개뿐입니다", quoted.len());

    // 비교할 파이썬은 있을 때만 실행합니다.
    let python =
        Command::new("python3").arg("--version").output().is_ok_and(|v| v.status.success());
    if !python {
        quoted.retain(|(_, fence)| !fence.source.unwrap_or_default().1.contains("python3"));
    }
    let programs = tests::lesson::build_all()?;
    // 장에 적힌 것과 다르면 지금의 출력.
    let different = |fence: &Fence| -> Result<Option<String>> {
        let (command, loose) = command_of(fence.source.unwrap_or_default().1);
        let now = output(command, programs)?;
        Ok((shape(&now, &loose) != shape(&fence.body, &loose)).then_some(now))
    };
    // 대부분 잠들어 기다리는 프로그램들이므로 함께 실행합니다. 그래서 늦어 달라졌을 수 있는 것은 혼자 다시 실행합니다.
    let together: Vec<bool> = thread::scope(|scope| {
        let runs: Vec<_> =
            quoted.iter().map(|(_, fence)| scope.spawn(|| different(fence))).collect();
        let same = |run: Result<Option<String>>| matches!(run, Ok(None));
        runs.into_iter().map(|run| same(run.join().expect("검사가 패닉했습니다"))).collect()
    });
    let mut problems = Vec::new();
    for ((chapter, fence), _) in quoted.iter().zip(together).filter(|(_, same)| !same) {
        if let Some(now) = different(fence)? {
            problems.extend(differs(chapter, fence, &now)?);
        }
    }
    report(problems);
    Ok(())
}

#[test]
fn comparing_outputs_sees_what_matters() {
    let told =
        "시작\nProcess ID: 7 - 하나\nProcess ID: 7 - 둘\nProcess ID: 9 - 하나\n시간 1.25초\n";
    let same = "시작\nProcess ID: 4 - 하나\nProcess ID: 3 - 하나\nProcess ID: 3 - 둘\n시간 0.5초\n";
    assert_eq!(shape(told, &[]), shape(same, &[]));
    for (from, to) in [
        ("시작\n", ""),                                                   // 부모의 줄이 빠짐
        ("7 - 하나\nProcess ID: 7 - 둘", "7 - 둘\nProcess ID: 7 - 하나"), // 한 프로세스의 차례
        ("ID: 9", "ID: 7"),                                               // 누가 말했는지
        ("초", "분"),
    ] {
        assert_ne!(shape(told, &[]), shape(&told.replace(from, to), &[]), "{from} → {to}");
    }
    assert_ne!(shape("값: 400000", &[]), shape("값: 400001", &[]));
    assert_eq!(shape("값: 400000", &["값"]), shape("값: 1 (모름)", &["값"]));
    assert_eq!(normal("PID 42, 1.5배, 3개.", &[]), "PID #, #배, 3개.");
    assert!(starts_like("소비자 A - 아이템 3 소비", "소비자 * - 아이템"));
    assert!(!starts_like("소비자 A 완료", "소비자 * - 아이템"));
}

// --- 링크, 명령, 낱말 ---

/// 예제의 이름과 소스. 여러 예제를 실행하는 tour는 뺍니다.
fn sources() -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let not_examples = ["ipc-core", "README.md"];
    for name in files("crates", "")?.into_iter().filter(|name| !not_examples.contains(&&**name)) {
        found.push((name.clone(), format!("crates/{name}/src/main.rs")));
    }
    for file in files("examples-ko/src/bin", ".rs")?.iter().filter(|file| *file != "tour.rs") {
        let name = file.trim_end_matches(".rs").to_owned();
        found.push((name, format!("examples-ko/src/bin/{file}")));
    }
    Ok(found)
}

/// 파이썬 파일들. 11.3–11.8의 쌍둥이와, 나머지 작은 프로그램입니다.
fn twins() -> Result<Vec<String>> {
    let mut twins: Vec<String> =
        files("crates", "")?.iter().map(|name| format!("crates/{name}/twin.py")).collect();
    twins.retain(|twin| Path::new(ROOT).join(twin).exists());
    let folder = format!("{FOLDER}/python");
    twins.extend(files(&folder, ".py")?.iter().map(|name| format!("{folder}/{name}")));
    Ok(twins)
}

#[test]
fn every_example_has_its_place_in_the_chapter_of_its_section() -> Result {
    let chapters = chapters()?;
    for (name, source) in sources()? {
        let text = read(&source)?;
        let section = text.strip_prefix("//! ").and_then(|text| text.split(' ').next());
        let section = section.ok_or_else(|| format!("{source}: 머리말이 없습니다"))?;
        let chapter = chapters.iter().find(|(file, _)| file.starts_with(&format!("{section}-")));
        let (file, text) = chapter.ok_or_else(|| format!("{section}의 장이 없습니다"))?;
        let run = match source.starts_with("crates/") {
            true => format!("cargo run -p {name}"),
            false => format!("cargo run -p examples-ko --bin {name}"),
        };
        let link = format!("../{source}").replace("../examples-ko/", "");
        assert!(text.contains(&format!("]({link})")), "{file}: {link}로 가는 링크");
        assert!(text.contains(&format!("\n{run}\n")), "{file}: 명령 `{run}`");
        assert!(text.contains(&format!("<!-- output: {run}")), "{file}: `{run}`의 출력");
        assert!(text.contains(&format!("`just run-{name}`")), "{file}: `just run-{name}`");
    }
    Ok(())
}

#[test]
fn every_trap_is_met_in_a_chapter() -> Result {
    let chapters = chapters()?.into_iter().filter(|(name, _)| name.starts_with("11."));
    let all: String = chapters.map(|(_, text)| text).collect();
    for trap in files("tests/traps/src/bin", ".rs")?.iter().filter(|trap| *trap != "control.rs") {
        assert!(all.contains(&format!("(../tests/traps/src/bin/{trap})")), "{trap}");
    }
    Ok(())
}

#[test]
fn links_lead_somewhere() -> Result {
    for (chapter, text) in chapters()? {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let exists = Path::new(ROOT).join(FOLDER).join(file).exists();
            assert!(target.starts_with("http") || exists, "{chapter}: {target}");
        }
    }
    let contents = read(&format!("{FOLDER}/README.md"))?;
    let others = |file: &&String| !["README.md", "SUMMARY.md"].contains(&file.as_str());
    for file in files(FOLDER, ".md")?.iter().filter(others) {
        assert!(contents.contains(&format!("]({file})")), "차례에 없는 파일: {file}");
    }
    Ok(())
}

/// 장의 마지막 줄은 앞 장, 차례, 다음 장으로 가는 링크입니다.
#[test]
fn chapters_lead_to_their_neighbours() -> Result {
    let all: Vec<_> = chapters()?.into_iter().filter(|(name, _)| name.starts_with("11.")).collect();
    let link = |at: usize, before: &str, after: &str| {
        let (name, text) = all.get(at)?;
        let title = text.lines().next()?.strip_prefix("# ")?;
        Some(format!("[{before}{title}{after}]({name})"))
    };
    for (at, (name, text)) in all.iter().enumerate() {
        let previous = at.checked_sub(1).and_then(|at| link(at, "← ", ""));
        let around = [previous, Some("[차례](README.md)".to_owned()), link(at + 1, "", " →")];
        let expected = around.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        assert_eq!(text.lines().last(), Some(expected.as_str()), "{name}");
    }
    Ok(())
}

/// 출력마다 그 앞에 예측해 볼 물음과, 접어 둔 답이 있습니다.
#[test]
fn every_output_is_predicted_first() -> Result {
    for (chapter, text) in chapters()?.iter().filter(|(name, _)| name.starts_with("11.")) {
        let pieces: Vec<&str> = text.split("<!-- output: ").collect();
        for (before, output) in pieces.iter().zip(&pieces[1..]) {
            let command = output.lines().next().unwrap_or_default();
            let asked = before.rsplit("\n#").next().unwrap_or_default();
            let folded = "\n\n<details>\n<summary>답</summary>\n\n";
            let question = asked.find("**예측해 보기.** ").and_then(|at| asked[at..].find(folded));
            assert!(question.is_some() && asked.contains("\n</details>\n"), "{chapter}: {command}");
        }
    }
    Ok(())
}

/// 그림은 언어를 적지 않은 상자에 있습니다. 한글은 두 칸으로 셉니다.
#[test]
fn pictures_are_aligned() -> Result {
    for (chapter, text) in chapters()? {
        for fence in fences(&text).iter().filter(|fence| fence.language.is_empty()) {
            let lines: Vec<Vec<char>> = fence.body.lines().map(columns).collect();
            for (row, line) in lines.iter().enumerate() {
                let shown = fence.body.lines().nth(row).unwrap_or_default();
                assert!(line.len() <= 80 && line.last() != Some(&' '), "{chapter}: {shown}");
                let at = |row: Option<usize>, column: usize| {
                    *row.and_then(|row| lines.get(row)?.get(column)).unwrap_or(&' ')
                };
                for (column, drawn) in line.iter().enumerate() {
                    let above = at(row.checked_sub(1), column);
                    let below = at(Some(row + 1), column);
                    // 화살촉은 뒤의 선과 이어지고, 세로줄은 위나 아래의 선이나 글에 닿습니다.
                    let met = match drawn {
                        '^' => "|+".contains(below),
                        'v' => "|+".contains(above),
                        '|' => !" -".contains(above) || !" -".contains(below),
                        _ => true,
                    };
                    assert!(met, "{chapter}: {}번째 칸의 선이 끊겼습니다\n{shown}", column + 1);
                }
            }
        }
    }
    Ok(())
}

/// 화면의 칸마다 한 글자. 두 칸을 차지하는 글자 뒤에는 빈 칸을 하나 더 둡니다.
fn columns(line: &str) -> Vec<char> {
    let wide = |c: char| unicode_width::UnicodeWidthChar::width(c) == Some(2);
    line.chars().flat_map(|c| iter::once(c).chain(wide(c).then_some('\0'))).collect()
}

#[test]
fn recipes_exist() -> Result {
    let justfile = read("justfile")?;
    let recipes: Vec<&str> =
        justfile.lines().filter_map(|line| line.split([' ', ':']).next()).collect();
    let programs = sources()?;
    for (chapter, text) in chapters()? {
        for mentioned in text.split("`just ").skip(1) {
            let name = mentioned.split([' ', '`']).next().unwrap_or_default();
            assert!(recipes.contains(&name), "{chapter}: just {name}");
        }
        for command in text.split("cargo run -p ").skip(1) {
            let words = command.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c));
            let names: Vec<&str> = words.take(3).collect();
            let name =
                if names.starts_with(&["examples-ko", "--bin"]) { names[2] } else { names[0] };
            let made = text.contains(&format!("\ncargo new crates/{name}\n"));
            let known = made
                || programs.iter().any(|(program, _)| program == name)
                || ["break", "timeline"].contains(&name);
            assert!(known, "{chapter}: cargo run -p {names:?}");
        }
    }
    Ok(())
}

/// 용어집의 말로 적어야 하는 글과 소스. 폴더이면 그 안의 모든 파일입니다.
const SPOKEN: [&str; 8] = [
    "README.md",
    "crates",
    FOLDER,
    "tests/README.md",
    "tests/src",
    "tests/tests",
    "justfile",
    "scripts",
];

fn spoken(path: &Path, found: &mut Vec<PathBuf>) -> Result {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            spoken(&entry?.path(), found)?;
        }
    } else if path
        .extension()
        .is_none_or(|kind| ["md", "rs", "py", "toml"].iter().any(|k| kind == *k))
    {
        found.push(path.to_owned());
    }
    Ok(())
}

/// 용어집의 셋째 칸에 적힌 말은 글에도, 소스의 주석과 메시지에도 쓰지 않습니다. 조사를 고르지 못한 "을(를)"도 그렇습니다.
#[test]
fn words_are_the_glossary_s() -> Result {
    let glossary = read(&format!("{FOLDER}/glossary.md"))?;
    let rows = glossary.lines().filter(|line| line.starts_with("| "));
    let mut refused: Vec<&str> = rows
        .filter_map(|row| row.split('|').nth(3))
        .flat_map(|cell| cell.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty() && !word.starts_with("---") && *word != "쓰지 않는 말")
        .collect();
    assert!(refused.contains(&"쓰레드"), "{refused:?}");
    refused.extend(["을(를)", "이(가)", "은(는)", "와(과)", "(으)로"]);
    let mut files = Vec::new();
    for place in SPOKEN {
        spoken(&Path::new(ROOT).join(place), &mut files)?;
    }
    assert!(files.len() > 250, "본 파일이 {}개뿐입니다", files.len());
    // 쓰지 않을 말의 목록을 적어 둔 두 파일은 뺍니다.
    files.retain(|file| !file.ends_with("glossary.md") && !file.ends_with("tests/chapters.rs"));
    for file in files {
        for line in fs::read_to_string(&file)?.lines() {
            if let Some(word) = refused.iter().find(|word| line.contains(**word)) {
                panic!("{}: 용어집에서 쓰지 않기로 한 말입니다: {word}\n{line}", file.display());
            }
        }
    }
    Ok(())
}

/// 대응표의 Rust 이름은 그 행에 적힌 파일에 정말 있습니다.
#[test]
fn mapped_names_are_in_the_linked_files() -> Result {
    let mapping = read(&format!("{FOLDER}/mapping.md"))?;
    let mut looked = 0;
    for row in mapping.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [_, ours, file] = cells[..] else { panic!("칸이 셋이 아닙니다: {row}") };
        let link = file.split("](").nth(1).and_then(|rest| rest.split(')').next());
        let link = link.ok_or_else(|| format!("파일이 없습니다: {row}"))?;
        let text = read(&format!("{FOLDER}/{link}"))?;
        for code in ours.split('`').skip(1).step_by(2) {
            for word in code.split(|c: char| !c.is_alphanumeric() && c != '_') {
                assert!(text.contains(word), "{link}에 없는 이름: {word}\n{row}");
            }
        }
        looked += 1;
    }
    assert!(looked > 30, "대응표의 행이 {looked}개뿐입니다");
    Ok(())
}
