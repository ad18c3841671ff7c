//! 예제를 저장소 밖으로 가져가기(`just copy`): 가져간 것은 그것만으로 실행되고, 잘못된 요청은 아무것도 남기지 않습니다.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 저장소 밖의 임시 폴더. 이름에 빈칸과 한글이 있고, 사라질 때 지워집니다.
///
/// 이름이 실행할 때마다 바뀌지는 않습니다. cargo는 소스의 경로마다 결과를 따로 두므로, 바뀌면 `target`이 끝없이 자랍니다.
struct Outside(PathBuf);

impl Outside {
    fn new(purpose: &str) -> Result<Outside> {
        let mut hasher = DefaultHasher::new();
        ROOT.hash(&mut hasher);
        let folder =
            std::env::temp_dir().join(format!("가져간 예제 {purpose} {:016x}", hasher.finish()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        Ok(Outside(folder))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `folder`에서 `scripts/copy`를 실행합니다. `just copy`가 하는 일과 같습니다.
fn copy<A: AsRef<std::ffi::OsStr>>(folder: &Path, args: &[A]) -> Result<Output> {
    let script = fs::canonicalize(ROOT)?.join("scripts/copy");
    Ok(Command::new("sh").arg(script).args(args).current_dir(folder).output()?)
}

/// 가져갈 수 있는 것의 이름과, 머리말에 적힌 마지막 줄.
fn examples() -> Result<Vec<(String, String)>> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(format!("{ROOT}/crates"))? {
        let path = entry?.path();
        sources.push((path.file_name().map(PathBuf::from), path.join("src/main.rs")));
    }
    for entry in fs::read_dir(format!("{ROOT}/examples-ko/src/bin"))? {
        let path = entry?.path();
        let source = if path.is_dir() { path.join("main.rs") } else { path.clone() };
        sources.push((path.file_stem().map(PathBuf::from), source));
    }
    let mut examples = Vec::new();
    for (name, source) in sources {
        let name = name.unwrap_or_default().display().to_string();
        // ipc-core에는 프로그램이 없고, tour와 timeline은 다른 예제들을 실행할 뿐입니다.
        if name == "tour" || name == "timeline" || !source.exists() {
            continue;
        }
        let text = fs::read_to_string(&source)?;
        let promised =
            text.split("//! 마지막 줄: `").nth(1).and_then(|rest| rest.split('`').next());
        examples.push((name, promised.ok_or("머리말에 마지막 줄이 없습니다")?.to_owned()));
    }
    examples.sort();
    Ok(examples)
}

/// 가져간 작업공간에서 cargo를 실행합니다. 인터넷 없이, 공용 `target`에서 빌드합니다.
///
/// 검사(`check`)는 프로그램을 만들지 않으므로 저장소의 `target`에서 합니다. 의존 크레이트를 다시 검사하지 않아도 됩니다.
fn cargo(copied: &Path, command: &str) -> Result<String> {
    recorded(copied, command, Path::new(""))
}

/// 같은 일을 하며, `timeline`이 비어 있지 않으면 그 파일에 기록하게 합니다.
fn recorded(copied: &Path, command: &str, timeline: &Path) -> Result<String> {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = if command.starts_with("check") { ".." } else { "copies" };
    let output = Command::new(env!("CARGO"))
        .args(command.split_whitespace())
        .current_dir(copied)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", temporary.join(target))
        .env("IPC_TIMELINE", timeline)
        .output()?;
    let (stdout, stderr) =
        (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
    if !output.status.success() || stderr.contains("warning") {
        return Err(format!("cargo {command} ({})\n{stdout}{stderr}", output.status).into());
    }
    Ok(stdout)
}

/// `names`를 가져갑니다.
fn take(outside: &Path, names: &[&str], dest: &str) -> Result<PathBuf> {
    let done = copy(outside, &[names, &[dest]].concat())?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() { Ok(outside.join(dest)) } else { Err(said.into()) }
}

/// 가져간 것의 명령. break만은 무엇을 부술지 이름이 있어야 합니다.
fn command_of(name: &str) -> &'static str {
    if name == "break" { "run -- lock" } else { "run" }
}

/// 빌드하지 않고 볼 수 있는 것: 명령, 설정, 함께 와야 하는 파일과 크레이트.
fn expect_whole(copied: &Path, name: &str) -> Result {
    let readme = fs::read_to_string(copied.join("README.md"))?;
    let command = command_of(name);
    let named = format!("cargo {}", command.replace("run", &format!("run -p {name}")));
    let source = fs::read_to_string(copied.join("crates").join(name).join("src/main.rs"))?;
    if !source.contains(&format!("//! 실행: `{named}`\n")) {
        return Err(format!("머리말의 실행 줄이 다릅니다. 기대한 것: `{named}`").into());
    }
    let workspace = fs::read_to_string(copied.join("Cargo.toml"))?;
    if !workspace.contains("[profile.dev]\nopt-level = 1\n") {
        return Err(format!("최적화 설정이 없습니다: {workspace}").into());
    }
    if readme.lines().next() != Some(&format!("`cargo {command}`")) {
        return Err("README의 첫 줄은 명령이어야 합니다".into());
    }
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "rustfmt.toml", "Cargo.lock"] {
        fs::metadata(copied.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    // 저장소를 옮기거나 지워도 돌도록, 저장소를 가리키는 것이 없어야 합니다.
    let root = fs::canonicalize(ROOT)?.display().to_string();
    for file in files(copied)? {
        if String::from_utf8_lossy(&fs::read(&file)?).contains(&root) {
            return Err(format!("{}: 저장소의 경로가 남았습니다", file.display()).into());
        }
    }
    // 의존하는 크레이트가 빠졌으면 여기서 실패합니다.
    cargo(copied, "tree --locked").map(drop)
}

fn expect_running(copied: &Path, name: &str, last_line: &str) -> Result {
    let help = cargo(copied, "run -- --help")?;
    if !help.contains(&format!("사용법: cargo run -p {name}")) {
        return Err(format!("도움말이 입력한 명령을 보여 주지 않습니다: {help}").into());
    }
    // 가져간 예제도 기록합니다. 무엇을 기록하는지는 timeline.rs가 봅니다.
    let record = copied.join("기록");
    let printed = recorded(copied, command_of(name), &record)?;
    if name == "semaphore" && fs::read_to_string(&record)?.matches("\"what\":\"hold\"").count() < 6
    {
        return Err("쥔 것이 기록되지 않았습니다".into());
    }
    let last = printed.lines().last().unwrap_or_default();
    // break의 마지막 줄은 본 것에 따라 달라지므로 시작만 정해져 있습니다.
    let kept = if name == "break" { last.starts_with(last_line) } else { last == last_line };
    if !kept {
        return Err(format!("마지막 줄이 다릅니다. 기대한 것: {last_line:?}\n{printed}").into());
    }
    if Path::new(ROOT).join("crates").join(name).exists() {
        let tested = cargo(copied, "test")?;
        if !tested.contains("test result: ok") {
            return Err(format!("테스트가 실행되지 않았습니다\n{tested}").into());
        }
        // 프로세스를 시작하는 테스트도 함께 가고, 실행됩니다.
        let own = fs::read_to_string(copied.join("crates").join(name).join("tests/processes.rs"))?;
        let names: Vec<&str> =
            own.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next()).collect();
        let ran = |name: &&str| tested.contains(&format!("test {name} ... ok"));
        if names.is_empty() || !names.iter().all(ran) {
            return Err(format!("tests/processes.rs: {names:?}\n{tested}").into());
        }
    }
    Ok(())
}

/// 폴더 안의 모든 파일. 심볼릭 링크는 따라가지 않습니다.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// 하나씩 가져간 것은 저마다 온전하고, 모두 함께 가져간 것은 컴파일됩니다.
#[test]
fn every_example_is_whole_after_being_taken_home() -> Result {
    let outside = Outside::new("모두")?;
    let examples = examples()?;
    assert!(examples.len() >= 6);
    for (name, _) in &examples {
        let copied = take(&outside.0, &[name], &format!("내 {name}"))?;
        expect_whole(&copied, name).map_err(|error| format!("== {name}: {error}"))?;
    }
    let names: Vec<&str> = examples.iter().map(|(name, _)| name.as_str()).collect();
    let home = take(&outside.0, &names, "모두 함께")?;
    cargo(&home, "check --all-targets").map(drop)
}

/// 하나씩 가져가 따로 빌드하고, 실행하고, 테스트합니다. 예제의 수만큼 다시 빌드해야 해서 오래 걸립니다.
#[test]
#[ignore = "예제마다 처음부터 빌드해 몇 분 걸립니다. .ci/run이 실행합니다"]
fn every_example_runs_after_being_taken_home() -> Result {
    let outside = Outside::new("실행")?;
    for (name, last_line) in examples()? {
        let copied = take(&outside.0, &[&name], &format!("내 {name}"))?;
        expect_running(&copied, &name, &last_line)
            .map_err(|error| format!("== {name}: {error}"))?;
    }
    Ok(())
}

/// 하나를 가져가고, 고치고, 나중에 더 가져가고, 새 프로그램을 더해도 모두 실행됩니다.
#[test]
fn examples_live_together() -> Result {
    let outside = Outside::new("함께")?;
    // 실행되는지를 볼 뿐이므로 최적화하지 않고 빨리 빌드합니다. cargo는 위의 폴더에 있는 설정도 읽습니다.
    fs::create_dir(outside.0.join(".cargo"))?;
    fs::write(outside.0.join(".cargo/config.toml"), "profile.dev.opt-level = 0\n")?;

    let home = take(&outside.0, &["lock"], "함께")?;
    let examples = examples()?;
    let (_, last_line) = examples.iter().find(|(name, _)| name == "lock").ok_or("lock")?;
    expect_running(&home, "lock", last_line)?;

    let mine = "// 내가 고친 것\n";
    let lock = home.join("crates/lock/src/lock.rs");
    fs::write(&lock, fs::read_to_string(&lock)? + mine)?;
    // no-lock은 lock도 씁니다.
    take(&outside.0, &["no-lock", "order"], "함께")?;
    assert!(fs::read_to_string(&lock)?.ends_with(mine));
    // README가 알려 주는 명령들은 모두 실행됩니다.
    let readme = fs::read_to_string(home.join("README.md"))?;
    let commands: Vec<_> =
        readme.lines().filter_map(|line| line.strip_prefix("`cargo ")?.strip_suffix('`')).collect();
    assert_eq!(commands, ["run", "run -p no-lock", "run -p order"]);
    for command in commands {
        assert!(cargo(&home, command)?.contains("예제 종료 ---"), "{command}");
    }

    let before: BTreeSet<PathBuf> = files(&home)?.into_iter().collect();
    for again in [&["lock"][..], &["pipe", "lock"]] {
        let refused = take(&outside.0, again, "함께").expect_err("이미 있는 예제를 덮어썼습니다");
        assert!(refused.to_string().contains("cargo run -p lock"), "{refused}");
        assert_eq!(files(&home)?.into_iter().collect::<BTreeSet<_>>(), before);
    }
    a_program_of_ones_own_joins(&home)?;
    a_shared_library_is_called_from_python(&home)
}

/// "제 프로젝트에서 쓰기"의 절 `title`에 있는 cargo 명령들.
fn commands(title: &str) -> Result<Vec<String>> {
    let page = fs::read_to_string(format!("{ROOT}/examples-ko/own-project.md"))?;
    let (_, section) = page.split_once(&format!("\n## {title}\n")).ok_or(title)?;
    let lines = section.lines().take_while(|line| !line.starts_with("## "));
    let commands: Vec<_> =
        lines.filter_map(|line| line.strip_prefix("cargo ").map(str::to_owned)).collect();
    assert!(commands.len() > 1, "{title}: {commands:?}");
    Ok(commands)
}

/// "제 프로젝트에서 쓰기"의 "새 프로그램"에 적힌 대로 하면, 프로그램도 테스트도 실행됩니다.
fn a_program_of_ones_own_joins(home: &Path) -> Result {
    for command in commands("새 프로그램")? {
        cargo(home, &command)?;
    }
    fs::write(home.join("crates/stats/src/main.rs"), include_str!("copy/stats.rs"))?;
    assert!(cargo(home, "run -p stats")?.contains("count: 2000, total: 3000.0, largest: 2.0"));
    assert!(cargo(home, "test -p stats")?.contains("1 passed"));
    Ok(())
}

/// "파이썬에서 호출하기"에 적힌 대로 하면, 파이썬이 호출한 함수도 프로세스를 시작합니다.
fn a_shared_library_is_called_from_python(home: &Path) -> Result {
    for command in commands("파이썬에서 호출하기")? {
        cargo(home, &command)?;
    }
    let manifest = home.join("crates/square/Cargo.toml");
    let library = "\n[lib]\ncrate-type = [\"cdylib\"]\n";
    fs::write(&manifest, fs::read_to_string(&manifest)? + library)?;
    fs::write(home.join("crates/square/src/lib.rs"), include_str!("copy/square.rs"))?;
    cargo(home, "build -p square")?;

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/copy/square.py");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("copies/debug/libsquare.so");
    let run = Command::new("python3").arg(script).arg(&library).output()?;
    assert_eq!(String::from_utf8(run.stdout)?, "49\n");
    // 표준 입력으로 준 스크립트는 자식이 다시 읽을 수 없습니다.
    let piped =
        Command::new("python3").arg("-").arg(&library).stdin(File::open(script)?).output()?;
    assert_eq!(String::from_utf8(piped.stdout)?, "-1\n");
    assert!(String::from_utf8(piped.stderr)?.contains("init()에 이르기 전에 끝났습니다"));
    Ok(())
}

/// 거절할 때는 2로 끝나고, 이유를 알리고, 아무것도 만들지 않습니다.
#[test]
fn wrong_requests_leave_nothing_behind() -> Result {
    let outside = Outside::new("거절")?;
    let here = &outside.0;
    let mine = here.join("이미 있음");
    fs::create_dir(&mine)?;
    fs::write(mine.join("나의 파일"), "그대로")?;
    let inside = fs::canonicalize(ROOT)?.join("새 폴더");
    let inside = inside.to_str().ok_or("경로가 UTF-8이 아닙니다")?;
    // 저장소를 가리키는 다른 이름으로도 저장소 안에 만들 수 없습니다.
    std::os::unix::fs::symlink(fs::canonicalize(ROOT)?, here.join("고리"))?;

    let before: BTreeSet<PathBuf> = files(here)?.into_iter().collect();
    let names: Vec<String> = examples()?.into_iter().map(|(name, _)| name).collect();
    let cases: &[(&[&str], &str)] = &[
        (&[], "무엇을 가져갈지"),
        (&["", ""], "무엇을 가져갈지"),
        (&["lock"], "어디에 둘지"),
        (&["lock", "이미 있음"], "이미 있습니다"),
        (&["lock", "이미 있음/나의 파일"], "이미 있습니다"),
        (&["ipc-core", "새 폴더"], "없습니다"),
        (&["tour", "새 폴더"], "없습니다"),
        (&["없는-예제", "새 폴더"], "없습니다"),
        (&["../lock", "새 폴더"], "없습니다"),
        (&["lock", inside], "저장소 안입니다"),
        (&["lock", "고리/새 폴더"], "저장소 안입니다"),
        (&["lock", "없음/../고리/새 폴더"], "'..'"),
        (&["lock", "새", "폴더"], "따옴표"),
        (&["lock", "없는-예제", "새 폴더"], "'없는-예제'"),
    ];
    for (args, reason) in cases {
        let refused = copy(here, args)?;
        let said = String::from_utf8(refused.stderr)?;
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(reason), "{args:?}: {said}");
        assert!(refused.stdout.is_empty(), "{args:?}");
    }
    let unknown = String::from_utf8(copy(here, &["없는-예제", "새 폴더"])?.stderr)?;
    for name in &names {
        assert!(unknown.contains(name.as_str()), "{name}: {unknown}");
    }
    assert!(!Path::new(inside).exists());
    assert_eq!(files(here)?.into_iter().collect::<BTreeSet<_>>(), before);
    assert_eq!(fs::read_to_string(mine.join("나의 파일"))?, "그대로");
    Ok(())
}
