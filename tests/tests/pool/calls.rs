//! 호출하는 방법마다 보장하는 것.

use std::cell::Cell;
use std::ops::Range;
use std::process::id;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::build::Channel;
use pool::{ItemError, Pool, PoolError};
use tests::children::wait_count;
use tests::wait::{PATIENCE, until};
use tests::{Counter, counter, ensure_eq, ensure_matches};

fn square(n: u64) -> u64 {
    n * n
}

pub fn map_keeps_the_input_order() -> Result<()> {
    for workers in [1, 2, 5] {
        let pool = Pool::new(workers)?;
        for items in [1, 2, 9, 10_000] {
            let expected: Vec<u64> = (0..items).map(square).collect();
            ensure_eq!(pool.map(square, 0..items)?, expected);
        }
        let ids = pool.map(|_: u8| id(), [0; 100])?;
        ensure!(
            ids.iter().all(|id| pool.worker_ids().contains(id)),
            "작업자가 아닌 곳에서 계산했습니다"
        );
    }
    Ok(())
}

pub fn empty_input() -> Result<()> {
    let pool = Pool::new(2)?;
    let nothing: [u64; 0] = [];
    ensure_eq!(pool.map(square, nothing)?, nothing);
    ensure_eq!(pool.try_map(square, nothing)?.len(), 0);
    ensure_eq!(pool.imap(square, nothing).count(), 0);
    ensure_eq!(pool.imap_unordered(square, nothing).count(), 0);
    Ok(())
}

pub fn tuples_become_arguments() -> Result<()> {
    let pool = Pool::new(2)?;
    ensure_eq!(pool.map(u32::pow, [(2, 10), (3, 3)])?, [1024, 27]);
    ensure_eq!(pool.map(|pair: (u32, u32)| pair.0 + pair.1, [(1, 2), (3, 4)])?, [3, 7]);
    ensure_eq!(pool.apply(|| 7, ())?, 7);
    let six = |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8| [a, b, c, d, e, f];
    ensure_eq!(pool.apply(six, (1, 2, 3, 4, 5, 6))?, [1, 2, 3, 4, 5, 6]);
    Ok(())
}

pub fn large_items_and_results() -> Result<()> {
    let pool = Pool::new(2)?;
    let sizes = [0, 1, 65_535, 65_536, 65_537, 1 << 20, 8 << 20];
    let doubled = pool.map(|item: String| item.repeat(2), sizes.map(|size| "가".repeat(size)))?;
    for (size, result) in sizes.into_iter().zip(doubled) {
        ensure!(result == "가".repeat(2 * size), "크기 {size}의 결과가 다릅니다");
    }
    Ok(())
}

pub fn imap_reads_only_what_is_taken() -> Result<()> {
    let pool = Pool::new(2)?;
    let read = Cell::new(0_u64);
    let endless = (0..).inspect(|_| read.set(read.get() + 1));
    let mut results = pool.imap(square, endless);
    for n in 0..1000 {
        ensure_eq!(results.next().transpose()?, Some(n * n));
        // 작업자 둘에 네 묶음씩, 그리고 방금 낸 하나.
        ensure!(read.get() <= n + 9, "{n}번째 결과까지 입력을 {}개나 읽었습니다", read.get());
    }
    Ok(())
}

pub fn imap_unordered_gives_each_once() -> Result<()> {
    let pool = Pool::builder().workers(3).chunk_size(7).build()?;
    let mut results = pool.imap_unordered(square, 0..1000).collect::<Result<Vec<_>, _>>()?;
    results.sort_unstable();
    ensure_eq!(results, (0..1000).map(square).collect::<Vec<_>>());
    Ok(())
}

pub fn dropped_imap_leaves_the_pool_usable() -> Result<()> {
    let pool = Pool::new(2)?;
    for _ in 0..20 {
        ensure_eq!(pool.imap(square, 0..1000).next().transpose()?, Some(0));
        ensure_eq!(pool.map(square, 3..5)?, [9, 16]);
    }
    Ok(())
}

pub fn apply_async_in_any_order() -> Result<()> {
    let pool = Pool::new(2)?;
    let mut handles = Vec::new();
    for n in 0..50 {
        handles.push(pool.apply_async(square, n)?);
    }
    for (n, handle) in handles.into_iter().enumerate().rev() {
        ensure_eq!(handle.get()?, square(n as u64));
    }
    Ok(())
}

fn turn(turns: Counter) -> u32 {
    turns.fetch_add(1, SeqCst)
}

/// 작업자가 하나면 맡긴 순서대로 합니다. 게시판의 위치를 여러 바퀴 돌아도 그렇습니다.
pub fn one_worker_keeps_the_order() -> Result<()> {
    let (pool, turns) = (Pool::new(1)?, counter()?);
    let submit = |_| pool.apply_async(turn, (turns.clone(),));
    let handles = (0..100).map(submit).collect::<Result<Vec<_>, _>>()?;
    for (wanted, handle) in handles.into_iter().enumerate() {
        ensure_eq!(handle.get()?, wanted as u32);
    }
    Ok(())
}

/// `gate`가 `open`이 될 때까지 기다립니다.
fn wait_gate(gate: Counter, open: u32) -> Result<()> {
    wait_count("문이 열리기", &gate, open)
}

fn wait_gate_and_square(gate: Counter, open: u32, n: u32) -> Result<u32> {
    wait_gate(gate, open)?;
    Ok(n * n)
}

/// 맡기고 바로 돌아와, 둘을 거꾸로 받아도 저마다 입력 순서입니다. 튜플은 여러 인수가 됩니다.
pub fn map_async_collects_in_order() -> Result<()> {
    let (pool, gate) = (Pool::new(2)?, counter()?);
    let items = |numbers: Range<u32>| numbers.map(|n| (gate.clone(), 1, n)).collect::<Vec<_>>();
    let mut first = pool.map_async(wait_gate_and_square, items(0..100))?;
    let second = pool.map_async(wait_gate_and_square, items(100..103))?;
    let mut nothing = pool.map_async(wait_gate_and_square, items(0..0))?;
    ensure_eq!((first.is_ready()?, nothing.is_ready()?), (false, true));
    ensure_matches!(first.get_timeout(Duration::from_millis(1)), Err(PoolError::Timeout));
    gate.store(1, SeqCst);
    ensure_eq!(second.get()?, [10000, 10201, 10404]);
    until("모두 끝나기", PATIENCE, || Ok(first.is_ready()?))?;
    ensure_eq!(first.get_timeout(Duration::ZERO)?, (0..100).map(|n| n * n).collect::<Vec<_>>());
    ensure_matches!(first.get_timeout(PATIENCE), Err(PoolError::AlreadyTaken));
    ensure_eq!(nothing.get()?, Vec::<u32>::new());
    Ok(())
}

fn count_or_fail(calls: Counter, n: u32) -> Result<()> {
    calls.fetch_add(1, SeqCst);
    ensure!(n % 5 != 3, "계산할 수 없는 수입니다: {n}");
    Ok(())
}

/// 실패한 항목이 있어도 나머지를 마치고, 가장 앞의 실패를 반환합니다.
pub fn map_async_fails_after_the_rest() -> Result<()> {
    let (pool, calls) = (Pool::new(2)?, counter()?);
    let outcome = pool.map_async(count_or_fail, (0..20).map(|n| (calls.clone(), n)))?.get();
    ensure_matches!(outcome, Err(PoolError::Item(ItemError { index: 3, .. })));
    ensure_eq!(calls.load(SeqCst), 20);
    pool.close();
    ensure_matches!(pool.map_async(count_or_fail, [(calls, 0)]).err(), Some(PoolError::Closed));
    Ok(())
}

fn arrive(gate: Counter) {
    gate.fetch_add(1, SeqCst);
}

/// 첫 일은 나머지가 모두 끝나야 끝납니다. 그 뒤에 밀린 묶음을 다른 작업자가 가져가지 않으면 영영 끝나지 않습니다.
pub fn idle_worker_takes_back_a_waiting_chunk() -> Result<()> {
    for workers in [2, 3] {
        let (pool, gate) = (Pool::new(workers)?, counter()?);
        let blocked = pool.apply_async(wait_gate, (gate.clone(), 20))?;
        let mut handles = Vec::new();
        for _ in 0..20 {
            handles.push(pool.apply_async(arrive, gate.clone())?);
        }
        for handle in handles {
            handle.get()?;
        }
        blocked.get()?;
        // 결과를 모은 뒤에도 모든 작업자가 다시 일을 받습니다.
        let both = counter()?;
        let meet = |gate: Counter, open: u32| {
            gate.fetch_add(1, SeqCst);
            wait_gate(gate, open)
        };
        let everyone = vec![(both, workers as u32); workers];
        let pool_of_ones = pool.map(meet, everyone)?;
        ensure_eq!(pool_of_ones.len(), workers);
    }
    Ok(())
}

/// 받은 채널로 말하고, 새 채널의 한쪽 끝을 반환합니다.
fn speak(channel: Channel, word: String) -> Result<Channel> {
    channel.send(&word, None)?;
    let (ours, theirs) = Channel::pair()?;
    ours.send(&word.len(), None)?;
    Ok(theirs)
}

pub fn handles_travel_both_ways() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(5).build()?;
    let (mut kept, mut items) = (Vec::new(), Vec::new());
    for word in ["안녕", "파이프", "예제", "데이터", "하나", "둘", "셋"] {
        let (ours, theirs) = Channel::pair()?;
        kept.push((ours, word));
        items.push((theirs, word.to_owned()));
    }
    let returned = pool.map(speak, items)?;
    for ((ours, word), theirs) in kept.into_iter().zip(returned) {
        ensure_eq!(ours.recv::<String>(None)?, word);
        ensure_eq!(theirs.recv::<usize>(None)?, word.len());
    }
    Ok(())
}

pub fn pool_inside_a_worker() -> Result<()> {
    let inner = |n: u64| -> Result<u64> { Ok(Pool::new(2)?.map(square, 0..n)?.into_iter().sum()) };
    ensure_eq!(Pool::new(2)?.map(inner, [3, 4])?, [5, 14]);
    Ok(())
}
