//! 항목 하나의 실패는 그 항목에서 끝납니다.

use anyhow::{Result, bail};
use ipc_core::Process;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pool::{Cause, ItemError, Pool, PoolError};
use tests::{ensure_eq, ensure_matches};

fn odd_only(n: u32) -> Result<u32> {
    if n % 2 == 0 {
        bail!("짝수입니다: {n}");
    }
    Ok(n)
}

pub fn error_names_the_first_item() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(2).build()?;
    ensure_matches!(
        pool.map(odd_only, [1, 3, 5, 8, 7, 2]),
        Err(PoolError::Item(ItemError { index: 3, cause: Cause::Failed(message) })) if message == "짝수입니다: 8"
    );
    let each = pool.try_map(odd_only, [1, 2, 3])?;
    ensure_eq!((&each[0], &each[2]), (&Ok(1), &Ok(3)));
    ensure_eq!(each[1].clone().map_err(|error| error.index), Err(1));
    ensure_eq!(pool.map(odd_only, [9])?, [9]);
    Ok(())
}

pub fn pool_from_zero_workers() -> Result<()> {
    ensure_matches!(Pool::new(0).map(drop), Err(PoolError::NoWorkers));
    Ok(())
}

/// 보내지 못한 묶음 하나는 앞뒤의 묶음을 건드리지 않습니다. 디스크립터가 없으면 큰 묶음만 보내지 못합니다.
fn unsendable_between_two() -> Result<()> {
    let pool = Pool::builder().workers(1).chunk_size(1).build()?;
    ensure_eq!(pool.apply(|text: String| text.len(), "a".to_owned())?, 1);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard)?;
    let handles: Vec<_> = [2, 1 << 20, 3]
        .map(|length| pool.apply_async(|text: String| text.len(), "a".repeat(length)))
        .into_iter()
        .collect::<Result<_, _>>()?;
    // 큰 묶음은 작업자가 가져갈 때 관리 스레드가 보냅니다.
    let lengths: Vec<_> = handles.into_iter().map(|handle| handle.get().ok()).collect();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    ensure_eq!(lengths, [Some(2), None, Some(3)]);
    Ok(())
}

pub fn unsendable_chunk_disturbs_nobody() -> Result<()> {
    for _ in 0..20 {
        Process::spawn(unsendable_between_two, ())?.join()?;
    }
    Ok(())
}
