//! 풀의 작업자가 죽는 사례.
//!
//! | 사례 | 파일 |
//! | --- | --- |
//! | 1 아무 때나, 5 노는 동안 | `pool/kills.rs` |
//! | 2 단계마다 | `pool/steps.rs`, `pool/sending.rs` |
//! | 3 큰 결과, 4 큰 인수 | `pool/large.rs` |
//! | 6 스스로 끝나는 작업 | `pool/endings.rs` |
//! | 7 옮기거나 계산하지 못하는 항목 | `pool/trouble.rs` |
//!
//! `pool/desk.rs`는 작업자와 테스트가 함께 보는 값이고, `pool/naive.rs`는 약속을 지키지 못하는 풀입니다.

mod desk;
mod endings;
mod kills;
mod large;
mod naive;
mod sending;
mod steps;
mod trouble;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use nix::sys::signal::Signal;
use pool::Pool;

use crate::ensure_eq;
use crate::procfs::signal;
use crate::torture::Case;

/// 한 차례 안에서, 일이 끝나기 전에 닿을 때까지 죽여 보는 횟수.
const TRIES: u32 = 20;

pub fn cases() -> Vec<Case> {
    vec![
        kills::at_any_time(),
        steps::at_each_step(),
        large::results(),
        large::arguments(),
        kills::while_idle(),
        endings::each_way(),
        trouble::each_place(),
    ]
}

/// `SIGKILL`로 죽이고, 보내기 직전의 시각을 반환합니다.
fn strike(pid: u32) -> Result<Instant> {
    let at = Instant::now();
    signal(pid, Signal::SIGKILL)?;
    Ok(at)
}

/// `call`을 호출하는 동안 다른 스레드에서 `kill`을 합니다. `kill`은 알려 줄 것과 죽인 시각을 반환합니다.
///
/// 호출의 결과, `kill`이 알려 준 것, 죽인 때부터 반환될 때까지의 시간입니다.
fn call_and_kill<T, K: Send>(
    kill: impl FnOnce() -> Result<(K, Instant)> + Send,
    call: impl FnOnce() -> T,
) -> Result<(T, K, Duration)> {
    thread::scope(|scope| {
        let killer = scope.spawn(kill);
        let outcome = call();
        let returned = Instant::now();
        let (told, struck) =
            killer.join().map_err(|_| anyhow!("죽이는 스레드가 패닉했습니다"))??;
        Ok((outcome, told, returned.saturating_duration_since(struck)))
    })
}

/// 죽인 뒤에도 풀을 그대로 쓸 수 있어야 합니다.
fn still_usable(pool: &Pool) -> Result<()> {
    ensure_eq!(pool.map(u32::pow, [(2, 3), (3, 2), (4, 1)])?, [8, 9, 4]);
    Ok(())
}
