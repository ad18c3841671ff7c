//! 사례 2의 한 단계: 결과를 보내다 막힌 작업자가 죽습니다.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use pool::{Pool, PoolError};

use super::desk::Desk;
use super::steps::{death, within_a_second};
use super::{still_usable, strike};
use crate::ensure_eq;
use crate::procfs::{alive, wait_state};
use crate::wait::{PATIENCE, until};

/// 한 묶음의 결과가 소켓에 다 들어가지 않습니다.
const CHUNK: u32 = 40;
const ITEMS: u32 = 4 * CHUNK;
/// 결과 하나의 크기. 적어 두기에는 크고, 프레임에 바로 실을 만큼은 작습니다.
const SIZE: usize = 60_000;

fn bulky(n: u32) -> String {
    Desk::called();
    if n == 0 {
        Desk::arrive();
    }
    "x".repeat(SIZE)
}

/// 부모가 입력을 읽느라 결과를 받지 않는 동안, 보내다 막힌 작업자를 죽입니다. 이미 보낸 결과는 남아야 합니다.
pub fn blocked(retries: u32) -> Result<()> {
    let desk = Desk::new()?;
    let pool = Pool::builder()
        .workers(2)
        .chunk_size(CHUNK as usize)
        .retries(retries)
        .initializer(Desk::sit, desk.clone())
        .build()?;
    let mut killed = None;
    // 작업자마다 한 묶음씩 주고 첫 작업자에게 하나를 더 준 뒤입니다. 그 묶음은 읽히지 않은 채 남습니다.
    let last_chunk = ITEMS - CHUNK;
    let items = (0..ITEMS).inspect(|&n| {
        if n == last_chunk {
            killed = Some(kill_blocked(&desk));
        }
    });
    let results: Vec<_> = pool.imap(bulky, items).collect();
    let (victim, struck) = killed.context("입력을 끝까지 읽지 않았습니다")??;
    within_a_second(struck.elapsed())?;
    ensure_eq!(results.len(), ITEMS as usize);
    let mut lost = Vec::new();
    for (n, result) in (0..).zip(results) {
        match result {
            Ok(text) => ensure!(text.len() == SIZE, "{n}번째 결과가 온전하지 않습니다"),
            Err(PoolError::Item(error)) if retries == 0 && error.cause == death(victim) => {
                ensure_eq!(error.index, n);
                lost.push(n);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let own = 1..CHUNK as usize;
    let expected = if retries == 0 { 1 } else { 0 };
    ensure!(
        lost.len() == expected && lost.iter().all(|n| own.contains(n)),
        "항목 {lost:?}을(를) 잃었습니다({expected}개여야 합니다)"
    );
    ensure_eq!(desk.calls(), ITEMS + retries);
    still_usable(&pool)
}

/// 첫 항목을 맡은 작업자가 보내다 잠들면 죽이고, 다 죽을 때까지 기다립니다.
fn kill_blocked(desk: &Desk) -> Result<(u32, Instant)> {
    let victim = desk.victim()?;
    // 함수는 잠들지 않으므로, 잠들었다면 보내는 중입니다.
    wait_state(victim, 'S')?;
    let struck = strike(victim)?;
    until("작업자가 죽기", PATIENCE, || Ok(!alive(victim)?))?;
    Ok((victim, struck))
}
