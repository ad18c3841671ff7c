//! 11.3–11.8 일부러 부수기: 락을 쥔 프로세스가 죽으면 남은 프로세스는 무엇을 봅니까
//!
//! 락이나 허가를 쥔 프로세스, 큐에서 꺼내던 프로세스, 풀의 항목을 계산하던 작업자를 바로 그때 `SIGKILL`로 죽이고,
//! 남은 프로세스들이 무엇을 보는지 봅니다. `python3`가 있으면 같은 일을 파이썬의 multiprocessing으로도 합니다.
//! 그쪽은 거의 다 끝나지 않으므로, 제한 시간이 지나면 파이썬 프로세스를 모두 끝냅니다.
//!
//! 실행: `cargo run -p examples-ko --bin break -- lock` 또는 `just break lock`
//! 마지막 줄: `정리: `로 시작하며, 두 언어에서 본 것을 한 줄로 요약합니다.
//! 함께 보기: 이름마다 Rust는 `lock.rs`, 파이썬은 `lock-twin.py`처럼 나란히 있습니다. 파이썬은 `python.rs`가 실행합니다.

mod lock;
mod pipe;
mod pool;
mod process;
mod python;
mod queue;
mod semaphore;
mod stage;

use std::env::args_os;
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::time::Duration;

use anstream::println;
use anyhow::Result;
use lexopt::{Arg, Parser, ValueExt};

use python::Ending;
use stage::{Experiment, Fate};

const HELP: &str = "\
11.3–11.8 일부러 부수기: 락이나 허가를 쥔 프로세스를 죽이고, 남은 프로세스가
무엇을 보는지 Rust와 파이썬에서 봅니다.

사용법: break [--limit 초] 이름

  이름            pool, process, queue, pipe, lock, semaphore 가운데 하나
  --limit 초      죽인 뒤 파이썬을 기다릴 시간, 0.1에서 3600까지 (기본 5)
  -h, --help      이 도움말";
const EXPERIMENTS: [Experiment; 6] = [
    pool::EXPERIMENT,
    process::EXPERIMENT,
    queue::EXPERIMENT,
    pipe::EXPERIMENT,
    lock::EXPERIMENT,
    semaphore::EXPERIMENT,
];
const RANGE: RangeInclusive<f64> = 0.1..=3600.0;

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::end_with_closed_output();
    // 이름 없이 `just break`라고 하면 빈 인수가 오므로 세지 않습니다.
    let given: Vec<_> = args_os().skip(1).filter(|arg| !arg.is_empty()).collect();
    let (experiment, limit) =
        options(&given).unwrap_or_else(|wrong| ipc_core::refuse(&wrong, HELP));

    println!("\x1b[1m--- 일부러 부수기: {} ---\x1b[0m", experiment.title);
    println!("{}", experiment.what);

    println!("\n\x1b[1m[Rust]\x1b[0m");
    (experiment.ours)()?;

    println!();
    let ending = python::run(experiment.twin, limit)?;
    let python = match (ending, experiment.fate) {
        (Ending::Absent, _) => "파이썬 쪽은 해 보지 못했습니다.",
        (Ending::Hung, Fate::Hangs) | (Ending::Exited(0), Fate::Ends) => experiment.python,
        (Ending::Hung, Fate::Ends) => "이 파이썬은 뜻밖에 멈추었습니다.",
        (Ending::Exited(_), _) => "이 파이썬은 뜻밖의 모습으로 끝났습니다. 위의 줄을 보십시오.",
    };
    println!("\n정리: {} {python}", experiment.rust);
    Ok(())
}

/// 고른 실험과 `--limit`의 값.
fn options(given: &[OsString]) -> Result<(&'static Experiment, Duration), lexopt::Error> {
    let (mut chosen, mut limit) = (None, Duration::from_secs(5));
    let mut parser = Parser::from_args(given);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(name) if chosen.is_none() => {
                let found = EXPERIMENTS.iter().find(|known| name.eq_ignore_ascii_case(known.name));
                let name = name.to_string_lossy();
                chosen = Some(found.ok_or_else(|| format!("모르는 이름입니다: {name}"))?);
            }
            Arg::Long("limit") => limit = parser.value()?.parse_with(seconds)?,
            Arg::Short('h') | Arg::Long("help") => ipc_core::show(HELP),
            other => return Err(other.unexpected()),
        }
    }
    Ok((chosen.ok_or("무엇을 부술지 이름을 적으십시오")?, limit))
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(seconds) if RANGE.contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("--limit에는 0.1에서 3600까지의 수(초)를 적으십시오"),
    }
}
