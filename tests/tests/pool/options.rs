//! 풀을 만들 때 고르는 것들.

use std::collections::BTreeMap;
use std::process::id;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;

use anyhow::{Context, Result, bail, ensure};
use pool::{Pool, PoolError};
use tests::procfs::all_gone;
use tests::wait::ONE_SECOND;
use tests::{Counter, counter, ensure_eq, ensure_matches};

static STARTED: OnceLock<Counter> = OnceLock::new();

fn remember(counter: Counter) -> Result<()> {
    counter.fetch_add(1, SeqCst);
    STARTED.set(counter).ok().context("두 번 불렸습니다")
}

pub fn initializer_runs_in_every_worker() -> Result<()> {
    let started = counter()?;
    let pool = Pool::builder().workers(3).initializer(remember, started.clone()).build()?;
    let seen = |_: u8| STARTED.get().map(|counter| counter.load(SeqCst) > 0);
    ensure!(
        pool.map(seen, [0; 50])?.iter().all(|&seen| seen == Some(true)),
        "준비 없이 일한 작업자가 있습니다"
    );
    pool.close();
    pool.join();
    ensure_eq!(started.load(SeqCst), 3);
    Ok(())
}

fn refuse(tries: Counter) -> Result<()> {
    tries.fetch_add(1, SeqCst);
    bail!("일부러 준비하지 못합니다")
}

pub fn failing_initializer_ends_the_call() -> Result<()> {
    let tries = counter()?;
    let pool = Pool::builder().workers(2).initializer(refuse, tries.clone()).build()?;
    ensure_matches!(
        pool.map(|n: u8| n, [1, 2, 3]),
        Err(PoolError::Initializer { attempts: 3, message }) if message.contains("일부러 준비하지 못합니다")
    );
    // 작업자마다, 풀을 만들 때 세 번과 호출할 때 세 번까지만 해 봅니다.
    ensure!(tries.load(SeqCst) <= 12, "{}번이나 해 보았습니다", tries.load(SeqCst));
    Ok(())
}

pub fn workers_are_renewed() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(1).max_tasks_per_child(3).build()?;
    let mut calls: BTreeMap<u32, u32> = BTreeMap::new();
    for pid in pool.map(|_: u8| id(), [0; 60])? {
        *calls.entry(pid).or_default() += 1;
    }
    ensure!(
        calls.values().all(|&calls| calls <= 3),
        "세 번보다 많이 일한 작업자가 있습니다: {calls:?}"
    );
    ensure!(calls.len() >= 20, "작업자가 바뀌지 않았습니다: {calls:?}");
    Ok(())
}

/// 작업자가 하나뿐이고 묶음마다 바뀌면, 묶음과 묶음 사이에는 아무도 없습니다. 그래도 나머지 입력을 읽어 이어 갑니다.
pub fn renewal_leaves_nobody_for_a_moment() -> Result<()> {
    let pool = Pool::builder().workers(1).chunk_size(1).max_tasks_per_child(1).build()?;
    ensure_eq!(pool.map(u32::pow, (0..10).map(|n| (n, 2)))?.len(), 10);
    ensure_eq!(pool.imap(u32::pow, (0..10).map(|n| (n, 2))).count(), 10);
    Ok(())
}

pub fn closed_pool_refuses() -> Result<()> {
    let pool = Pool::new(1)?;
    let before = pool.apply_async(|| 1, ())?;
    pool.close();
    ensure_matches!(pool.map(|n: u8| n, [1]), Err(PoolError::Closed));
    ensure_matches!(pool.apply(|| 1, ()), Err(PoolError::Closed));
    // 닫기 전에 맡긴 일은 끝까지 합니다.
    ensure_eq!(before.get()?, 1);
    Ok(())
}

pub fn join_and_terminate_leave_nothing() -> Result<()> {
    for end in [|pool: Pool| pool.join(), |pool: Pool| pool.terminate(), |pool: Pool| drop(pool)] {
        let pool = Pool::new(3)?;
        pool.map(|n: u8| n, [1, 2, 3])?;
        let workers = pool.worker_ids();
        end(pool);
        all_gone(&workers, ONE_SECOND)?;
    }
    Ok(())
}
