//! 자리의 수만큼만 들어가고, 나오면 자리가 납니다.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use pipe::{Receiver, pipe};
use semaphore::{Semaphore, SemaphoreError};
use tests::children::{quiet_panic, wait_asleep, wait_count};
use tests::wait::{ONE_SECOND, PATIENCE};
use tests::{Counter, counter, ensure_eq, ensure_matches};

pub fn zero_places_is_an_error() -> Result<()> {
    ensure_matches!(Semaphore::new(0).map(drop), Err(SemaphoreError::NoPlaces));
    ensure_matches!(
        Semaphore::new(usize::MAX).map(drop),
        Err(SemaphoreError::TooManyPlaces { .. })
    );
    Ok(())
}

pub fn counts_are_shown() -> Result<()> {
    let semaphore = Semaphore::new(3)?;
    ensure_eq!((semaphore.places(), semaphore.available()), (3, 3));
    let first = semaphore.acquire()?;
    let second = semaphore.acquire()?;
    ensure_eq!((semaphore.places(), semaphore.available()), (3, 1));
    ensure_eq!(first.recovered_from(), None);
    drop(second);
    drop(first);
    ensure_eq!(semaphore.available(), 3);
    Ok(())
}

/// 들어갔음을 알리고, 나오라는 말이 올 때까지 있습니다.
fn stay(semaphore: Semaphore, entered: Counter, leave: Receiver<()>) -> Result<()> {
    let _permit = semaphore.acquire()?;
    entered.fetch_add(1, SeqCst);
    let _ = leave.recv();
    Ok(())
}

pub fn places_are_shared_between_processes() -> Result<()> {
    let (semaphore, entered, (inbox, leave)) = (Semaphore::new(2)?, counter()?, pipe()?);
    let guest = Process::spawn(stay, (semaphore.clone(), entered.clone(), inbox))?;
    wait_count("자식이 들어가기", &entered, 1)?;
    ensure_eq!(semaphore.available(), 1);
    let own = semaphore.try_acquire()?;
    ensure_eq!(own.is_some(), true);
    ensure_eq!(semaphore.try_acquire()?.is_none(), true);
    let refused = semaphore.acquire_timeout(Duration::ZERO).map(drop);
    ensure_matches!(refused, Err(SemaphoreError::Timeout { places: 2 }));
    leave.send(&())?;
    guest.join()?;
    ensure_eq!(semaphore.try_acquire()?.is_some(), true);
    drop(semaphore.acquire_timeout(Duration::ZERO)?);
    Ok(())
}

fn visit(semaphore: Semaphore, inside: Counter, most: Counter) -> Result<()> {
    for _ in 0..300 {
        let permit = semaphore.acquire()?;
        most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
        std::hint::spin_loop();
        inside.fetch_sub(1, SeqCst);
        drop(permit);
    }
    Ok(())
}

pub fn never_more_inside_than_places() -> Result<()> {
    let (semaphore, inside, most) = (Semaphore::new(2)?, counter()?, counter()?);
    let visitors = (0..6)
        .map(|_| Process::spawn(visit, (semaphore.clone(), inside.clone(), most.clone())))
        .collect::<Result<Vec<_>, _>>()?;
    for visitor in visitors {
        visitor.join()?;
    }
    ensure_eq!(most.load(SeqCst) <= 2, true);
    ensure_eq!(semaphore.available(), 2);
    Ok(())
}

/// 잠들어 기다리던 프로세스들이 하나가 나올 때마다 들어갑니다.
pub fn waiter_is_woken() -> Result<()> {
    let (semaphore, entered) = (Semaphore::new(1)?, counter()?);
    let permit = semaphore.acquire()?;
    let mut guests = Vec::new();
    for _ in 0..3 {
        let (inbox, leave) = pipe()?;
        drop(leave); // 들어가면 바로 나옵니다.
        guests.push(Process::spawn(stay, (semaphore.clone(), entered.clone(), inbox))?);
    }
    for guest in &guests {
        wait_asleep(guest)?;
    }
    ensure_eq!(entered.load(SeqCst), 0);
    drop(permit);
    for mut guest in guests {
        guest.join_timeout(PATIENCE)?;
    }
    ensure_eq!(entered.load(SeqCst), 3);
    Ok(())
}

fn panic_inside(semaphore: Semaphore) -> Result<()> {
    let _permit = semaphore.acquire()?;
    quiet_panic("들어간 채 패닉")
}

pub fn released_on_panic() -> Result<()> {
    let semaphore = Semaphore::new(1)?;
    ensure_matches!(
        Process::spawn(panic_inside, (semaphore.clone(),))?.join(),
        Err(ProcessError::Panicked { .. })
    );
    // 패닉은 죽음이 아니라, 제 손으로 나온 것입니다.
    ensure_eq!(semaphore.acquire_timeout(ONE_SECOND)?.recovered_from(), None);
    Ok(())
}
