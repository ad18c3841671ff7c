//! 노는 작업자와, 결과를 기다리는 쪽.

use std::sync::Barrier;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use lock::Lock;
use nix::sys::signal::Signal;
use pool::{Pool, PoolError};
use tests::asleep::all_asleep;
use tests::children::wait_count;
use tests::procfs::{signal, wait_state};
use tests::wait::{PATIENCE, until};
use tests::{Counter, counter, ensure_eq, ensure_matches};

use crate::{SOON, soon};

fn double(n: u64) -> u64 {
    2 * n
}

fn slow_double(n: u64) -> u64 {
    sleep(Duration::from_millis(200));
    2 * n
}

fn text(size: usize) -> String {
    "가".repeat(size / 3)
}

pub fn idle_worker() -> Result<()> {
    for workers in [1, 3] {
        let pool = Pool::new(workers)?;
        pool.map(double, 0..10)?;
        for n in 0..20 {
            all_asleep(&pool.worker_ids())?;
            let value = soon("노는 작업자에게 맡기기", || Ok(pool.apply(double, (n,))?))?;
            ensure_eq!(value, 2 * n);
        }
        pool.join();
    }
    Ok(())
}

/// 다른 작업이 다 모일 때까지 끝나지 않습니다.
fn meet(met: Counter, wanted: u32) -> Result<()> {
    met.fetch_add(1, SeqCst);
    until("모두 모이기", PATIENCE, || Ok(met.load(SeqCst) >= wanted))
}

/// 모두 잠든 사이에 여럿을 맡기면, 작업자가 모두 깨어납니다.
pub fn all_idle_workers() -> Result<()> {
    for workers in [2, 4, 9] {
        let pool = Pool::new(workers)?;
        pool.map(double, 0..40)?;
        for _ in 0..5 {
            all_asleep(&pool.worker_ids())?;
            let met = counter()?;
            let results = (0..workers)
                .map(|_| pool.apply_async(meet, (met.clone(), workers as u32)))
                .collect::<Result<Vec<_>, _>>()?;
            soon("작업자가 모두 모이기", || {
                wait_count("작업자가 모두 모이기", &met, workers as u32)?;
                results.into_iter().try_for_each(|result| Ok(result.get()?))
            })?;
        }
        pool.join();
    }
    Ok(())
}

/// 긴 일의 결과를 기다리며 잠든 쪽은, 결과가 나오면 깨어납니다.
pub fn waiting_caller() -> Result<()> {
    let pool = Pool::new(2)?;
    for n in 0..5 {
        ensure_eq!(soon("긴 일", || Ok(pool.apply(slow_double, (n,))?))?, 2 * n);
        let values = soon("긴 일 여럿", || Ok(pool.map(slow_double, 0..4)?))?;
        ensure_eq!(values, vec![0, 2, 4, 6]);
        let mut later = pool.map_async(slow_double, 0..2)?;
        let values = soon("나중에 받기", || Ok(later.get_timeout(Duration::from_secs(30))?))?;
        ensure_eq!(values, vec![0, 2]);
    }
    soon("imap", || {
        let sum: u64 = pool.imap(slow_double, 0..6).sum::<Result<u64, _>>()?;
        ensure_eq!(sum, 30);
        Ok(())
    })?;
    soon("imap_unordered", || {
        let sum: u64 = pool.imap_unordered(slow_double, 0..6).sum::<Result<u64, _>>()?;
        ensure_eq!(sum, 30);
        Ok(())
    })?;
    drop(pool.apply_async(slow_double, (1,))?);
    soon("join", || {
        pool.join();
        Ok(())
    })
}

/// 여러 스레드가 함께 기다립니다. 먼저 받은 쪽이 나머지의 깨우기를 가져가지 않습니다.
pub fn waiting_threads() -> Result<()> {
    let pool = Pool::new(3)?;
    for _ in 0..20 {
        scope(|scope| {
            let wait = |n: u64| {
                let pool = &pool;
                move || {
                    soon("여러 스레드의 일", || {
                        if n % 2 == 0 {
                            ensure_eq!(pool.apply(slow_double, (n,))?, 2 * n);
                        }
                        ensure_eq!(pool.map(double, 0..n)?.len() as u64, n);
                        Ok(())
                    })
                }
            };
            let threads: Vec<_> = (0..6).map(|n| scope.spawn(wait(n))).collect();
            threads.into_iter().try_for_each(|t| t.join().map_err(|_| anyhow!("패닉"))?)
        })?;
    }
    Ok(())
}

fn length(text: String) -> usize {
    text.len()
}

fn add(lock: Lock<u64>, n: u64) -> Result<Lock<u64>> {
    *lock.acquire()? += n;
    Ok(lock)
}

/// 게시판에 싣지 못하는 항목과 책상에 놓지 못하는 결과는 우편으로 오갑니다.
pub fn large_items_and_results() -> Result<()> {
    let pool = Pool::new(3)?;
    for _ in 0..5 {
        all_asleep(&pool.worker_ids())?;
        let lengths = soon("큰 항목", || Ok(pool.map(length, (0..6).map(|_| text(300_000)))?))?;
        ensure_eq!(lengths, vec![300_000; 6]);
        let texts = soon("큰 결과", || Ok(pool.map(text, vec![300_000; 6])?))?;
        ensure!(texts.iter().all(|text| text.len() == 300_000));
        let lock = Lock::new(0)?;
        let back =
            soon("디스크립터", || Ok(pool.map(add, (0..6).map(|n| (lock.clone(), n)))?))?;
        ensure_eq!(*back[5].acquire()?, 15);
    }
    Ok(())
}

fn letters(n: u64) -> Vec<u64> {
    vec![n; 1500]
}

/// 책상이 차면 작업자가 자고, 부모가 읽으면 깨어납니다.
pub fn full_desk() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(400).build()?;
    for _ in 0..5 {
        let rows = soon("책상이 넘치는 결과", || Ok(pool.map(letters, 0..800)?))?;
        ensure!(rows.iter().enumerate().all(|(n, row)| *row == vec![n as u64; 1500]));
        // 아무도 기다리지 않는 동안에도 책상은 비워집니다.
        let later = pool.map_async(letters, 0..800)?;
        all_asleep(&pool.worker_ids())?;
        ensure_eq!(soon("나중에 받기", || Ok(later.get()?))?.len(), 800);
    }
    Ok(())
}

/// 우편(큰 결과)과 책상의 기록이 섞여 와도, 부모를 깨우는 우편을 잃지 않습니다.
pub fn mailed_results_again_and_again() -> Result<()> {
    let pool = Pool::new(4)?;
    for round in 0..400 {
        let sizes = (0..6).map(|n| if (n + round) % 3 == 0 { 40_000 } else { 30 });
        let texts = soon("섞인 결과", || Ok(pool.map(text, sizes)?))?;
        ensure_eq!(texts.len(), 6);
        let one = soon("결과 하나", || Ok(pool.apply(text, (40_000,))?))?;
        ensure!(one.len() > 39_000);
    }
    Ok(())
}

fn nap(micros: u64) -> u64 {
    sleep(Duration::from_micros(micros));
    micros
}

/// 작업자들이 거의 함께 끝나도, 마지막 알림이 잠들어 있는 부모를 깨웁니다.
pub fn endings_at_the_same_moment() -> Result<()> {
    let pool = Pool::new(4)?;
    let mut random = tests::harness::random("endings_at_the_same_moment")?;
    for _ in 0..1500 {
        let naps: Vec<u64> = (0..4).map(|_| 500 + random.u64(0..60)).collect();
        let ended = soon("함께 끝나는 일", || Ok(pool.map(nap, naps.clone())?))?;
        ensure_eq!(ended, naps);
    }
    Ok(())
}

/// 먼저 받아 떠나는 스레드가, 아직 기다리는 스레드들의 알림을 빼앗지 않습니다.
pub fn leaving_caller_swallows_nothing() -> Result<()> {
    const ROUNDS: u32 = 6000;
    let pool = Pool::new(3)?;
    let together = Barrier::new(3);
    let slow = || -> Result<()> {
        let mut outcome = Ok(());
        for _ in 0..ROUNDS {
            together.wait();
            if outcome.is_ok() {
                outcome = soon("느린 일", || Ok(pool.apply(nap, (100,))?)).map(drop);
            }
        }
        outcome
    };
    scope(|scope| {
        let others = [scope.spawn(slow), scope.spawn(slow)];
        let mut random = tests::harness::random("leaving_caller_swallows_nothing")?;
        let mut outcome = Ok(());
        for _ in 0..ROUNDS {
            together.wait();
            spin(random.u64(0..250_000));
            if outcome.is_ok() {
                outcome = soon("빠른 일", || Ok(pool.apply(double, (1,))?)).map(drop);
            }
        }
        others.into_iter().fold(outcome, |outcome, other| {
            outcome.and(other.join().map_err(|_| anyhow!("패닉")).and_then(|other| other))
        })
    })
}

fn spin(nanos: u64) -> u64 {
    let start = Instant::now();
    while start.elapsed() < Duration::from_nanos(nanos) {
        std::hint::spin_loop();
    }
    nanos
}

/// 결과를 기다리던 쪽이 막 잠들려는 찰나에 일이 끝나도 깨어납니다.
pub fn caller_falling_asleep() -> Result<()> {
    let pool = Pool::new(1)?;
    let mut random = tests::harness::random("caller_falling_asleep")?;
    for _ in 0..20_000 {
        let nanos = random.u64(0..60_000);
        ensure_eq!(soon("짧은 일", || Ok(pool.apply(spin, (nanos,))?))?, nanos);
    }
    Ok(())
}

fn text_after(size: usize, nanos: u64) -> String {
    spin(nanos);
    text(size)
}

/// 큰 결과의 우편을 꺼내는 바로 그때 온, 깨우는 우편을 잃지 않습니다.
pub fn letter_and_look_together() -> Result<()> {
    let pool = Pool::builder().workers(1).chunk_size(2).build()?;
    let mut random = tests::harness::random("letter_and_look_together")?;
    for _ in 0..5000 {
        let items = [(40_000, 0), (30, random.u64(0..100_000))];
        let texts = soon("큰 결과와 작은 결과", || Ok(pool.map(text_after, items)?))?;
        ensure!(texts[0].len() > 39_000 && texts[1].len() == 30);
    }
    Ok(())
}

pub fn killed_workers() -> Result<()> {
    let pool = Pool::new(2)?;
    pool.map(double, 0..10)?;
    let mut killed = Vec::new();
    for n in 0..5 {
        // 죽은 작업자의 PID는 관리 스레드가 알아챌 때까지 남아 있습니다.
        until("새 작업자가 모두 앉기", PATIENCE, || {
            let pids = pool.worker_ids();
            Ok(pids.len() == 2 && !pids.iter().any(|pid| killed.contains(pid)))
        })?;
        killed = pool.worker_ids();
        all_asleep(&killed)?;
        for pid in &killed {
            signal(*pid, Signal::SIGKILL)?;
        }
        ensure_eq!(soon("쉬던 작업자가 모두 죽은 뒤", || Ok(pool.apply(double, (n,))?))?, 2 * n);
    }
    let arrived = counter()?;
    let result = pool.apply_async(arrive_and_sleep, (arrived.clone(),))?;
    wait_count("일을 시작하기", &arrived, 1)?;
    for pid in pool.worker_ids() {
        signal(pid, Signal::SIGKILL)?;
    }
    ensure_matches!(soon("일하던 작업자가 죽은 뒤", || Ok(result.get()))?, Err(PoolError::Item(_)));
    Ok(())
}

fn arrive_and_sleep(arrived: Counter) {
    tests::children::arrive_and_sleep(&arrived)
}

pub fn closing_ends_idle_workers() -> Result<()> {
    for workers in [1, 4, 9] {
        let pool = Pool::new(workers)?;
        pool.map(double, 0..10)?;
        let pids = pool.worker_ids();
        all_asleep(&pids)?;
        pool.close();
        until("닫은 풀의 작업자가 끝나기", SOON, || Ok(pool.worker_ids().is_empty()))?;
        soon("join", || {
            pool.join();
            Ok(())
        })?;
    }
    Ok(())
}

/// 다른 스레드가 남은 일을 그만두면, 끝나기를 기다리던 쪽이 깨어납니다.
pub fn cancelled_call_wakes_join() -> Result<()> {
    let pool = Pool::new(1)?;
    ensure_eq!(pool.apply(double, (1,))?, 2);
    let worker = pool.worker_ids()[0];
    let mut results = pool.imap(double, 0..1000);
    ensure_matches!(results.next(), Some(Ok(0)));
    all_asleep(&[worker])?;
    // 작업자를 멈추어, 이제 맡기는 일을 아무도 시작하지 못하게 합니다.
    signal(worker, Signal::SIGSTOP)?;
    wait_state(worker, 'T')?;
    ensure_matches!(results.next(), Some(Ok(2))); // 이미 끝난 결과를 가져가며 하나를 더 맡깁니다.
    let waited = scope(|scope| {
        let join = scope.spawn(|| pool.join_timeout(Duration::from_secs(30)));
        sleep(Duration::from_millis(100)); // 기다림에 이르지 못했다면 곧바로 끝날 뿐입니다.
        let start = Instant::now();
        drop(results);
        let ended = join.join().map_err(|_| anyhow!("패닉"))?;
        ensure!(ended, "그만둔 일을 끝까지 기다렸습니다");
        anyhow::Ok(start.elapsed())
    });
    signal(worker, Signal::SIGCONT)?;
    let waited = waited?;
    ensure!(waited < SOON, "그만둔 뒤로 {waited:?}를 기다렸습니다");
    soon("join", || {
        pool.join();
        Ok(())
    })
}
