//! 11.2 맥박: 계산하는 동안 다른 프로세스가 살아 있음을 알립니다
//!
//! 한 프로세스가 계산하는 동안 다른 프로세스가 5초마다 살아 있다고 알립니다. 둘은 동시에 실행되고, 계산이 끝나면
//! 맥박도 멈춥니다. 멈추라는 메시지를 따로 보내지 않습니다. 계산하는 프로세스가 가진 파이프가 닫히는 것이 신호이므로,
//! 계산이 도중에 죽어도 맥박은 멈춥니다.
//!
//! 실행: `cargo run -p examples-ko --bin heartbeat` 또는 `just run-heartbeat`
//! 마지막 줄: `--- 맥박 예제 종료 ---`
//! 함께 보기: 11.4 `crates/process`, 11.6 `crates/pipe`

use std::ops::RangeInclusive;
use std::process::id;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ipc_core::Process;
use lexopt::{Arg, Parser, ValueExt};
use pipe::{ChannelError, Receiver, Sender, pipe};

const HELP: &str = "\
11.2 맥박: 계산하는 동안 다른 프로세스가 살아 있음을 알립니다.

사용법: cargo run -p examples-ko --bin heartbeat -- [--interval 초]

  --interval 초   알리는 간격, 0.01에서 3600까지 (기본 5)
                  계산은 그 2.5배 동안 합니다
  -h, --help      이 도움말";
const RANGE: RangeInclusive<f64> = 0.01..=3600.0;

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::end_with_closed_output();
    let interval = options().unwrap_or_else(|wrong| ipc_core::refuse(&wrong, HELP));

    println!("--- 맥박 예제 시작 ---");
    // ANCHOR: pulse
    // 이 파이프로는 아무것도 보내지 않습니다.
    // 보내는 쪽이 살아 있는지만 봅니다.
    let (pulse, alive) = pipe()?;
    // ① 받는 쪽은 맥박에게 옮겨 갑니다.
    let mut p_heartbeat = Process::spawn(heartbeat, (pulse, interval))?;
    // ②③ 이 자식이 끝나면 보내는 쪽도 닫힙니다.
    let p_compute = Process::spawn(compute, (alive, interval.mul_f64(2.5)))?;
    // ANCHOR_END: pulse

    let (limit, primes) = p_compute.join()?;
    // 계산이 끝났으니 맥박은 간격을 기다리지 않고 곧 끝나야 합니다.
    let beats = p_heartbeat
        .join_timeout(Duration::from_secs(2))
        .context("계산이 끝났는데 맥박이 멈추지 않았습니다")?;

    println!("계산 결과: {limit}보다 작은 소수는 {primes}개입니다.");
    println!("계산하는 동안 맥박이 {beats}번 뛰었습니다.");
    // 한 번도 뛰지 않았다면 계산이 끝난 뒤에야 차례가 온 것입니다.
    ensure!(beats > 0, "계산과 맥박이 동시에 실행되지 않았습니다");
    println!("--- 맥박 예제 종료 ---");
    Ok(())
}

/// `--interval`의 값.
fn options() -> Result<Duration, lexopt::Error> {
    let mut interval = Duration::from_secs(5);
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("interval") => {
                interval = parser.value()?.parse_with(|text| match text.parse() {
                    Ok(seconds) if RANGE.contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
                    _ => Err("--interval에는 0.01에서 3600까지의 수(초)를 적으십시오"),
                })?;
            }
            Arg::Short('h') | Arg::Long("help") => ipc_core::show(HELP),
            other => return Err(other.unexpected()),
        }
    }
    Ok(interval)
}

// 여기부터는 자식 프로세스에서 실행됩니다.

/// `span` 동안 소수를 셉니다. 어디까지 세었는지와 그 개수를 반환합니다.
fn compute(_alive: Sender<()>, span: Duration) -> (u64, u64) {
    println!("Process ID: {} - 계산 시작", id());
    let start = Instant::now();
    let (mut number, mut primes) = (2, 0);
    while start.elapsed() < span {
        primes += u64::from(is_prime(number));
        number += 1;
    }
    println!("Process ID: {} - 계산 완료", id());
    (number, primes) // 함수가 끝나며 `_alive`가 닫힙니다.
}

// 11.1의 계산과 같습니다. 오래 걸리기만 하면 무엇이든 좋습니다.
fn is_prime(number: u64) -> bool {
    (2..).take_while(|d| d * d <= number).all(|d| number % d != 0)
}

/// 보내는 쪽이 닫힐 때까지 `interval`마다 알리고,
/// 몇 번 알렸는지 반환합니다.
fn heartbeat(pulse: Receiver<()>, interval: Duration) -> Result<u32> {
    let start = Instant::now();
    for beats in 0.. {
        // ① 파이프가 닫히면 바로 깨어납니다.
        match pulse.recv_timeout(interval) {
            Err(ChannelError::Timeout) => {
                // ② 파이프는 아직 열려 있습니다.
                let elapsed = start.elapsed().as_secs_f64();
                println!("Process ID: {} - 아직 계산하고 있습니다({elapsed:.1}초째).", id());
            }
            Err(ChannelError::Disconnected) => return Ok(beats),
            other => other?,
        }
    }
    unreachable!("u32로 셀 수 있는 횟수보다 먼저 멈춥니다")
}
