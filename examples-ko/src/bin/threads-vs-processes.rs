//! 11.1 스레드와 프로세스: 속도, 메모리, 격리
//!
//! 파이썬은 GIL 때문에 CPU를 쓰는 일을 스레드로 나누지 못합니다. Rust에는 GIL이 없어 스레드로도 나눌 수 있습니다.
//! 그러면 프로세스는 언제 쓸까요? 속도는 비슷하지만, 프로세스마다 메모리가 따로 있고, 하나가 죽어도 나머지는 계속됩니다.
//!
//! 실행: `cargo run -p examples-ko --bin threads-vs-processes` 또는 `just run-threads-vs-processes`
//! 마지막 줄: `--- 스레드와 프로세스 예제 종료 ---`
//! 함께 보기: 11.3 `crates/pool`, 같은 프로그램 둘은 `two-cooks-threads.rs`와 `two-cooks-processes.rs`

use std::process::abort;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::{self, available_parallelism};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use ipc_core::{Process, ProcessError, signal_name};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use pool::Pool;
use rayon::prelude::*;

const WORKERS: u32 = 4;
const RAISES: u32 = 1000;
const BLOCKS: u32 = 64;
const BLOCK_SIZE: u32 = 50_000;

/// 스레드는 이 변수를 함께 쓰고, 프로세스는 각자 따로 갖습니다.
static COUNTER: AtomicU32 = AtomicU32::new(0);

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("threads-vs-processes.rs"));

    println!("--- 스레드와 프로세스 예제 시작 ---");
    speed()?;
    memory()?;
    isolation()?;
    println!("--- 스레드와 프로세스 예제 종료 ---");
    Ok(())
}

/// 같은 계산을 차례로, 스레드로(rayon), 프로세스로(Pool) 합니다.
fn speed() -> Result<()> {
    let cores = available_parallelism()?.get();
    println!("\n속도: {} 아래의 소수 세기(세 번 가운데 가장 빠른 것)", BLOCKS * BLOCK_SIZE);
    let alone = best(|| Ok((0..BLOCKS).map(count_primes).collect()))?;
    println!("  차례로      {:.2}밀리초", alone.milliseconds);

    // ANCHOR: speed
    // ① rayon이 코어의 수만큼 스레드를 띄워 둡니다.
    let threads = best(|| Ok((0..BLOCKS).into_par_iter().map(count_primes).collect()))?;
    println!("  스레드로    {}", compared(&threads, &alone));

    // ② 프로세스를 띄우고 끝내는 시간도 들어 있습니다.
    let processes = best(|| Ok(Pool::new(cores)?.map(count_primes, 0..BLOCKS)?))?;
    println!("  프로세스로  {}", compared(&processes, &alone));
    // ANCHOR_END: speed

    let primes: u32 = alone.results.iter().sum();
    ensure!(alone.results == threads.results, "스레드로 한 결과가 다릅니다");
    ensure!(alone.results == processes.results, "프로세스로 한 결과가 다릅니다");
    println!(
        "  결과는 모두 {primes}개. 이 컴퓨터의 코어는 {cores}개이므로 {cores}배쯤이 한계입니다."
    );
    let used = threads.cores.min(processes.cores);
    let idle = used < 0.75 * cores as f64;
    let why = if idle { "(다른 프로그램이 바쁘거나 일이 작습니다)" } else { "" };
    println!("  이번에 쓴 코어는 평균 {used:.1}개입니다{why}.");
    Ok(())
}

/// 계산을 한 번 한 것.
struct Run {
    results: Vec<u32>,
    milliseconds: f64,
    /// 그동안 쓴 CPU 시간을 걸린 시간으로 나눈 것: 코어를 평균 몇 개나 썼는지.
    cores: f64,
}

/// 세 번 해 보고 가장 빠른 것을 고릅니다. 다른 프로그램이 잠깐 끼어든 것을 빼려는 것입니다.
fn best(work: impl Fn() -> Result<Vec<u32>>) -> Result<Run> {
    let mut best: Option<Run> = None;
    for _ in 0..3 {
        let (start, cpu) = (Instant::now(), cpu_milliseconds()?);
        let results = work()?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let cores = (cpu_milliseconds()? - cpu) / milliseconds;
        if best.as_ref().is_none_or(|best| milliseconds < best.milliseconds) {
            best = Some(Run { results, milliseconds, cores });
        }
    }
    best.context("한 번도 재지 않았습니다")
}

/// 이 프로세스와, 이미 끝난 자식들이 쓴 CPU 시간.
fn cpu_milliseconds() -> Result<f64> {
    let mut microseconds = 0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        microseconds += (usage.user_time() + usage.system_time()).num_microseconds();
    }
    Ok(microseconds as f64 / 1e3)
}

fn compared(run: &Run, alone: &Run) -> String {
    let ratio = alone.milliseconds / run.milliseconds;
    format!("{:.2}밀리초, 차례로 할 때의 {ratio:.2}배 속도", run.milliseconds)
}

/// 스레드 넷이, 이어서 프로세스 넷이 정적 변수를 증가시킵니다. 부모에게는 스레드가 증가시킨 것만 보입니다.
///
/// 파이썬에서 전역 변수를 자식이 바꾸어도 부모에는 그대로인 것과 같습니다. 함께 보려면 11.7처럼 공유 메모리를,
/// 결과만 받으면 된다면 함수의 반환값을 씁니다.
fn memory() -> Result<()> {
    // ANCHOR: memory
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(raise);
        }
    });
    // 프로세스 차례를 위해 0으로 되돌립니다.
    let after_threads = COUNTER.swap(0, Relaxed);

    // ① 자식마다 자기 COUNTER를 증가시킵니다.
    let children: Vec<_> =
        (0..WORKERS).map(|_| Process::spawn(raise, ())).collect::<Result<_, _>>()?;
    let seen_by_children: Vec<u32> =
        children.into_iter().map(Process::join).collect::<Result<_, _>>()?;
    let after_processes = COUNTER.load(Relaxed); // ②
    // ANCHOR_END: memory

    println!("\n메모리: 넷이 정적 변수를 {RAISES}번씩 증가시킨 뒤");
    println!("  스레드    main이 보는 값은 {after_threads}");
    println!(
        "  프로세스  main이 보는 값은 {after_processes}, 자식들이 보는 값은 {seen_by_children:?}"
    );
    ensure!(after_threads == WORKERS * RAISES, "스레드가 증가시킨 값이 다릅니다");
    ensure!(after_processes == 0 && seen_by_children == [RAISES; WORKERS as usize]);
    Ok(())
}

/// 하나가 abort합니다. 스레드라면 모두 죽고, 프로세스라면 그 항목만 `Err`가 됩니다.
fn isolation() -> Result<()> {
    // 이 프로그램까지 죽으면 결과를 출력할 수 없으므로, 스레드 쪽은 자식 안에서 해 봅니다.
    let Err(ProcessError::Killed { signal, .. }) = Process::spawn(abort_in_thread, ())?.join()
    else {
        bail!("스레드가 abort했는데 프로그램이 살아남았습니다");
    };
    println!("\n격리: 넷 가운데 하나가 abort하면");
    println!("  스레드    프로그램 전체가 {} 시그널을 받고 죽었습니다.", signal_name(signal));

    // ANCHOR: isolation
    // 항목을 하나씩 보냅니다. 묶음이 더 커도 잃는 것은 죽을 때 계산하던 항목뿐입니다.
    let pool = Pool::builder().workers(WORKERS as usize).chunk_size(1).build()?;
    let results = pool.try_map(abort_if_two, 0..WORKERS)?;
    for (index, result) in results.iter().enumerate() {
        match result {
            Ok(_) => println!("  프로세스  인덱스 {index}의 항목이 성공했습니다"),
            Err(error) => println!("  프로세스  {error}"),
        }
    }
    // ANCHOR_END: isolation
    let survived = results.iter().filter(|result| result.is_ok()).count();
    ensure!(survived == 3, "살아남은 항목이 셋이 아닙니다");
    Ok(())
}

// 여기부터는 스레드나 자식 프로세스에서 실행됩니다.

/// 스레드와 프로세스가 똑같이 이 함수를 호출합니다. 누가 호출하는지만 다릅니다.
///
/// `block`번째 구간에 있는 소수의 개수. CPU만 쓰는 일입니다.
fn count_primes(block: u32) -> u32 {
    let numbers = block * BLOCK_SIZE..(block + 1) * BLOCK_SIZE;
    numbers.map(|number| u32::from(is_prime(number))).sum()
}

fn is_prime(number: u32) -> bool {
    let mut divisor = 2;
    while divisor * divisor <= number {
        if number % divisor == 0 {
            return false;
        }
        divisor += 1;
    }
    number >= 2
}

fn raise() -> u32 {
    (0..RAISES).for_each(|_| _ = COUNTER.fetch_add(1, Relaxed));
    COUNTER.load(Relaxed)
}

fn abort_in_thread() {
    let threads = (0..WORKERS).map(|number| thread::spawn(move || abort_if_two(number)));
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| _ = thread.join());
}

fn abort_if_two(number: u32) -> u32 {
    if number == 2 {
        abort(); // 패닉이 아니라 실제 SIGABRT 시그널이므로 잡을 수 없습니다.
    }
    number
}
