//! 세마포어의 자리를 기다리는 프로세스.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use anyhow::Result;
use ipc_core::Process;
use semaphore::Semaphore;
use tests::children::wait_count;
use tests::wait::{PATIENCE, until};
use tests::{Counter, counter, ensure_eq};

use crate::{SOON, arrive, end_soon, longest, nobody_waited_long, wait_all_asleep};

fn enter(semaphore: Semaphore, arrived: Counter) -> Result<()> {
    arrive(&arrived);
    drop(semaphore.acquire()?);
    Ok(())
}

/// 자리 하나를 여럿이 기다리고, 하나씩 나가며 다음을 깨웁니다.
pub fn waiters_for_every_place() -> Result<()> {
    for (places, count) in [(1, 1), (1, 2), (1, 5), (2, 5), (3, 16), (16, 16)] {
        let (semaphore, arrived) = (Semaphore::new(places)?, counter()?);
        let mut held = (0..places).map(|_| semaphore.acquire()).collect::<Result<Vec<_>, _>>()?;
        let spawn = |_| Process::spawn(enter, (semaphore.clone(), arrived.clone()));
        let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        wait_all_asleep(&processes, &arrived)?;
        let start = Instant::now();
        held.pop(); // 한 자리만 비웁니다.
        end_soon(start, processes)?;
        ensure_eq!(semaphore.available(), 1);
    }
    Ok(())
}

fn enter_with_deadline(semaphore: Semaphore, arrived: Counter) -> Result<()> {
    arrive(&arrived);
    drop(semaphore.acquire_timeout(Duration::from_secs(30))?);
    Ok(())
}

pub fn waiters_with_a_deadline() -> Result<()> {
    let (semaphore, arrived) = (Semaphore::new(1)?, counter()?);
    let held = semaphore.acquire()?;
    let spawn = |_| Process::spawn(enter_with_deadline, (semaphore.clone(), arrived.clone()));
    let processes: Vec<_> = (0..4).map(spawn).collect::<Result<_, _>>()?;
    wait_all_asleep(&processes, &arrived)?;
    let start = Instant::now();
    drop(held);
    end_soon(start, processes)?;
    Ok(())
}

/// 들어가서, `leave`가 0이 아닐 때까지 나오지 않습니다.
fn enter_and_stay(
    semaphore: Semaphore,
    arrived: Counter,
    entered: Counter,
    leave: Counter,
) -> Result<()> {
    arrive(&arrived);
    let _permit = semaphore.acquire()?;
    entered.fetch_add(1, SeqCst);
    until("나가라는 말을 듣기", PATIENCE, || Ok(leave.load(SeqCst) != 0))
}

/// 모두 잠든 사이에 자리가 여럿 나면, 나간 수만큼 들어갑니다. 들어간 쪽은 나오지 않으므로 다음을 깨울 이는 깨어난 쪽뿐입니다.
pub fn all_places_freed_while_all_sleep() -> Result<()> {
    for (places, count) in [(2, 2), (2, 4), (5, 8), (12, 12)] {
        for _ in 0..3 {
            let (semaphore, arrived) = (Semaphore::new(places)?, counter()?);
            let (entered, leave) = (counter()?, counter()?);
            let held = (0..places).map(|_| semaphore.acquire()).collect::<Result<Vec<_>, _>>()?;
            let args = || (semaphore.clone(), arrived.clone(), entered.clone(), leave.clone());
            let spawn = |_| Process::spawn(enter_and_stay, args());
            let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
            wait_all_asleep(&processes, &arrived)?;
            drop(held);
            until(&format!("자리 {places}개가 모두 차기"), SOON, || {
                Ok(entered.load(SeqCst) == places as u32)
            })?;
            let start = Instant::now();
            leave.store(1, SeqCst);
            wait_count("모두 들어가기", &entered, count)?;
            end_soon(start, processes)?;
        }
    }
    Ok(())
}

fn take_turns(semaphore: Semaphore) -> Result<Duration> {
    longest(200, |round| {
        let _permit = semaphore.acquire()?;
        if round % 4 == 0 {
            yield_now();
        }
        Ok(())
    })
}

pub fn contention() -> Result<()> {
    for (places, count) in [(1, 2), (2, 5), (3, 16)] {
        let semaphore = Semaphore::new(places)?;
        let spawn = |_| Process::spawn(take_turns, (semaphore.clone(),));
        nobody_waited_long((0..count).map(spawn).collect::<Result<_, _>>()?)?;
        ensure_eq!(semaphore.available(), places);
    }
    Ok(())
}
