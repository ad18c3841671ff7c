//! 락을 기다리는 프로세스.

use std::thread::yield_now;
use std::time::{Duration, Instant};

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use lock::{Lock, LockError};
use tests::children::expect_killed;
use tests::{Counter, counter, ensure_eq};

use crate::{arrive, end_soon, longest, nobody_waited_long, wait_all_asleep};

/// 기다림의 제한 시간. [`crate::RECHECK_MS`]보다 짧지만, 이 시간이 지나서 깨어난 것은 에러가 됩니다.
const LONG: Duration = Duration::from_secs(30);

fn add(lock: Lock<u64>, arrived: Counter) -> Result<()> {
    arrive(&arrived);
    *lock.acquire()? += 1;
    Ok(())
}

fn add_with_deadline(lock: Lock<u64>, arrived: Counter) -> Result<()> {
    arrive(&arrived);
    *lock.acquire_timeout(LONG)? += 1;
    Ok(())
}

pub fn waiters() -> Result<()> {
    for count in [1, 2, 3, 15] {
        let (lock, arrived) = (Lock::new(0)?, counter()?);
        let held = lock.acquire()?;
        let spawn = |_| Process::spawn(add, (lock.clone(), arrived.clone()));
        let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        wait_all_asleep(&processes, &arrived)?;
        let start = Instant::now();
        drop(held);
        end_soon(start, processes)?;
        ensure_eq!(*lock.acquire()?, count);
    }
    Ok(())
}

pub fn waiters_with_a_deadline() -> Result<()> {
    for count in [1, 4] {
        let (lock, arrived) = (Lock::new(0)?, counter()?);
        let held = lock.acquire()?;
        let spawn = |_| Process::spawn(add_with_deadline, (lock.clone(), arrived.clone()));
        let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        wait_all_asleep(&processes, &arrived)?;
        let start = Instant::now();
        drop(held);
        end_soon(start, processes)?;
        ensure_eq!(*lock.acquire()?, count);
    }
    Ok(())
}

fn take_turns(lock: Lock<u64>) -> Result<Duration> {
    longest(300, |round| {
        let mut guard = lock.acquire()?;
        *guard += 1;
        if round % 8 == 0 {
            yield_now(); // 쥔 채로 밀려나, 다른 프로세스들이 잠들게 합니다.
        }
        Ok(())
    })
}

pub fn contention() -> Result<()> {
    for count in [2, 5, 16] {
        let lock = Lock::new(0)?;
        let spawn = |_| Process::spawn(take_turns, (lock.clone(),));
        nobody_waited_long((0..count).map(spawn).collect::<Result<_, _>>()?)?;
        ensure_eq!(*lock.acquire()?, count * 300);
    }
    Ok(())
}

fn hold_forever(lock: Lock<u64>, arrived: Counter) -> Result<()> {
    let _guard = lock.acquire()?;
    arrive(&arrived);
    tests::children::sleep_forever();
    Ok(())
}

/// 앞 주인의 죽음을 들었으면 참입니다.
fn told_of_death(lock: Lock<u64>, arrived: Counter) -> Result<bool> {
    arrive(&arrived);
    Ok(matches!(lock.acquire(), Err(LockError::OwnerDied { .. })))
}

pub fn holder_killed() -> Result<()> {
    for count in [1, 3] {
        let (lock, held, arrived) = (Lock::new(0)?, counter()?, counter()?);
        let holder = Process::spawn(hold_forever, (lock.clone(), held.clone()))?;
        tests::children::wait_count("자식이 락을 쥐기", &held, 1)?;
        let spawn = |_| Process::spawn(told_of_death, (lock.clone(), arrived.clone()));
        let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        wait_all_asleep(&processes, &arrived)?;
        let start = Instant::now();
        holder.kill();
        expect_killed(holder.join())?;
        ensure_eq!(end_soon(start, processes)?, vec![true; count]);
    }
    Ok(())
}

/// 잠든 채 죽은 대기자는 다른 대기자의 깨우기를 가져가지 않습니다.
pub fn sleeping_waiter_killed() -> Result<()> {
    let (lock, arrived) = (Lock::new(0)?, counter()?);
    let held = lock.acquire()?;
    let spawn = |_| Process::spawn(add, (lock.clone(), arrived.clone()));
    let mut processes: Vec<_> = (0..4).map(spawn).collect::<Result<_, ProcessError>>()?;
    wait_all_asleep(&processes, &arrived)?;
    for victim in [2, 0] {
        let victim = processes.remove(victim);
        victim.kill();
        expect_killed(victim.join())?;
    }
    let start = Instant::now();
    drop(held);
    end_soon(start, processes)?;
    ensure_eq!(*lock.acquire()?, 2);
    Ok(())
}
