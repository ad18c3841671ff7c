//! 사례 1과 5: 작업자가 일하는 동안 아무 때나, 또는 노는 동안 죽습니다.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use pool::{Cause, ItemError, ItemResult, Pool, PoolError};

use super::desk::Desk;
use super::naive::{self, Misfortune};
use super::{TRIES, call_and_kill, still_usable, strike};
use crate::ensure_eq;
use crate::procfs::alive;
use crate::torture::{Case, Control, Round};
use crate::wait::{ONE_SECOND, PATIENCE, timed, until};

const ITEMS: u32 = 10_000;
const WORKERS: usize = 3;
/// 항목 하나를 계산하는 시간. `map` 전체가 수십 밀리초가 되어, 죽임이 도중에 닿습니다.
const WORK: Duration = Duration::from_micros(10);
/// 죽은 뒤 남은 항목까지 모두 마치는 시간. 최적화하지 않은 빌드에서는 계산 자체가 오래 걸립니다.
const FINISH: Duration = if cfg!(debug_assertions) { PATIENCE } else { ONE_SECOND };

pub fn at_any_time() -> Case {
    Case {
        number: 1,
        name: "pool_worker_killed_at_random",
        promise: "map 도중에 작업자가 죽으면 1초 안에 항목과 시그널을 아는 에러가 되거나, 재시도로 모두 얻습니다",
        short: 8,
        long: 200,
        round: kill_at_random,
        control: Some(Control {
            name: "작업자의 죽음을 모르는 풀: 계산하다 죽음",
            round: |_| naive::must_end(Misfortune::KilledComputing),
        }),
    }
}

pub fn while_idle() -> Case {
    Case {
        number: 5,
        name: "pool_idle_workers_killed",
        promise: "노는 작업자가 모두 죽어도 map은 소리 없이 바꾸어 일하고, close와 terminate는 돌아옵니다",
        short: 6,
        long: 100,
        round: kill_idle,
        control: Some(Control {
            name: "작업자의 죽음을 모르는 풀: 노는 작업자가 죽음",
            round: |_| naive::must_end(Misfortune::KilledIdle),
        }),
    }
}

fn brief(n: u32) -> u32 {
    Desk::called();
    let start = Instant::now();
    while start.elapsed() < WORK {}
    n
}

fn kill_at_random(round: &mut Round) -> Result<()> {
    let chunk_size = [1, 50][round.number as usize % 2];
    let retries = round.number / 2 % 2;
    let each = round.number / 4 % 2 == 1;
    for _ in 0..TRIES {
        if kill_once(&mut round.random, chunk_size, retries, each)? {
            round.landed();
            return Ok(());
        }
    }
    bail!("{TRIES}번을 해 보아도 일하는 도중에 죽이지 못했습니다")
}

/// 일이 끝나기 전에 죽였으면 참입니다.
fn kill_once(
    random: &mut fastrand::Rng,
    chunk_size: usize,
    retries: u32,
    each: bool,
) -> Result<bool> {
    let desk = Desk::new()?;
    let pool = Pool::builder()
        .workers(WORKERS)
        .chunk_size(chunk_size)
        .retries(retries)
        .initializer(Desk::sit, desk.clone())
        .build()?;
    let (victim, when) = (pool.worker_ids()[random.usize(0..WORKERS)], random.u32(0..ITEMS));
    let kill = || {
        desk.wait_calls(when)?;
        let at = strike(victim)?;
        Ok((desk.calls() < ITEMS, at))
    };
    let call = || match each {
        true => pool.try_map(brief, 0..ITEMS),
        false => pool.map(brief, 0..ITEMS).map(|results| results.into_iter().map(Ok).collect()),
    };
    let (outcome, unfinished, took) = call_and_kill(kill, call)?;
    match outcome {
        Ok(results) => {
            expect_results(&results, victim, retries, desk.calls())?;
            ensure!(took < FINISH, "죽은 뒤 {took:?} 만에 마쳤습니다");
        }
        Err(PoolError::Item(error)) if !each && retries == 0 => {
            expect_death(&error, victim)?;
            ensure!(took < ONE_SECOND, "죽은 뒤 {took:?} 만에 에러가 되었습니다");
        }
        Err(error) => return Err(error.into()),
    }
    still_usable(&pool)?;
    Ok(unfinished)
}

/// 항목마다의 결과가 맞고, 잃은 것은 많아야 하나이며, 낸 결과를 다시 계산하지 않았어야 합니다.
fn expect_results(
    results: &[ItemResult<u32>],
    victim: u32,
    retries: u32,
    calls: u32,
) -> Result<()> {
    ensure_eq!(results.len(), ITEMS as usize);
    let mut lost = 0;
    for (n, result) in results.iter().enumerate() {
        match result {
            Ok(value) => ensure_eq!(*value, n as u32),
            Err(error) => {
                ensure_eq!(error.index, n);
                expect_death(error, victim)?;
                lost += 1;
            }
        }
    }
    ensure!(lost <= 1 - retries, "재시도 {retries}번에 항목 {lost}개를 잃었습니다");
    // 죽을 때 계산하던 항목만, 함수를 호출하기 전일 수도 있고, 재시도로 두 번 호출될 수도 있습니다.
    let allowed = ITEMS - lost..=ITEMS + retries;
    ensure!(allowed.contains(&calls), "함수가 {calls}번 불렸습니다({allowed:?}번이어야 합니다)");
    Ok(())
}

fn expect_death(error: &ItemError, victim: u32) -> Result<()> {
    ensure_eq!(error.cause, Cause::WorkerDied(format!("PID {victim}, SIGKILL(9)")));
    Ok(())
}

fn kill_idle(round: &mut Round) -> Result<()> {
    let pool = Pool::new(WORKERS)?;
    if round.random.bool() {
        still_usable(&pool)?; // 아니면 아직 시작하는 중일 때 죽입니다.
    }
    let idle = pool.worker_ids();
    for &pid in &idle {
        ensure!(alive(pid)?, "놀던 작업자가 스스로 끝났습니다");
        strike(pid)?;
        round.landed();
    }
    if round.random.bool() {
        until("작업자가 모두 죽기", PATIENCE, || all_dead(&idle))?; // 아니면 죽어 가는 동안입니다.
    }
    match round.number % 3 {
        0 => {
            let (results, took) = timed(|| pool.map(u32::pow, (0..50).map(|n| (n, 2))));
            ensure_eq!(results?, (0..50).map(|n| n * n).collect::<Vec<_>>());
            ensure!(took < ONE_SECOND, "바꾸고 일하는 데 {took:?}가 걸렸습니다");
            // 하나만 바뀌어도 일은 끝나므로, 나머지는 그 뒤에 바뀝니다.
            until("죽은 작업자가 모두 바뀌기", ONE_SECOND, || {
                let now = pool.worker_ids();
                Ok(now.len() == WORKERS && idle.iter().all(|old| !now.contains(old)))
            })?;
        }
        1 => {
            pool.close();
            let ((), took) = timed(|| pool.join());
            ensure!(took < ONE_SECOND, "join이 {took:?} 만에 반환되었습니다");
        }
        _ => {
            let ((), took) = timed(|| pool.terminate());
            ensure!(took < ONE_SECOND, "terminate가 {took:?} 만에 반환되었습니다");
        }
    }
    Ok(())
}

fn all_dead(pids: &[u32]) -> Result<bool> {
    for &pid in pids {
        if alive(pid)? {
            return Ok(false);
        }
    }
    Ok(true)
}
