//! 쥔 프로세스가 죽으면 다음 차례가 알게 되고, 고쳐서 이어 쓸 수 있습니다.

use std::time::Duration;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use lock::{Lock, LockError};
use nix::sys::signal::Signal;
use tests::children::{arrive_and_sleep, die_by, expect_killed, wait_asleep, wait_count};
use tests::wait::{ONE_SECOND, PATIENCE};
use tests::{Counter, counter, ensure_eq, ensure_matches};

fn hold_forever(lock: Lock<u32>, held: Counter) -> Result<()> {
    let mut guard = lock.acquire()?;
    *guard = 99;
    arrive_and_sleep(&held)
}

/// 자식이 쥔 채 죽은 락과, 그 자식의 PID.
fn orphaned_lock() -> Result<(Lock<u32>, u32)> {
    let (lock, held) = (Lock::new(0)?, counter()?);
    let holder = Process::spawn(hold_forever, (lock.clone(), held.clone()))?;
    wait_count("자식이 락을 쥐기", &held, 1)?;
    let pid = holder.id();
    holder.kill();
    expect_killed(holder.join())?;
    Ok((lock, pid))
}

pub fn next_is_told_until_repaired() -> Result<()> {
    let (lock, pid) = orphaned_lock()?;
    // 고치지 않고 버리면 다음 차례도 같은 말을 듣습니다.
    for _ in 0..3 {
        ensure_matches!(
            lock.acquire_timeout(ONE_SECOND).map(drop),
            Err(LockError::OwnerDied { pid: Some(told) }) if told == pid
        );
        let died = lock.recover()?;
        ensure_eq!((died.pid(), died.is_repaired(), *died), (Some(pid), false, 99));
    }
    *lock.recover()?.repair() = 1;
    ensure_eq!(*lock.acquire()?, 1);
    // 이미 고친 락을 넘겨받아도 평범한 락입니다.
    let repaired = lock.recover()?;
    ensure_eq!((repaired.pid(), repaired.is_repaired(), *repaired), (None, true, 1));
    *repaired.repair() += 1;
    ensure_eq!(*lock.acquire()?, 2);
    Ok(())
}

fn died_pid(lock: Lock<u32>) -> Result<Option<u32>> {
    match lock.acquire() {
        Err(LockError::OwnerDied { pid }) => Ok(pid),
        _ => anyhow::bail!("OwnerDied가 아닙니다"),
    }
}

/// 이미 잠들어 기다리던 프로세스가 죽음을 바로 압니다.
pub fn waiter_is_told_at_once() -> Result<()> {
    let (lock, held) = (Lock::new(0)?, counter()?);
    let holder = Process::spawn(hold_forever, (lock.clone(), held.clone()))?;
    wait_count("자식이 락을 쥐기", &held, 1)?;
    let mut waiter = Process::spawn(died_pid, (lock.clone(),))?;
    wait_asleep(&waiter)?;
    let pid = holder.id();
    holder.kill();
    ensure_eq!(waiter.join_timeout(ONE_SECOND)?, Some(pid));
    expect_killed(holder.join())
}

pub fn try_and_timeout_are_told_too() -> Result<()> {
    let (lock, pid) = orphaned_lock()?;
    ensure_matches!(
        lock.try_acquire().map(drop),
        Err(LockError::OwnerDied { pid: Some(told) }) if told == pid
    );
    ensure_matches!(
        lock.acquire_timeout(Duration::ZERO).map(drop),
        Err(LockError::OwnerDied { .. })
    );
    let error: anyhow::Error =
        lock.acquire().map(drop).err().map_or_else(|| anyhow::anyhow!("없음"), Into::into);
    for told in ["recover()", "repair()", &pid.to_string()] {
        ensure_eq!(error.to_string().contains(told), true);
    }
    Ok(())
}

/// 에러를 받은 쪽은 락을 쥐지 않았습니다. 쥔 채였다면 다음 호출은 `AlreadyHeld`이고 다른 프로세스는 기다립니다.
pub fn told_is_not_holding() -> Result<()> {
    let (lock, pid) = orphaned_lock()?;
    let told = lock.acquire().map(drop);
    ensure_matches!(&told, Err(LockError::OwnerDied { .. }));
    let mut other = Process::spawn(died_pid, (lock.clone(),))?;
    ensure_eq!(other.join_timeout(PATIENCE)?, Some(pid));
    // `OwnerDied`를 쥔 동안은 락도 쥐고 있습니다.
    let died = lock.recover()?;
    ensure_matches!(lock.acquire().map(drop), Err(LockError::AlreadyHeld));
    ensure_matches!(lock.recover().map(drop), Err(LockError::AlreadyHeld));
    drop(died);
    ensure_matches!(lock.try_acquire().map(drop), Err(LockError::OwnerDied { .. }));
    Ok(())
}

fn recover_and_die(lock: Lock<u32>) -> Result<()> {
    let mut guard = lock.recover()?.repair();
    *guard = 5;
    die_by(Signal::SIGKILL);
    Ok(())
}

/// 고친 프로세스도 놓기 전에 죽으면 다시 주인이 죽은 락입니다.
pub fn repairer_may_die_too() -> Result<()> {
    let (lock, _) = orphaned_lock()?;
    let repairer = Process::spawn(recover_and_die, (lock.clone(),))?;
    let pid = repairer.id();
    expect_killed(repairer.join())?;
    ensure_matches!(
        lock.acquire_timeout(ONE_SECOND).map(drop),
        Err(LockError::OwnerDied { pid: Some(told) }) if told == pid
    );
    ensure_eq!(*lock.recover()?, 5);
    Ok(())
}

fn acquire_once(lock: Lock<u32>) -> Result<()> {
    *lock.acquire()? += 1;
    Ok(())
}

/// 깨어났지만 아직 쥐지 못한 프로세스가 죽어도, 그 뒤에서 자던 프로세스가 제 차례를 얻습니다.
///
/// 놓으면 먼저 자던 쪽 하나만 깨웁니다. 그 하나가 쥐기 전에 다른 쪽이 끼어들어 쥐면 "자는 이가 있다"는 표시가
/// 사라지므로, 깨어난 쪽이 그대로 죽으면 아무도 다음을 깨우지 않습니다. 자던 쪽이 스스로 다시 살펴보아야 합니다.
pub fn death_of_a_woken_waiter_wakes_the_next() -> Result<()> {
    for round in 0..20 {
        let lock = Lock::new(0)?;
        let guard = lock.acquire()?;
        let first = Process::spawn(acquire_once, (lock.clone(),))?;
        wait_asleep(&first)?;
        let mut second = Process::spawn(acquire_once, (lock.clone(),))?;
        wait_asleep(&second)?;
        drop(guard);
        let guard = lock.acquire_timeout(ONE_SECOND);
        first.kill();
        let _ = first.join(); // 죽기 전에 차례를 얻어 마쳤을 수도 있습니다.
        drop(guard);
        let result = second.join_timeout(ONE_SECOND);
        anyhow::ensure!(
            !matches!(result, Err(ProcessError::Timeout { .. })),
            "{round}번째: 락이 비었는데도 둘째 프로세스가 깨어나지 않습니다"
        );
    }
    Ok(())
}
