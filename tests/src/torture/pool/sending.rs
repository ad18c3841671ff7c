//! 사례 2의 한 단계: 결과를 보내다 막힌 작업자가 죽습니다.

use std::time::Instant;

use anyhow::{Result, ensure};
use ipc_core::Process;
use nix::sys::signal::Signal;
use pool::{Cause, Pool};

use super::desk::Desk;
use super::steps::{death, within_a_second};
use super::{still_usable, strike};
use crate::ensure_eq;
use crate::procfs::{alive, signal, wait_state};
use crate::wait::{PATIENCE, until};

/// 한 묶음의 결과가 소켓에 다 들어가지 않습니다.
const CHUNK: u32 = 40;
const ITEMS: u32 = 4 * CHUNK;
/// 결과 하나의 크기. 책상에 놓기에는 크고, 프레임에 바로 실을 만큼은 작습니다.
const SIZE: usize = 60_000;

fn bulky(n: u32) -> String {
    Desk::called();
    if n == 0 && Desk::arrive() {
        Desk::wait_open();
    }
    "x".repeat(SIZE)
}

/// 풀의 부모. 결과마다 길이, 또는 위치와 이유입니다.
fn parent(desk: Desk, retries: u32) -> Result<Vec<Result<usize, (usize, Cause)>>> {
    let pool = Pool::builder()
        .workers(2)
        .chunk_size(CHUNK as usize)
        .retries(retries)
        .initializer(Desk::sit, desk)
        .build()?;
    let results = pool.try_map(bulky, 0..ITEMS)?;
    still_usable(&pool)?;
    let told = |result: Result<String, pool::ItemError>| {
        result.map(|text| text.len()).map_err(|error| (error.index, error.cause))
    };
    Ok(results.into_iter().map(told).collect())
}

/// 부모가 멈춰 결과를 받지 않는 동안, 보내다 막힌 작업자를 죽입니다. 이미 보낸 결과는 남아야 합니다.
pub fn blocked(retries: u32) -> Result<()> {
    let desk = Desk::new()?;
    let mut parent = Process::spawn(parent, (desk.clone(), retries))?;
    let victim = desk.victim()?;
    signal(parent.id(), Signal::SIGSTOP)?;
    wait_state(parent.id(), 'T')?;
    desk.open();
    // 함수는 잠들지 않으므로, 잠들었다면 보내는 중입니다.
    wait_state(victim, 'S')?;
    strike(victim)?;
    until("작업자가 죽기", PATIENCE, || Ok(!alive(victim)?))?;
    let resumed = Instant::now();
    signal(parent.id(), Signal::SIGCONT)?;
    let results = parent.join_timeout(PATIENCE)?;
    within_a_second(resumed.elapsed())?;
    ensure_eq!(results.len(), ITEMS as usize);
    let mut lost = Vec::new();
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(length) => ensure!(length == SIZE, "{n}번째 결과가 온전하지 않습니다"),
            Err((index, cause)) => {
                ensure_eq!((index, &cause), (n, &death(victim)));
                lost.push(n);
            }
        }
    }
    let own = 1..CHUNK as usize;
    let expected = if retries == 0 { 1 } else { 0 };
    ensure!(
        lost.len() == expected && lost.iter().all(|n| own.contains(n)),
        "잃은 항목이 {expected}개여야 합니다: {lost:?}"
    );
    ensure_eq!(desk.calls(), ITEMS + retries);
    Ok(())
}
