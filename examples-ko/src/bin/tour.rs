//! 11.1–11.8 둘러보기: 모든 예제를 수업의 순서대로 실행합니다
//!
//! 예제를 하나씩 따로 실행하는 명령을 보여 주며 차례로 실행합니다. 예제마다 독립된 프로그램이므로 cargo로
//! 시작합니다. 하나라도 실패하면 거기서 멈추고, 끝까지 가면 1분 가까이 걸립니다.
//!
//! 실행: `cargo run` 또는 `just run-all`
//! 마지막 줄: `모든 예제 완료`
//! 함께 보기: 여섯 예제는 `crates/`, 나머지는 이 폴더의 `src/bin/`

use std::env::var_os;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, exit};
use std::time::Duration;

use anstream::{eprintln, println};
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

const HELP: &str = "11.1–11.8 둘러보기: 모든 예제를 수업의 순서대로 실행합니다(1분 가까이).";
const SIGINT: i32 = 2;
const SIGPIPE: i32 = 13;

/// 예제의 제목과, 그것만 실행하려면 `cargo run` 뒤에 적을 것.
const SECTIONS: [(&str, &str); 17] = [
    ("11.1 스레드와 프로세스", "-p examples-ko --bin threads-vs-processes"),
    ("11.1 두 요리사, 스레드로", "-p examples-ko --bin two-cooks-threads"),
    ("11.1 두 요리사, 프로세스로", "-p examples-ko --bin two-cooks-processes"),
    ("11.2 팩토리얼", "-p examples-ko --bin factorial"),
    ("11.2 맥박", "-p examples-ko --bin heartbeat -- --interval 1"),
    ("11.3 Pool", "-p pool"),
    ("11.4 Process", "-p process"),
    ("11.5 Queue", "-p queue"),
    ("11.5 순서", "-p examples-ko --bin order"),
    ("11.5 가득 찬 큐", "-p examples-ko --bin full-queue"),
    ("11.5 진행 상황", "-p examples-ko --bin progress"),
    ("11.6 Pipe", "-p pipe"),
    ("11.6 파이프의 끝", "-p examples-ko --bin pipe-end"),
    ("11.7 Lock", "-p lock"),
    ("11.7 락 없이", "-p examples-ko --bin no-lock"),
    ("11.7 공유 히스토그램", "-p examples-ko --bin shared-histogram"),
    ("11.8 Semaphore", "-p semaphore"),
];

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(HELP);

    build()?;
    for (index, (title, target)) in SECTIONS.iter().enumerate() {
        let count = SECTIONS.len();
        println!("\n\x1b[1m[{}/{count}] {title}\x1b[0m", index + 1);
        println!("\x1b[2mcargo run {target}\x1b[0m\n");
        // 자식의 출력은 그대로 화면으로 갑니다. 그동안 이 프로그램은 아무것도 그리지 않습니다.
        let status = cargo("run", target).status().context(NO_CARGO)?;
        if status.signal() == Some(SIGPIPE) {
            exit(128 + SIGPIPE); // `| head`처럼 출력을 받는 쪽이 닫혔습니다. 알릴 것이 없습니다.
        }
        if !status.success() {
            eprintln!("\n{title} 예제가 실패했습니다({}).", ending(status));
            eprintln!("위의 에러를 보고, 이것만 다시 실행하려면: cargo run {target}");
            exit(if status.signal() == Some(SIGINT) { 130 } else { 1 });
        }
    }
    println!("\n모든 예제 완료");
    Ok(())
}

const NO_CARGO: &str = "cargo를 실행하지 못했습니다. PATH에 cargo가 있는지 확인하십시오";

/// 미리 모두 빌드합니다. 그래야 예제 사이에서 멈추지 않습니다.
fn build() -> Result<()> {
    let package = |target: &'static str| target.split(" --").next().unwrap_or(target);
    // cargo는 고른 패키지에 따라 의존 크레이트를 달리 빌드하므로, 실행할 때와 똑같이 하나씩 빌드합니다.
    let mut packages: Vec<_> = SECTIONS.iter().map(|(_, target)| package(target)).collect();
    packages.sort_unstable();
    packages.dedup();

    // 터미널이 아니면 indicatif는 아무것도 그리지 않습니다.
    let style = ProgressStyle::with_template("{spinner} 예제를 빌드합니다 {pos}/{len}")?;
    let bar = ProgressBar::new(packages.len() as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    for package in packages {
        // 에러는 막대를 지운 뒤에 보여 주려고 모아 둡니다.
        let built = cargo("build", package).output().context(NO_CARGO)?;
        if !built.status.success() {
            bar.finish_and_clear();
            eprintln!("{}", String::from_utf8_lossy(&built.stderr));
        }
        ensure!(built.status.success(), "빌드하지 못했습니다: cargo build {package}");
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// `cargo SUBCOMMAND -q TARGET`. 이 프로그램이 최적화되어 있으면 예제도 그렇게 빌드합니다.
fn cargo(subcommand: &str, target: &str) -> Command {
    let mut command = Command::new(var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([subcommand, "-q"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.args(target.split(' '));
    command
}

fn ending(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("시그널 {}", ipc_core::signal_name(signal)),
        None => format!("종료 코드 {}", status.code().unwrap_or_default()),
    }
}
