//! 작업자가 죽어도 호출은 끝나고, 낸 결과는 남고, 풀은 계속 씁니다.

use std::process::{abort, exit};
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use ipc_core::Process;
use nix::sys::signal::Signal;
use pool::{Cause, ItemError, Pool, PoolError};
use tests::children::{arrive_and_sleep, die_by, expect_killed, quiet_panic, wait_count};
use tests::harness::random;
use tests::procfs::{alive, all_gone, children, signal};
use tests::wait::{ONE_SECOND, PATIENCE, until};
use tests::{Counter, counter, ensure_eq, ensure_matches};

fn die(way: u32) -> u32 {
    match way {
        0 => exit(0),
        1 => exit(3),
        2 => abort(),
        3 => die_by(Signal::SIGSEGV),
        4 => die_by(Signal::SIGTERM),
        5 => die_by(Signal::SIGKILL),
        6 => overflow(&[0; 1024]),
        7 => quiet_panic("펑"),
        8 => quiet_panic(42),
        _ => {}
    }
    way
}

/// 스택이 넘칠 때까지 자신을 부릅니다.
#[allow(unconditional_recursion, reason = "스택을 넘치게 하려는 것입니다")]
fn overflow(frame: &[u8; 1024]) {
    let mut next = [frame[0]; 1024];
    overflow(std::hint::black_box(&next));
    std::hint::black_box(&mut next);
}

pub fn each_way_to_die_is_named() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(4).build()?;
    let ways = [
        (0, "종료 코드 0"),
        (1, "종료 코드 3"),
        (2, "SIGABRT(6)"),
        (3, "SIGSEGV(11)"),
        (4, "SIGTERM(15)"),
        (5, "SIGKILL(9)"),
        (6, "SIGABRT(6)"), // Rust는 스택이 넘치면 스스로 중단합니다.
        (7, "펑"),
        (8, "문자열이 아닌 값"),
    ];
    for (way, named) in ways {
        let results = pool.try_map(die, [100, 101, way, 102, 103])?;
        let Err(ItemError { index: 2, cause }) = &results[2] else { bail!("{named}: {results:?}") };
        ensure!(cause.to_string().contains(named), "{named}이(가) 없습니다: {cause}");
        let rest: Vec<_> = [0, 1, 3, 4].into_iter().map(|n| results[n].clone()).collect();
        ensure_eq!(rest, [Ok(100), Ok(101), Ok(102), Ok(103)]);
    }
    Ok(())
}

fn count_or_die(calls: Counter, n: u32) -> u32 {
    calls.fetch_add(1, SeqCst);
    if n == 70 {
        abort();
    }
    n
}

/// 죽기 전에 낸 결과는 다시 계산하지 않습니다. 항목마다 함수는 꼭 한 번씩 불립니다.
pub fn finished_results_survive() -> Result<()> {
    for workers in [1, 3] {
        let (pool, calls) = (Pool::builder().workers(workers).chunk_size(50).build()?, counter()?);
        let results = pool.try_map(count_or_die, (0..200).map(|n| (calls.clone(), n)))?;
        for (n, result) in results.into_iter().enumerate() {
            ensure_eq!(result.is_ok(), n != 70);
        }
        ensure_eq!(calls.load(SeqCst), 200);
    }
    Ok(())
}

const ITEMS: u32 = 2000;

fn brief(done: Counter, n: u32) -> u32 {
    done.fetch_add(1, SeqCst);
    std::thread::yield_now();
    n
}

/// 앞에서 죽은 작업자가 모두 바뀐 뒤의 PID들.
fn living_workers(pool: &Pool) -> Result<Vec<u32>> {
    until("죽은 작업자가 모두 바뀌기", PATIENCE, || {
        pool.apply(|| (), ())?;
        pool.worker_ids().into_iter().try_fold(true, |all, pid| Ok(all && alive(pid)?))
    })?;
    Ok(pool.worker_ids())
}

/// 죽인 작업자를 풀이 거둘 때까지 기다립니다.
///
/// 시그널을 보내도 커널이 끝내기까지는 살아 있는 것으로 보입니다. 그 사이에 다음 차례의 대상으로 고르면 안 됩니다.
fn replaced(pool: &Pool, pid: u32) -> Result<()> {
    until("죽인 작업자가 바뀌기", PATIENCE, || Ok(!pool.worker_ids().contains(&pid)))
}

/// 계산이 `when`번 불린 뒤 작업자 하나를 죽이는 스레드와 함께 `map`을 부릅니다.
fn map_with_a_kill(
    pool: &Pool,
    when: u32,
    victim: usize,
) -> Result<(Result<Vec<u32>, PoolError>, u32)> {
    let done = counter()?;
    let pid = living_workers(pool)?[victim];
    let seen = done.clone();
    let killer = std::thread::spawn(move || -> Result<()> {
        wait_count("계산이 그만큼 나아가기", &seen, when)?;
        signal(pid, Signal::SIGKILL)
    });
    let outcome = pool.map(brief, (0..ITEMS).map(|n| (done.clone(), n)));
    done.store(u32::MAX / 2, SeqCst);
    killer.join().map_err(|_| anyhow::anyhow!("죽이는 스레드가 패닉했습니다"))??;
    replaced(pool, pid)?;
    Ok((outcome, pid))
}

pub fn random_worker_killed_in_map() -> Result<()> {
    let mut random = random("random_worker_killed_in_map")?;
    for chunk in [1, 50] {
        let pool = Pool::builder().workers(3).chunk_size(chunk).build()?;
        for _ in 0..5 {
            let (outcome, pid) = map_with_a_kill(&pool, random.u32(1..ITEMS), random.usize(0..3))?;
            match outcome {
                // 놀던 순간이나 항목과 항목 사이에 죽었습니다. 잃은 것이 없습니다.
                Ok(results) => ensure_eq!(results, (0..ITEMS).collect::<Vec<_>>()),
                Err(PoolError::Item(ItemError { cause: Cause::WorkerDied(how), .. })) => {
                    ensure_eq!(how, format!("PID {pid}, SIGKILL(9)"));
                }
                Err(error) => return Err(error.into()),
            }
            ensure_eq!(pool.map(u32::pow, [(2, 3)])?, [8]);
        }
    }
    Ok(())
}

pub fn random_worker_killed_with_retries() -> Result<()> {
    let mut random = random("random_worker_killed_with_retries")?;
    for chunk in [1, 50] {
        let pool = Pool::builder().workers(3).chunk_size(chunk).retries(1).build()?;
        for _ in 0..5 {
            let (outcome, _) = map_with_a_kill(&pool, random.u32(1..ITEMS), random.usize(0..3))?;
            ensure_eq!(outcome?, (0..ITEMS).collect::<Vec<_>>());
        }
    }
    Ok(())
}

fn large_result(ready: Counter, word: String) -> String {
    ready.fetch_add(1, SeqCst);
    word.repeat(64 << 20)
}

/// 큰 결과를 쓰는 동안 죽입니다. 호출은 끝나야 하고, 결과는 온전하거나 에러입니다.
pub fn killed_while_sending_a_large_result() -> Result<()> {
    let mut random = random("killed_while_sending_a_large_result")?;
    let pool = Pool::builder().workers(2).build()?;
    for _ in 0..4 {
        let (ready, pid) = (counter()?, living_workers(&pool)?[0]);
        let (seen, delay) = (ready.clone(), Duration::from_micros(random.u64(0..60_000)));
        let killer = std::thread::spawn(move || -> Result<()> {
            wait_count("결과를 쓰기 시작하기", &seen, 1)?;
            sleep(delay); // 쓰는 동안의 아무 때나.
            signal(pid, Signal::SIGKILL)
        });
        let words = ["a", "b"];
        let items = words.map(|word| (ready.clone(), word.to_owned()));
        for (word, result) in words.into_iter().zip(pool.try_map(large_result, items)?) {
            match result {
                Ok(text) => ensure!(text == word.repeat(64 << 20), "결과가 온전하지 않습니다"),
                Err(error) => ensure_matches!(error.cause, Cause::WorkerDied(_)),
            }
        }
        killer.join().map_err(|_| anyhow::anyhow!("죽이는 스레드가 패닉했습니다"))??;
        replaced(&pool, pid)?;
    }
    Ok(())
}

pub fn idle_workers_killed() -> Result<()> {
    let pool = Pool::new(3)?;
    for _ in 0..3 {
        ensure_eq!(pool.map(u32::pow, [(2, 3), (3, 2)])?, [8, 9]);
        for pid in living_workers(&pool)? {
            signal(pid, Signal::SIGKILL)?;
        }
    }
    ensure_eq!(pool.apply(|| 1, ())?, 1);
    for pid in living_workers(&pool)? {
        signal(pid, Signal::SIGKILL)?;
    }
    pool.close();
    pool.join();
    Ok(())
}

fn busy_forever(started: Counter, spin: bool) {
    if !spin {
        arrive_and_sleep(&started);
    }
    started.fetch_add(1, SeqCst);
    loop {
        std::hint::spin_loop();
    }
}

fn map_forever(started: Counter) -> Result<()> {
    let items = [true, false, false].map(|spin| (started.clone(), spin));
    Ok(Pool::new(3)?.map(busy_forever, items).map(drop)?)
}

pub fn parent_killed_during_map() -> Result<()> {
    let started = counter()?;
    let parent = Process::spawn(map_forever, started.clone())?;
    wait_count("작업자 셋이 모두 일하기", &started, 3)?;
    let workers = children(parent.id())?;
    ensure_eq!(workers.len(), 3);
    parent.kill();
    expect_killed(parent.join())?;
    all_gone(&workers, ONE_SECOND)
}
