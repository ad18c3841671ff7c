//! 11.2 팩토리얼: 숫자 12,000개를 프로세스 하나로, 그리고 여럿이 나누어 구합니다
//!
//! 먼저 프로세스 하나가 0!부터 11999!까지 차례로 구하고, 이어서 프로세스 다섯 개가 나누어 구합니다. 결과는 모두 합쳐 약
//! 102MB이며, 모두 부모에게 전달되어 두 결과가 같은지 비교합니다. 몇 배까지 빨라지는지는 코어의 수가 정합니다.
//!
//! 실행: `cargo run -p examples-ko --bin factorial` 또는 `just run-factorial`
//! 마지막 줄: `--- 팩토리얼 예제 종료 ---`
//! 함께 보기: 11.3 `crates/pool`, 스레드와 비교하려면 `threads-vs-processes.rs`

use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use lexopt::{Arg, Parser, ValueExt};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use num_bigint::BigUint;
use pool::Pool;
use serde_bytes::ByteBuf;

const HELP: &str = "\
11.2 팩토리얼: 많은 숫자의 팩토리얼을 프로세스 하나로, 그리고 여러 프로세스로
구해 비교합니다.

사용법: cargo run -p examples-ko --bin factorial -- [옵션 …]

  --numbers N     0부터 N-1까지 구합니다 (기본 12000)
  --processes P   프로세스의 수 (기본 5)
  --naive         반씩 나누지 않고 1부터 차례로 곱합니다. 긴 수에 짧은 수를
                  곱하는 일만 거듭하므로, 반씩 나누어 곱하는 CPython의
                  math.factorial보다 느립니다
  -h, --help      이 도움말";
const NUMBERS: u32 = 12_000;
const PROCESSES: usize = 5;
/// 0!부터 11999!까지의 비트 수를 모두 더한 값.
const TOTAL_BITS: u64 = 819_864_688;
/// 작업자가 한 번에 가져가는 숫자의 수. 너무 적으면 가져가는 횟수가 늘고, 너무 많으면 마지막에 한 작업자만 남아
/// 일합니다.
const CHUNK: usize = 16;

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::end_with_closed_output();
    let (numbers, processes, naive) =
        options().unwrap_or_else(|wrong| ipc_core::refuse(&wrong, HELP));

    println!("--- 팩토리얼 예제 시작 ---");
    println!("0부터 {}까지, 숫자 {numbers}개의 팩토리얼을 구합니다.", numbers - 1);

    let start = Instant::now();
    let bar = progress(numbers);
    let alone: Vec<BigUint> =
        bar.wrap_iter(0..numbers).map(|number| factorial(number, naive)).collect();
    let alone_time = start.elapsed().as_secs_f64();
    println!("혼자서: {alone_time:.2}초");

    let (start, cpu) = (Instant::now(), cpu_seconds()?);
    let bar = progress(numbers);
    // 작업자를 띄우는 시간과, 결과를 옮기고 큰 수로 읽는 시간도 포함해 잽니다.
    // ANCHOR: pool
    // ① 작업자는 묶음을 하나씩 가져갑니다.
    let pool = Pool::builder().workers(processes).chunk_size(CHUNK).build()?;
    let items = (0..numbers).map(|number| (number, naive));
    // ② 오는 대로 읽습니다. 그동안에도 작업자들은 계산합니다.
    let together = bar
        .wrap_iter(pool.imap(factorial_bytes, items))
        .map(|bytes| Ok(BigUint::from_bytes_le(&bytes?)))
        .collect::<Result<Vec<BigUint>>>()?;
    // ANCHOR_END: pool
    let together_time = start.elapsed().as_secs_f64();
    drop(pool); // 작업자들이 끝나야 그들이 쓴 CPU 시간을 알 수 있습니다.
    let used = (cpu_seconds()? - cpu) / together_time;
    println!("프로세스 {processes}개로: {together_time:.2}초");

    ensure!(alone == together, "프로세스 하나로 구한 결과와 나누어 구한 결과가 다릅니다");
    let bits: u64 = together.iter().map(BigUint::bits).sum();
    ensure!(numbers != NUMBERS || bits == TOTAL_BITS, "비트 수의 합이 다릅니다: {bits}");
    println!("두 결과는 같습니다. 모두 {bits}비트, 약 {:.1}MB입니다.", bits as f64 / 8e6);

    println!("나누어 구하는 속도는 혼자 구할 때의 {:.2}배입니다.", alone_time / together_time);
    println!("{}", limit(processes, available_parallelism()?.get(), used));
    println!("--- 팩토리얼 예제 종료 ---");
    Ok(())
}

/// 몇 배까지 빨라질 수 있는지, 그리고 이번에 코어를 다 쓰지 못했다면 그 이유.
fn limit(processes: usize, cores: usize, used: f64) -> String {
    let most = processes.min(cores);
    if cores == 1 {
        return "이 컴퓨터의 코어는 1개이므로, 나누어도 빨라지지 않습니다.".to_owned();
    }
    if processes == 1 {
        return "작업자가 하나이면 나누어도 빨라지지 않습니다.".to_owned();
    }
    let mut said = format!(
        "이 컴퓨터의 코어는 {cores}개이므로, 프로세스 {processes}개로는 {most}배쯤이 한계입니다."
    );
    said += &format!("\n이번에 쓴 코어는 평균 {used:.1}개입니다");
    let idle = used < 0.75 * most as f64;
    said += if idle { "(다른 프로그램이 바쁘거나 일이 작습니다)." } else { "." };
    said
}

/// 이 프로세스와, 이미 끝난 자식들이 쓴 CPU 시간.
fn cpu_seconds() -> Result<f64> {
    let mut microseconds = 0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        microseconds += (usage.user_time() + usage.system_time()).num_microseconds();
    }
    Ok(microseconds as f64 / 1e6)
}

/// 숫자의 수, 프로세스의 수, `--naive`가 있는지.
fn options() -> Result<(u32, usize, bool), lexopt::Error> {
    let (mut numbers, mut processes, mut naive) = (NUMBERS, PROCESSES, false);
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("numbers") => {
                numbers = parser.value()?.parse_with(|text| match text.parse() {
                    Ok(numbers) if numbers > 0 => Ok(numbers),
                    _ => Err("--numbers에는 1 이상의 정수를 적으십시오"),
                })?;
            }
            Arg::Long("processes") => {
                processes = parser.value()?.parse_with(|text| match text.parse() {
                    Ok(processes) if processes > 0 => Ok(processes),
                    _ => Err("--processes에는 1 이상의 정수를 적으십시오"),
                })?;
            }
            Arg::Long("naive") => naive = true,
            Arg::Short('h') | Arg::Long("help") => ipc_core::show(HELP),
            other => return Err(other.unexpected()),
        }
    }
    Ok((numbers, processes, naive))
}

/// 터미널에서만 보이는 진행 막대. 부모만 그립니다.
fn progress(numbers: u32) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}").expect("올바른 서식입니다");
    ProgressBar::new(numbers.into()).with_style(style)
}

fn factorial(number: u32, naive: bool) -> BigUint {
    if naive { (1..=number).map(BigUint::from).product() } else { product(1, number) }
}

/// `low`부터 `high`까지의 곱. 반씩 나누어 길이가 비슷한 수끼리 곱해야 빠른 곱셈이 쓰입니다.
fn product(low: u32, high: u32) -> BigUint {
    if high.saturating_sub(low) >= 128 {
        let middle = low.midpoint(high);
        return product(low, middle) * product(middle + 1, high);
    }
    // 짧은 구간은 차례로 곱하되, 64비트 정수에 담기는 동안은 보통 곱셈으로 모읍니다.
    let (mut long, mut short) = (BigUint::from(1u32), 1u64);
    for factor in (low..=high).map(u64::from) {
        short = short.checked_mul(factor).unwrap_or_else(|| {
            long *= short;
            factor
        });
    }
    long * short
}

// 여기부터는 작업자 프로세스에서 실행됩니다.

/// 큰 수를 바이트로 반환합니다. `BigUint`의 serde 형식은 자리마다 하나씩 옮겨 적으므로 느립니다.
fn factorial_bytes(number: u32, naive: bool) -> ByteBuf {
    ByteBuf::from(factorial(number, naive).to_bytes_le())
}

#[cfg(test)]
mod tests {
    use super::limit;

    #[test]
    fn idle_cores_are_mentioned_and_one_worker_has_no_limit() {
        assert!(
            limit(5, 2, 1.9).ends_with("2배쯤이 한계입니다.\n이번에 쓴 코어는 평균 1.9개입니다.")
        );
        assert!(limit(5, 8, 4.8).contains("프로세스 5개로는 5배쯤이 한계입니다."));
        assert!(limit(5, 2, 1.2).contains("1.2개입니다(다른 프로그램이 바쁘거나"));
        assert_eq!(limit(1, 2, 1.3), "작업자가 하나이면 나누어도 빨라지지 않습니다.");
        assert_eq!(limit(5, 1, 0.9), "이 컴퓨터의 코어는 1개이므로, 나누어도 빨라지지 않습니다.");
    }
}
