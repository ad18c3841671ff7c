//! 풀을 쓰는 프로그램.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::{scope, sleep, spawn};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use ipc_core::Process;
use lock::Lock;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use pool::{Pool, PoolError};
use tests::asleep::all_asleep;
use tests::children::{leave_root, wait_count};
use tests::procfs::signal;
use tests::wait::{PATIENCE, timed, until};
use tests::{Counter, counter, ensure_eq, ensure_matches};

fn count_up(counter: Counter) {
    sleep(Duration::from_millis(2));
    counter.fetch_add(1, SeqCst);
}

/// 결과를 버린 일도 모두 실행됩니다.
pub fn fire_and_forget() -> Result<()> {
    for workers in [1, 3] {
        let (pool, done) = (Pool::new(workers)?, counter()?);
        for _ in 0..20 {
            drop(pool.apply_async(count_up, (done.clone(),))?);
        }
        pool.close();
        pool.join();
        ensure_eq!(done.load(SeqCst), 20);
    }
    Ok(())
}

fn double(n: u64) -> u64 {
    2 * n
}

static POOL: OnceLock<Pool> = OnceLock::new();

/// 끝낼 기회가 없는 풀을 가진 채 끝나는 프로그램.
fn with_static_pool() -> Result<u64> {
    let _ = POOL.set(Pool::new(3)?);
    let pool = || POOL.get().context("풀");
    let work = move |from: u64| -> Result<u64> {
        let mut sum = 0;
        for _ in 0..20 {
            sum += pool()?.map(double, from..from + 100)?.iter().sum::<u64>();
            sum += pool()?.apply(double, (from,))?;
            sum += pool()?.imap(double, 0..10).sum::<Result<u64, _>>()?;
        }
        Ok(sum)
    };
    let threads: Vec<_> = (0..6).map(|n| spawn(move || work(n * 1000))).collect();
    threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("패닉"))?).sum()
}

pub fn shared_by_threads_and_static() -> Result<()> {
    let expected: u64 = (0..6)
        .map(|n| n * 1000)
        .map(|from| 20 * ((from..from + 100).map(|n| 2 * n).sum::<u64>() + 2 * from + 90))
        .sum();
    ensure_eq!(Process::spawn(with_static_pool, ())?.join()?, expected);
    // 끝난 프로그램의 작업자는 이 프로세스에 맡겨집니다.
    tests::procfs::nobody_left(Duration::from_secs(5))?;
    let pool = Pool::new(2)?;
    scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|n| {
                scope.spawn({
                    let pool = &pool;
                    move || pool.map(double, 0..n * 50)
                })
            })
            .collect();
        for (n, thread) in (0..).zip(threads) {
            let doubled = thread.join().map_err(|_| anyhow!("패닉"))??;
            ensure_eq!(doubled, (0..n * 50).map(double).collect::<Vec<_>>());
        }
        Ok(())
    })
}

fn count_slowly(counter: Counter) -> u32 {
    sleep(Duration::from_millis(5));
    counter.fetch_add(1, SeqCst)
}

/// 작업자들은 부모가 무엇을 하든 스스로 다음 일을 가져갑니다.
pub fn work_goes_on_while_the_parent_sleeps() -> Result<()> {
    let (pool, done) = (Pool::new(4)?, counter()?);
    let result = pool.map_async(count_slowly, (0..200).map(|_| done.clone()))?;
    // 아무것도 받지 않습니다.
    wait_count("아무도 받지 않는 동안 모두 끝나기", &done, 200)?;
    let mut all = result.get()?;
    all.sort_unstable();
    ensure_eq!(all, (0..200).collect::<Vec<_>>());
    Ok(())
}

/// 쉬고 있는 작업자를 죽이고, 관리 스레드가 알아챌 때까지 기다립니다.
fn kill_idle(pool: &Pool) -> Result<()> {
    let pids = pool.worker_ids();
    all_asleep(&pids)?;
    for pid in &pids {
        signal(*pid, Signal::SIGKILL)?;
    }
    until("죽은 작업자를 알아채기", PATIENCE, || {
        Ok(!pool.worker_ids().iter().any(|pid| pids.contains(pid)))
    })
}

/// 일이 나아가고 있으면, 쉬는 작업자가 몇 번을 죽어도 호출은 끝까지 갑니다.
pub fn workers_killed_between_results() -> Result<()> {
    let pool = Pool::new(1)?;
    let mut results = pool.imap(double, 0..30);
    for n in 0..6 {
        ensure_eq!(results.next().context("결과")??, 2 * n);
        kill_idle(&pool)?;
    }
    ensure_eq!(results.count(), 24);
    Ok(())
}

/// 거듭 죽어 그만두었더라도, 다음 호출은 다시 해 봅니다.
pub fn given_up_pool_tries_again() -> Result<()> {
    let pool = Pool::new(1)?;
    for round in 0..2 {
        ensure_eq!(pool.apply(double, (1,))?, 2);
        until("작업자가 모두 죽어 그만두기", PATIENCE, || {
            let pids = pool.worker_ids();
            for pid in &pids {
                let _ = signal(*pid, Signal::SIGKILL);
            }
            Ok(pids.is_empty())
        })
        .with_context(|| format!("{round}번째"))?;
        sleep(Duration::from_millis(100));
        ensure_eq!(pool.apply(double, (2,))?, 4);
    }
    Ok(())
}

fn count_and_abort(runs: Counter) {
    runs.fetch_add(1, SeqCst);
    std::process::abort();
}

/// 번번이 작업자를 죽이는 항목은 정해진 횟수만 다시 해 봅니다.
pub fn retries_are_used_up() -> Result<()> {
    let (pool, runs) = (Pool::builder().workers(2).retries(2).build()?, counter()?);
    let mut result = pool.apply_async(count_and_abort, (runs.clone(),))?;
    ensure_matches!(result.get_timeout(PATIENCE), Err(PoolError::Item(_)));
    ensure_eq!(runs.load(SeqCst), 3);
    ensure_eq!(pool.apply(double, (2,))?, 4);
    Ok(())
}

/// 항목 하나를 맡기고 받는 데 걸리는 평균 시간.
fn cost_of_each(count: u64) -> Result<Duration> {
    let pool = Pool::new(2)?;
    pool.map(double, 0..100)?;
    let (outcome, took) = timed(|| -> Result<()> {
        let results =
            (0..count).map(|n| pool.apply_async(double, (n,))).collect::<Result<Vec<_>, _>>()?;
        for (n, result) in (0..).zip(results) {
            ensure_eq!(result.get()?, 2 * n);
        }
        Ok(())
    });
    outcome?;
    Ok(took / count as u32)
}

pub fn many_small_calls() -> Result<()> {
    let mut last = (Duration::ZERO, Duration::ZERO);
    for _ in 0..3 {
        last = (cost_of_each(5_000)?, cost_of_each(100_000)?);
        eprintln!("항목 하나: 5,000개일 때 {:?}, 100,000개일 때 {:?}", last.0, last.1);
        if last.1 <= 3 * last.0 {
            return Ok(());
        }
    }
    anyhow::bail!("많이 맡기면 하나가 더 비쌉니다: {last:?}")
}

fn add(lock: Lock<u64>, n: u64) -> Result<u64> {
    *lock.acquire()? += n;
    Ok(n)
}

fn with_few_descriptors() -> Result<u64> {
    setrlimit(Resource::RLIMIT_NOFILE, 1024, 1024)?;
    let (pool, lock) = (Pool::new(4)?, Lock::new(0)?);
    let numbers = pool.map(add, (0..10_000).map(|n| (lock.clone(), n)))?;
    ensure_eq!(numbers, (0..10_000).collect::<Vec<_>>());
    Ok(*lock.acquire()?)
}

pub fn locks_in_every_item() -> Result<()> {
    ensure_eq!(Process::spawn(with_few_descriptors, ())?.join()?, 49_995_000);
    Ok(())
}

const NOBODY: u32 = 65534;
const LARGE: usize = 70_000;

fn large(n: u32) -> Vec<u8> {
    vec![n as u8; LARGE]
}

fn as_an_ordinary_user(count: u32) -> Result<u32> {
    leave_root(NOBODY)?;
    setrlimit(Resource::RLIMIT_NOFILE, 1024, 1024)?;
    let pool = Pool::new(4)?;
    let rows = pool.map(large, 0..count)?;
    for (n, row) in (0..).zip(&rows) {
        ensure!(row.len() == LARGE && row[LARGE - 1] == n as u8, "{n}번째 결과가 다릅니다");
    }
    Ok(rows.len() as u32)
}

/// 루트가 아니면, 보내 둔 디스크립터의 수에도 한도가 있습니다.
pub fn large_results_for_an_ordinary_user() -> Result<()> {
    let mut process = Process::spawn(as_an_ordinary_user, (8000,))?;
    ensure_eq!(process.join_timeout(Duration::from_secs(300))?, 8000);
    Ok(())
}
