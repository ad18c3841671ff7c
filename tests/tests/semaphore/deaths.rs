//! 허가를 쥔 프로세스가 죽어도 자리는 돌아옵니다.

use std::mem::forget;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use semaphore::Semaphore;
use tests::children::{arrive_and_sleep, expect_killed, wait_asleep, wait_count};
use tests::wait::ONE_SECOND;
use tests::{Counter, counter, ensure_eq, ensure_matches};

fn enter_forever(semaphore: Semaphore, entered: Counter) -> Result<()> {
    let _permit = semaphore.acquire()?;
    arrive_and_sleep(&entered)
}

pub fn permit_comes_back_after_a_kill() -> Result<()> {
    let (semaphore, entered) = (Semaphore::new(1)?, counter()?);
    let guest = Process::spawn(enter_forever, (semaphore.clone(), entered.clone()))?;
    wait_count("자식이 들어가기", &entered, 1)?;
    let pid = guest.id();
    guest.kill();
    expect_killed(guest.join())?;
    let permit = semaphore.acquire_timeout(ONE_SECOND)?;
    ensure_eq!(permit.recovered_from(), Some(pid));
    drop(permit);
    // 한 번 넘겨받은 뒤에는 평범한 자리입니다.
    ensure_eq!(semaphore.acquire()?.recovered_from(), None);
    Ok(())
}

fn who_died(semaphore: Semaphore) -> Result<Option<u32>> {
    Ok(semaphore.acquire()?.recovered_from())
}

/// 죽은 프로세스는 깨워 주지 못하지만, 기다리던 쪽이 스스로 알아챕니다.
pub fn waiter_takes_over() -> Result<()> {
    let (semaphore, entered) = (Semaphore::new(1)?, counter()?);
    let guest = Process::spawn(enter_forever, (semaphore.clone(), entered.clone()))?;
    wait_count("자식이 들어가기", &entered, 1)?;
    let mut waiter = Process::spawn(who_died, (semaphore.clone(),))?;
    wait_asleep(&waiter)?;
    let pid = guest.id();
    guest.kill();
    ensure_eq!(waiter.join_timeout(ONE_SECOND)?, Some(pid));
    expect_killed(guest.join())
}

/// `count`자리를 모두 차지하고, 놓지 않은 채 스스로 끝납니다.
fn take_and_exit(semaphore: Semaphore, count: u32) -> Result<()> {
    for _ in 0..count {
        forget(semaphore.acquire()?);
    }
    std::process::exit(0)
}

pub fn all_permits_of_a_process_come_back() -> Result<()> {
    let semaphore = Semaphore::new(100)?;
    let guest = Process::spawn(take_and_exit, (semaphore.clone(), 100))?;
    ensure_matches!(guest.join(), Err(ProcessError::Exited { code: 0, .. }));
    let permits =
        (0..100).map(|_| semaphore.acquire_timeout(ONE_SECOND)).collect::<Result<Vec<_>, _>>()?;
    ensure_eq!(permits.iter().all(|permit| permit.recovered_from().is_some()), true);
    ensure_eq!(semaphore.try_acquire()?.is_none(), true);
    Ok(())
}
