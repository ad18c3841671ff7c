//! 11.3–11.8 타임라인: 누가 언제 기다리고 언제 쥐었는지 그립니다
//!
//! 예제를 실행하며 기다린 구간과 쥔 구간을 기록하고, 끝나면 프로세스마다 한 줄로 그립니다. 동시에 가장 많이 쥔 수도 세어,
//! 자리보다 많으면 종료 코드 1로 끝납니다. 기록은 환경 변수 `IPC_TIMELINE`으로 하므로, 가져간 예제의 것도 그릴 수 있습니다.
//!
//! 실행: `cargo run -p examples-ko --bin timeline -- semaphore` 또는 `just timeline semaphore`
//! 마지막 줄: 락과 세마포어가 있으면 `동시에 쥔 수`로 시작합니다
//! 함께 보기: 기록은 `crates/ipc-core/src/timeline.rs`, 그림은 `text.rs`와 `svg.rs`

mod record;
mod svg;
mod text;
mod trace;

use std::env::{current_exe, var_os};
use std::ffi::OsString;
use std::fs;
use std::io::read_to_string;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, exit, id};

use anyhow::{Context, Result, ensure};
use lexopt::{Arg, Parser, ValueExt};

use record::Picture;

const SIGPIPE: i32 = 13;
const HELP: &str = "\
11.3–11.8 타임라인: 예제를 실행하고, 누가 언제 기다리고 언제 쥐었는지 그립니다.

사용법: timeline [옵션 …] 이름

  이름            lock, semaphore처럼 실행할 예제. break-lock은 일부러 부수기
  --from 파일     실행하지 않고, IPC_TIMELINE=파일로 기록한 것을 그립니다
  --svg 파일      브라우저에서 볼 그림
  --trace 파일    https://ui.perfetto.dev에서 여는 기록(JSON)
  -h, --help      이 도움말";
/// 이름이 같은 패키지에 있는 예제.
const CRATES: [&str; 6] = ["lock", "pipe", "pool", "process", "queue", "semaphore"];
/// 여기에 [`CRATES`]의 이름을 이은 것은 그것을 일부러 부수는 실험입니다.
const BREAK: &str = "break-";
/// 이 패키지에 있는, 프로세스를 띄우는 예제.
const PROGRAMS: [&str; 11] = [
    "factorial",
    "full-queue",
    "heartbeat",
    "no-lock",
    "order",
    "pipe-end",
    "progress",
    "shared-histogram",
    "two-acquires",
    "two-cooks-processes",
    "two-locks",
];

#[derive(Default)]
struct Options {
    name: Option<String>,
    from: Option<PathBuf>,
    svg: Option<PathBuf>,
    trace: Option<PathBuf>,
}

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::end_with_closed_output();
    let options = options().unwrap_or_else(|wrong| ipc_core::refuse(&wrong, HELP));
    let (title, recorded) = match (&options.name, &options.from) {
        (Some(name), _) => (name.clone(), run(name)?),
        (None, Some(path)) => (path.display().to_string(), read(path)?),
        (None, None) => ipc_core::refuse(&"이름이나 --from 파일을 적으십시오".into(), HELP),
    };
    let picture = Picture::new(title, &recorded)?;
    print!("{}", text::draw(&picture));
    if let Some(path) = options.svg {
        write(path, svg::draw(&picture))?;
    }
    if let Some(path) = options.trace {
        write(path, trace::json(&picture).to_string())?;
    }
    let mut crowded = false;
    for (heading, peak) in picture.peaks() {
        let name = format!("{heading} {}", peak.name);
        println!("동시에 쥔 수({}): 가장 많을 때 {}, 자리 {}", name.trim(), peak.most, peak.places);
        crowded |= peak.most > peak.places;
    }
    ensure!(!crowded, "자리보다 많은 프로세스가 함께 쥐었습니다. 위의 '동시에 쥔 수'를 보십시오");
    Ok(())
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options::default();
    // 이름 없이 `just timeline`이라고 하면 빈 인수가 오므로 세지 않습니다.
    let given: Vec<OsString> = std::env::args_os().skip(1).filter(|arg| !arg.is_empty()).collect();
    let mut parser = Parser::from_args(given);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => ipc_core::show(HELP),
            Arg::Long("from") => options.from = Some(parser.value()?.into()),
            Arg::Long("svg") => options.svg = Some(parser.value()?.into()),
            Arg::Long("trace") => options.trace = Some(parser.value()?.into()),
            Arg::Value(name) if options.name.is_none() => {
                let name = name.string()?;
                let (broken, name_only) = split(&name);
                let known = CRATES.contains(&name_only);
                if !known && (broken || !PROGRAMS.contains(&name_only)) {
                    let known = [&CRATES[..], &PROGRAMS, &["break-lock"]].concat().join(" ");
                    return Err(
                        format!("'{name}' 예제는 그릴 수 없습니다. 있는 것: {known}").into()
                    );
                }
                options.name = Some(name);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

/// `break-lock`이면 참과 `lock`.
fn split(name: &str) -> (bool, &str) {
    name.strip_prefix(BREAK).map_or((false, name), |name| (true, name))
}

/// 예제를 빌드하고 실행하며 기록합니다. 예제의 출력은 그대로 화면에 나옵니다.
fn run(name: &str) -> Result<String> {
    let (program, argument) = match split(name) {
        (true, broken) => ("break", Some(broken)),
        (false, name) => (name, None),
    };
    let mut build = Command::new(var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // -p로 고르면 의존하는 크레이트까지 다른 기능으로 다시 컴파일하므로, 작업공간을 모두 고르고 그 가운데 하나만 빌드합니다.
    build.args(["build", "-q", "--workspace", "--bin", program]);
    // 다른 폴더에서 입력한 명령이어도 이 작업공간을 찾습니다.
    if let Some(package) = var_os("CARGO_MANIFEST_DIR") {
        build.arg("--manifest-path").arg(Path::new(&package).join("Cargo.toml"));
    }
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build
        .status()
        .context("cargo를 실행하지 못했습니다. PATH에 cargo가 있는지 확인하십시오")?;
    ensure!(built.success(), "빌드하지 못했습니다. 위의 에러를 보십시오");
    // 이름 없는 파일이라, 도중에 Ctrl-C를 눌러도 남지 않습니다. 예제는 이 프로세스의 디스크립터를 거쳐 엽니다.
    let recording = tempfile::tempfile().context("기록할 임시 파일을 만들지 못했습니다")?;
    let path = format!("/proc/{}/fd/{}", id(), recording.as_raw_fd());
    let program = current_exe()?.with_file_name(program);
    let status = Command::new(&program).args(argument).env("IPC_TIMELINE", path).status();
    let status = status.with_context(|| format!("실행하지 못했습니다: {}", program.display()))?;
    if status.signal() == Some(SIGPIPE) {
        exit(128 + SIGPIPE); // `| head`처럼 출력을 받는 쪽이 닫혔습니다. 알릴 것이 없습니다.
    }
    if !status.success() {
        eprintln!("{name} 예제가 실패해 그리지 않습니다({status}). 위의 에러를 보십시오");
        exit(1);
    }
    println!();
    Ok(read_to_string(recording)?)
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("파일을 읽지 못했습니다: {}", path.display()))
}

fn write(path: PathBuf, contents: String) -> Result<()> {
    fs::write(&path, contents).with_context(|| {
        format!("{}에 쓰지 못했습니다. 쓸 수 있는 경로를 주십시오", path.display())
    })
}
