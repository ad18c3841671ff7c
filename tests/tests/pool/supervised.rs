//! 관리 스레드가 지키는 약속: 맡긴 일은 아무도 기다리지 않아도 계속되고, 기다리는 쪽은 반드시 끝을 압니다.

use std::process::abort;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::{scope, sleep, spawn};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ipc_core::Process;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use pool::{Cause, ItemError, Pool, PoolError};
use tests::children::{sleep_forever, wait_count};
use tests::procfs::{all_gone, signal, wait_state};
use tests::wait::{ONE_SECOND, PATIENCE, keeps_deadline, timed};
use tests::{Counter, counter, ensure_eq, ensure_matches};

fn count(calls: Counter, n: u32) -> u32 {
    calls.fetch_add(1, SeqCst);
    n
}

/// 부모가 다른 일을 하는 동안에도 작업자들은 다음 묶음을 스스로 가져갑니다.
pub fn work_goes_on_while_nobody_waits() -> Result<()> {
    let (pool, calls) = (Pool::builder().workers(2).chunk_size(1).build()?, counter()?);
    let handle = pool.map_async(count, (0..500).map(|n| (calls.clone(), n)))?;
    wait_count("받으려는 쪽이 없어도 모두 계산하기", &calls, 500)?;
    ensure_eq!(handle.get()?, (0..500).collect::<Vec<_>>());
    Ok(())
}

/// 핸들을 버려도 맡긴 일은 끝까지 합니다. 풀을 닫고 기다리면 그것까지 기다립니다.
pub fn dropped_handles_let_the_work_go_on() -> Result<()> {
    let (pool, calls) = (Pool::builder().workers(2).chunk_size(1).build()?, counter()?);
    for round in 0..10 {
        drop(pool.map_async(count, (0..20).map(|n| (calls.clone(), n)))?);
        drop(pool.apply_async(count, (calls.clone(), round))?);
    }
    pool.join();
    ensure_eq!(calls.load(SeqCst), 210);
    Ok(())
}

fn wait_gate(gate: Counter) -> Result<()> {
    wait_count("문이 열리기", &gate, 1)
}

pub fn join_timeout_keeps_its_deadline() -> Result<()> {
    let (pool, gate) = (Pool::new(2)?, counter()?);
    let handle = pool.apply_async(wait_gate, (gate.clone(),))?;
    for limit in [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(50)] {
        keeps_deadline(limit, || {
            ensure_eq!(pool.join_timeout(limit), false);
            Ok(())
        })?;
    }
    // 닫힌 채로 일을 계속합니다.
    ensure_matches!(pool.apply(|| 1, ()), Err(PoolError::Closed));
    gate.store(1, SeqCst);
    ensure_eq!(pool.join_timeout(PATIENCE), true);
    ensure_eq!(pool.join_timeout(Duration::ZERO), true);
    // 풀이 끝난 뒤에도 받을 수 있습니다.
    pool.join();
    Ok(handle.get()?)
}

/// 여러 스레드가 풀 하나를 함께 쓰고, 저마다 자기 결과를 받습니다.
pub fn threads_share_a_pool() -> Result<()> {
    let pool = Pool::builder().workers(3).chunk_size(3).build()?;
    scope(|scope| {
        let threads: Vec<_> = (0..6_u64)
            .map(|thread| {
                let pool = &pool;
                scope.spawn(move || -> Result<()> {
                    for round in 0..20 {
                        let items = || (0..50).map(move |n| thread * 1000 + round + n);
                        let expected: Vec<u64> = items().map(|n| n * 2).collect();
                        ensure_eq!(pool.map(|n: u64| n * 2, items())?, expected);
                        let results = pool.imap(|n: u64| n * 2, items());
                        ensure_eq!(results.collect::<Result<Vec<_>, _>>()?, expected);
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().map_err(|_| anyhow::anyhow!("스레드가 패닉했습니다"))?
        })
    })
}

/// 풀이 먼저 끝나면, 남은 핸들은 기다리지 않고 그 이유를 압니다. 다른 스레드에서 이미 기다리던 것도 그렇습니다.
pub fn handles_outlive_the_pool() -> Result<()> {
    let pool = Pool::new(1)?;
    let finished = pool.apply_async(|| 7, ())?;
    pool.apply(|| (), ())?;
    let (waiting, later) =
        (pool.apply_async(sleep_forever, ())?, pool.apply_async(sleep_forever, ())?);
    let mut iterator = pool.imap(|n: u32| n, [1]);
    let waiter = spawn(move || waiting.get());
    sleep(Duration::from_millis(20)); // 기다리기 시작할 틈을 줍니다. 늦어도 결과는 같습니다.
    let ((), took) = timed(|| pool.terminate());
    ensure!(took < ONE_SECOND, "{took:?}이나 걸렸습니다");
    let waited = waiter.join().ok().context("기다리던 스레드가 패닉했습니다")?;
    ensure_matches!(waited, Err(PoolError::Terminated));
    ensure_matches!(later.get(), Err(PoolError::Terminated));
    ensure_matches!(iterator.next(), Some(Err(PoolError::Closed)));
    ensure_eq!(iterator.next().is_none(), true);
    ensure_eq!(finished.get()?, 7);
    Ok(())
}

/// 기다리던 일이 취소되어 없어져도 `join`은 반환합니다. 작업자가 멈춰 있어, 취소 말고는 아무 일도 일어나지 않습니다.
pub fn join_returns_when_the_rest_is_cancelled() -> Result<()> {
    for _ in 0..5 {
        let (pool, calls) = (Pool::builder().workers(1).chunk_size(1).build()?, counter()?);
        let worker = pool.worker_ids()[0];
        let counted = calls.clone();
        let mut results = pool.imap(count, (0..1000).map(move |n| (counted.clone(), n)));
        ensure_eq!(results.next().transpose()?, Some(0));
        wait_count("미리 맡긴 것까지 계산하기", &calls, 4)?;
        wait_state(worker, 'S')?;
        signal(worker, Signal::SIGSTOP)?;
        wait_state(worker, 'T')?;
        // 나온 결과를 가져가면서, 멈춘 작업자가 가져가지 못할 묶음을 새로 맡깁니다.
        ensure_eq!(results.next().transpose()?, Some(1));
        ensure_eq!(pool.join_timeout(Duration::from_millis(10)), false);
        let dropper = spawn(move || {
            sleep(Duration::from_millis(30)); // 기다리기 시작할 틈을 줍니다.
            drop(results);
        });
        let (joined, took) = timed(|| pool.join_timeout(PATIENCE));
        ensure!(joined && took < ONE_SECOND, "{took:?} 만에 반환되었습니다");
        dropper.join().ok().context("버리는 스레드가 패닉했습니다")?;
        signal(worker, Signal::SIGCONT)?;
        pool.join();
    }
    Ok(())
}

fn refuse(tries: Counter) -> Result<()> {
    tries.fetch_add(1, SeqCst);
    bail!("일부러 준비하지 못합니다")
}

/// 맡긴 일을 할 수 없게 된 풀을 닫고 기다려도 끝납니다. 끝없이 다시 띄우지 않습니다.
pub fn join_ends_though_nobody_can_start() -> Result<()> {
    for close_first in [true, false] {
        let tries = counter()?;
        let pool = Pool::builder().workers(2).initializer(refuse, tries.clone()).build()?;
        let handle = pool.apply_async(|| 1, ());
        if !close_first {
            sleep(Duration::from_millis(100)); // 모두 포기할 만한 시간.
        }
        ensure_eq!(pool.join_timeout(PATIENCE), true);
        if let Ok(handle) = handle {
            ensure_matches!(handle.get(), Err(PoolError::Initializer { .. }));
        }
        pool.join();
        ensure!(tries.load(SeqCst) <= 12, "{}번이나 해 보았습니다", tries.load(SeqCst));
    }
    Ok(())
}

fn abort_on_one(calls: Counter, n: u32) -> u32 {
    if n == 1 {
        calls.fetch_add(1, SeqCst);
        abort();
    }
    n
}

/// 재시도를 많이 정해도, 거듭 죽는 것은 그 항목뿐입니다.
pub fn many_retries_of_one_item() -> Result<()> {
    for workers in [1, 2] {
        let calls = counter()?;
        let pool = Pool::builder().workers(workers).chunk_size(3).retries(7).build()?;
        let results = pool.try_map(abort_on_one, (0..6).map(|n| (calls.clone(), n)))?;
        for (n, result) in (0..).zip(results) {
            match result {
                Err(ItemError { index: 1, cause: Cause::WorkerDied(_) }) if n == 1 => {}
                other => ensure_eq!(other, Ok(n)),
            }
        }
        ensure_eq!(calls.load(SeqCst), 8);
    }
    Ok(())
}

/// 풀 하나로 보낼 수 있는 만큼 크고 긴 실패도 글 그대로 옵니다.
pub fn long_errors_arrive_whole() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(2).build()?;
    let fail = |length: usize| -> Result<u8> { bail!("가".repeat(length)) };
    let lengths = [0, 1, 10_000, 11_000, 30_000, 100_000, 1 << 20];
    for (length, result) in lengths.into_iter().zip(pool.try_map(fail, lengths)?) {
        let Err(ItemError { cause: Cause::Failed(text), .. }) = result else {
            bail!("{length}: 실패하지 않았습니다")
        };
        ensure!(text == "가".repeat(length), "{length}: {}바이트가 왔습니다", text.len());
    }
    Ok(())
}

/// 작업자를 다시 띄울 수 없게 하고, 놀던 작업자를 모두 죽입니다.
fn without_descriptors() -> Result<()> {
    let pool = Pool::builder().workers(2).build()?;
    ensure_eq!(pool.map(|n: u32| n, [1, 2])?, [1, 2]);
    let workers = pool.worker_ids();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard)?;
    for &pid in &workers {
        signal(pid, Signal::SIGKILL)?;
    }
    for _ in 0..3 {
        let (refused, took) = timed(|| pool.map(|n: u32| n, [1, 2]));
        ensure_matches!(refused, Err(PoolError::Restart { .. } | PoolError::Item(_)));
        ensure!(took < ONE_SECOND, "{took:?} 만에 알았습니다");
    }
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    // 다시 띄울 수 있게 되면 이어서 씁니다.
    ensure_eq!(pool.map(|n: u32| n, [1, 2])?, [1, 2]);
    let refused = Pool::new(100_000).map(drop);
    ensure_matches!(refused, Err(PoolError::TooManyWorkers { workers: 100_000, .. }));
    Ok(())
}

pub fn workers_that_cannot_be_replaced() -> Result<()> {
    for _ in 0..5 {
        let mut process = Process::spawn(without_descriptors, ())?;
        let outcome = process.join_timeout(PATIENCE);
        process.kill(); // 멈춰 있으면 이 테스트만 실패하게 합니다.
        outcome?;
    }
    Ok(())
}

/// 준비하느라 끝나지 않는 작업자가 많아도, 버리면 모두 합쳐 1초쯤 안에 끝납니다.
pub fn slow_starters_are_ended_together() -> Result<()> {
    let pool = Pool::builder().workers(6).initializer(sleep_forever, ()).build()?;
    let workers = pool.worker_ids();
    let ((), took) = timed(|| drop(pool));
    ensure!(took < 2 * ONE_SECOND, "{took:?}이나 걸렸습니다");
    all_gone(&workers, ONE_SECOND)
}
