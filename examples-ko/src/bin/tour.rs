//! 11.1–11.8 둘러보기: 모든 예제를 수업의 순서대로 실행합니다
//!
//! 예제를 하나씩 따로 실행하는 명령을 보여 주며 차례로 실행합니다. 예제마다 독립된 프로그램입니다. 하나라도 실패하면 거기서
//! 멈추고, 끝까지 가면 1분 가까이 걸립니다. 이름을 적으면(`cargo run lock`) 그 예제만 실행합니다.
//!
//! 실행: `cargo run` 또는 `just run-all`
//! 마지막 줄: `모든 예제 완료`
//! 함께 보기: 여섯 예제는 `crates/`, 나머지는 이 폴더의 `src/bin/`

use std::env::{args_os, current_exe, var_os};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio, exit};
use std::thread;
use std::time::Duration;

use anstream::{eprintln, println};
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

const SIGINT: i32 = 2;
const SIGPIPE: i32 = 13;

/// 예제의 제목과 이름, 여기서 주는 인수.
const SECTIONS: [(&str, &str, &[&str]); 21] = [
    ("11.1 스레드와 프로세스", "threads-vs-processes", &[]),
    ("11.1 두 요리사, 스레드로", "two-cooks-threads", &[]),
    ("11.1 두 요리사, 프로세스로", "two-cooks-processes", &[]),
    ("11.2 팩토리얼", "factorial", &[]),
    ("11.2 맥박", "heartbeat", &["--interval", "1"]),
    ("11.3 Pool", "pool", &[]),
    ("11.4 Process", "process", &[]),
    ("11.5 Queue", "queue", &[]),
    ("11.5 순서", "order", &[]),
    ("11.5 가득 찬 큐", "full-queue", &[]),
    ("11.5 진행 상황", "progress", &[]),
    ("11.6 Pipe", "pipe", &[]),
    ("11.6 파이프의 끝", "pipe-end", &[]),
    ("11.6 ipc-channel", "ipc-channel-pipe", &[]),
    ("11.7 Lock", "lock", &[]),
    ("11.7 락 없이", "no-lock", &[]),
    ("11.7 두 번 획득하기", "two-acquires", &[]),
    ("11.7 두 락", "two-locks", &[]),
    ("11.7 공유 히스토그램", "shared-histogram", &[]),
    ("11.8 Semaphore", "semaphore", &[]),
    ("11.8 신호, 토큰, 버퍼", "signals", &[]),
];
/// 이름이 같은 패키지에 있는 예제. 나머지는 이 패키지에 있습니다.
const CRATES: [&str; 6] = ["lock", "pipe", "pool", "process", "queue", "semaphore"];
const NO_CARGO: &str = "cargo를 실행하지 못했습니다. PATH에 cargo가 있는지 확인하십시오";

fn main() -> Result<()> {
    ipc_core::init();
    let mut given = args_os().skip(1);
    if let Some(name) = given.next().filter(|arg| !arg.to_string_lossy().starts_with('-')) {
        return run_one(&name, given);
    }
    ipc_core::help(include_str!("tour.rs"));

    build()?;
    let programs = current_exe()?;
    for (index, (title, name, args)) in SECTIONS.iter().enumerate() {
        let (count, typed) = (SECTIONS.len(), typed(name, args));
        println!("\n\x1b[1m[{}/{count}] {title}\x1b[0m", index + 1);
        println!("\x1b[2m{typed}\x1b[0m\n");
        // 자식의 출력은 그대로 화면으로 갑니다. 그동안 이 프로그램은 아무것도 그리지 않습니다.
        let program = programs.with_file_name(name);
        let status = Command::new(&program).args(*args).status();
        let status =
            status.with_context(|| format!("실행하지 못했습니다: {}", program.display()))?;
        if status.signal() == Some(SIGPIPE) {
            exit(128 + SIGPIPE); // `| head`처럼 출력을 받는 쪽이 닫혔습니다. 알릴 것이 없습니다.
        }
        if !status.success() {
            eprintln!("\n{title} 예제가 실패했습니다({}).", ending(status));
            eprintln!("위의 에러를 보고, 이것만 다시 실행하려면: {typed}");
            exit(if status.signal() == Some(SIGINT) { 130 } else { 1 });
        }
    }
    println!("\n모든 예제 완료");
    Ok(())
}

/// `cargo run lock`처럼 이름만 적었을 때, 그 예제를 실행하는 cargo가 됩니다.
fn run_one(name: &OsString, args: impl Iterator<Item = OsString>) -> Result<()> {
    let Some((_, name, _)) = SECTIONS.iter().find(|(_, known, _)| name == known) else {
        let names: Vec<_> = SECTIONS.iter().map(|(_, name, _)| *name).collect();
        eprintln!("'{}' 예제는 없습니다. 있는 것: {}", name.to_string_lossy(), names.join(" "));
        exit(2);
    };
    eprintln!("\x1b[2m{}\x1b[0m", typed(name, &[]));
    let error = cargo("run").args(place(name)).arg("--").args(args).exec();
    Err(error).context(NO_CARGO)
}

/// 예제가 있는 곳: `-p lock`이나 `-p examples-ko --bin order`.
fn place(name: &str) -> Vec<&str> {
    if CRATES.contains(&name) { vec!["-p", name] } else { vec!["-p", "examples-ko", "--bin", name] }
}

/// 이 예제만 실행하려면 입력할 명령.
fn typed(name: &str, args: &[&str]) -> String {
    let dashes: &[&str] = if args.is_empty() { &[] } else { &["--"] };
    [&["cargo", "run"], &place(name)[..], dashes, args].concat().join(" ")
}

/// 미리 모두 빌드합니다. 그래야 예제 사이에서 멈추지 않습니다.
///
/// 작업공간을 모두 고르면 `cargo run`이 이 프로그램을 빌드할 때와 의존 크레이트의 기능(feature)이 같아, 이미 빌드된 것을
/// 다시 씁니다.
fn build() -> Result<()> {
    let mut build = cargo("build");
    build.args(["-q", "--message-format=json-render-diagnostics", "--workspace"]);
    build.args(SECTIONS.iter().flat_map(|(_, name, _)| ["--bin", name]));
    let mut cargo =
        build.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(NO_CARGO)?;

    // 터미널이 아니면 indicatif는 아무것도 그리지 않습니다.
    let style = ProgressStyle::with_template("{spinner} 예제를 빌드합니다 {pos}/{len}")?;
    let bar = ProgressBar::new(SECTIONS.len() as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    // 에러는 막대를 지운 뒤에 보여 주려고 모아 둡니다.
    let mut stderr = cargo.stderr.take().context("cargo의 표준 에러가 없습니다")?;
    let errors = thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    // cargo는 프로그램 하나를 다 만들 때마다, 그 파일이 적힌 한 줄을 씁니다.
    let messages = BufReader::new(cargo.stdout.take().context("cargo의 표준 출력이 없습니다")?);
    for message in messages.lines() {
        bar.inc(message?.contains(r#""executable":""#).into());
    }
    let built = cargo.wait()?;
    bar.finish_and_clear();
    if !built.success() {
        eprintln!("{}", errors.join().unwrap_or_else(|_| Ok(String::new()))?);
    }
    ensure!(built.success(), "빌드하지 못했습니다. 위의 에러를 보십시오: cargo build");
    Ok(())
}

/// `cargo SUBCOMMAND`. 이 프로그램이 최적화되어 있으면 예제도 그렇게 빌드합니다.
fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command
}

fn ending(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("시그널 {}", ipc_core::signal_name(signal)),
        None => format!("종료 코드 {}", status.code().unwrap_or_default()),
    }
}
