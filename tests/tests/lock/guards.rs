//! 가드는 어떻게 사라지든 락을 놓고, 값은 한 번에 한 쪽만 만집니다.

use std::mem::forget;

use anyhow::{Result, bail};
use ipc_core::{Process, ProcessError};
use lock::{Lock, LockError, Plain};
use tests::children::quiet_panic;
use tests::wait::ONE_SECOND;
use tests::{ensure_eq, ensure_matches};

const PROCESSES: u64 = 4;
const INCREMENTS: u64 = 20_000;

fn increment(lock: Lock<u64>) -> Result<()> {
    for _ in 0..INCREMENTS {
        *lock.acquire()? += 1;
    }
    Ok(())
}

pub fn increments_are_exact() -> Result<()> {
    let lock = Lock::new(0)?;
    let workers = (0..PROCESSES)
        .map(|_| Process::spawn(increment, (lock.clone(),)))
        .collect::<Result<Vec<_>, _>>()?;
    for worker in workers {
        worker.join()?;
    }
    ensure_eq!(*lock.acquire()?, PROCESSES * INCREMENTS);
    Ok(())
}

fn panic_inside(lock: Lock<u32>) -> Result<()> {
    let mut value = lock.acquire()?;
    *value = 7;
    quiet_panic("쥔 채 패닉")
}

pub fn released_on_panic() -> Result<()> {
    let lock = Lock::new(0)?;
    ensure_matches!(
        Process::spawn(panic_inside, (lock.clone(),))?.join(),
        Err(ProcessError::Panicked { .. })
    );
    // 패닉은 죽음이 아니라서 OwnerDied가 아닙니다.
    ensure_eq!(*lock.acquire_timeout(ONE_SECOND)?, 7);
    Ok(())
}

fn return_early(lock: Lock<u32>) -> Result<()> {
    let value = lock.acquire()?;
    if *value == 0 {
        bail!("일찍 반환합니다");
    }
    Ok(())
}

pub fn released_on_early_return() -> Result<()> {
    let lock = Lock::new(0)?;
    ensure_matches!(
        Process::spawn(return_early, (lock.clone(),))?.join(),
        Err(ProcessError::Failed { .. })
    );
    drop(lock.acquire_timeout(ONE_SECOND)?);
    ensure_matches!(return_early(lock.clone()), Err(_));
    drop(lock.acquire_timeout(ONE_SECOND)?);
    Ok(())
}

fn forget_and_exit(lock: Lock<u32>) -> Result<()> {
    forget(lock.acquire()?);
    std::process::exit(0)
}

/// 놓지 않고 스스로 끝낸 프로세스도 죽은 주인입니다. 다음 차례가 멈추지 않습니다.
pub fn released_at_normal_exit() -> Result<()> {
    let lock = Lock::new(0)?;
    let holder = Process::spawn(forget_and_exit, (lock.clone(),))?;
    let pid = holder.id();
    ensure_matches!(holder.join(), Err(ProcessError::Exited { code: 0, .. }));
    ensure_matches!(
        lock.acquire_timeout(ONE_SECOND).map(drop),
        Err(LockError::OwnerDied { pid: Some(told) }) if told == pid
    );
    Ok(())
}

/// 커널의 로버스트 목록이 사라진 메모리를 가리키면, 다음 락이나 끝나는 순간에 탈이 납니다.
fn forget_then_drop(rounds: u32) -> Result<u64> {
    let survivor = Lock::new(0u64)?;
    for _ in 0..rounds {
        let lock = Lock::new([0u64; 512])?;
        let mut guard = lock.acquire()?;
        guard[0] = 1;
        forget(guard);
        drop(lock);
        // 같은 자리에 새 매핑이 들어올 수 있게 하고, 같은 목록에 넣고 뺍니다.
        *survivor.acquire()? += Lock::new([1u64; 512])?.acquire()?[511];
    }
    Ok(*survivor.acquire()?)
}

pub fn forgotten_guard_does_no_harm() -> Result<()> {
    ensure_eq!(Process::spawn(forget_then_drop, (100,))?.join()?, 100);
    Ok(())
}

fn write<T: Plain + Send + Copy>(lock: &Lock<T>, value: T) -> Result<()> {
    *lock.acquire()? = value;
    Ok(())
}

pub fn values_of_many_shapes() -> Result<()> {
    let pair = Lock::new((1u64, 2u64))?;
    Process::spawn(|lock: Lock<(u64, u64)>| write(&lock, (u64::MAX, 3)), (pair.clone(),))?
        .join()?;
    ensure_eq!(*pair.acquire()?, (u64::MAX, 3));

    let page = Lock::new([0u8; 4096])?;
    Process::spawn(|lock: Lock<[u8; 4096]>| write(&lock, [0xA5; 4096]), (page.clone(),))?.join()?;
    ensure_eq!(page.acquire()?.iter().all(|byte| *byte == 0xA5), true);

    let empty = Lock::new(())?;
    Process::spawn(|lock: Lock<()>| write(&lock, ()), (empty.clone(),))?.join()?;
    drop(empty.acquire()?);

    let letter = Lock::new('가')?;
    Process::spawn(|lock: Lock<char>| write(&lock, '힣'), (letter.clone(),))?.join()?;
    ensure_eq!(*letter.acquire()?, '힣');
    Ok(())
}
