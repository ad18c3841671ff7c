//! 다른 쪽이 쥔 동안 기다리거나, 기다리지 않습니다.

use std::thread::scope;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use lock::{Lock, LockError};
use pipe::{Receiver, pipe};
use tests::children::{wait_asleep, wait_count};
use tests::{Counter, counter, ensure_eq, ensure_matches};

/// 쥐었음을 알리고, 놓으라는 말(또는 끊김)이 올 때까지 쥡니다.
fn hold(lock: Lock<u32>, held: Counter, release: Receiver<()>) -> Result<()> {
    let _guard = lock.acquire()?;
    held.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let _ = release.recv();
    Ok(())
}

/// 다른 프로세스가 쥔 동안 `work`를 합니다.
fn while_held(work: impl FnOnce(&Lock<u32>) -> Result<()>) -> Result<()> {
    let (lock, held, (inbox, release)) = (Lock::new(0)?, counter()?, pipe()?);
    let holder = Process::spawn(hold, (lock.clone(), held.clone(), inbox))?;
    wait_count("자식이 락을 쥐기", &held, 1)?;
    work(&lock)?;
    release.send(&())?;
    holder.join()?;
    drop(lock.acquire()?);
    Ok(())
}

pub fn try_acquire_never_waits() -> Result<()> {
    while_held(|lock| {
        ensure_eq!(lock.try_acquire()?.is_none(), true);
        Ok(())
    })?;
    let lock = Lock::new(1)?;
    let guard = lock.try_acquire()?;
    ensure_eq!(guard.as_deref().copied(), Some(1));
    // 같은 스레드가 쥐고 있어도 기다리지 않습니다.
    ensure_eq!(lock.try_acquire()?.is_none(), true);
    drop(guard);
    ensure_eq!(lock.try_acquire()?.is_some(), true);
    // 비어 있으면 기다릴 시간이 0이어도 얻습니다.
    drop(lock.acquire_timeout(Duration::ZERO)?);
    Ok(())
}

pub fn second_acquire_on_a_thread_is_an_error() -> Result<()> {
    let lock = Lock::new(0)?;
    let guard = lock.acquire()?;
    for second in [
        lock.acquire(),
        lock.acquire_timeout(Duration::from_millis(10)),
        lock.clone().acquire().map(|_| unreachable!()),
    ] {
        ensure_matches!(second.map(drop), Err(LockError::AlreadyHeld));
    }
    // 다른 스레드에는 평범하게 기다릴 일입니다.
    scope(|scope| {
        let other = scope.spawn(|| lock.try_acquire().is_ok_and(|guard| guard.is_none()));
        ensure_eq!(other.join().ok(), Some(true));
        anyhow::Ok(())
    })?;
    drop(guard);
    drop(lock.acquire()?);
    Ok(())
}

fn increment_once(lock: Lock<u32>) -> Result<u32> {
    let mut value = lock.acquire()?;
    *value += 1;
    Ok(*value)
}

/// 기다리다 잠든 프로세스가, 놓는 순간 깨어납니다.
pub fn waiter_gets_its_turn() -> Result<()> {
    let lock = Lock::new(10)?;
    let guard = lock.acquire()?;
    let waiters = [
        Process::spawn(increment_once, (lock.clone(),))?,
        Process::spawn(increment_once, (lock.clone(),))?,
    ];
    for waiter in &waiters {
        wait_asleep(waiter)?;
    }
    drop(guard);
    let mut values = Vec::new();
    for waiter in waiters {
        values.push(waiter.join()?);
    }
    values.sort_unstable();
    ensure_eq!(values, [11, 12]);
    Ok(())
}
