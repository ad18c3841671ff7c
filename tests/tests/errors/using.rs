//! 쓰다가 막히는 것들.

use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use lock::Lock;
use pipe::pipe;
use pool::Pool;
use queue::Queue;
use semaphore::Semaphore;
use tests::children::{arrive_and_sleep, sleep_forever, wait_count};
use tests::{Counter, counter};

use crate::said;

pub fn lock_held_twice() -> Result<Vec<String>> {
    let lock = Lock::new(0)?;
    let _guard = lock.acquire()?;
    Ok(vec![said(lock.acquire())?])
}

pub fn item_too_large() -> Result<Vec<String>> {
    let queue = Queue::with_capacity(64)?;
    Ok(vec![said(queue.put(&"x".repeat(1000)))?])
}

fn hold(lock: Lock<u32>, semaphore: Semaphore, held: Counter) -> Result<()> {
    let _guard = lock.acquire()?;
    let _permit = semaphore.acquire()?;
    arrive_and_sleep(&held)
}

/// 오지 않을 것을 저마다 잠깐씩 기다립니다.
pub fn time_passes() -> Result<Vec<String>> {
    const SHORT: Duration = Duration::from_millis(10);
    let (lock, semaphore, held) = (Lock::new(0)?, Semaphore::new(1)?, counter()?);
    let mut holder = Process::spawn(hold, (lock.clone(), semaphore.clone(), held.clone()))?;
    wait_count("락과 자리를 쥐기", &held, 1)?;
    let queue = Queue::<u8>::new()?;
    let (inbox, _outbox) = pipe::<u8>()?;
    let pool = Pool::new(1)?;
    Ok(vec![
        said(lock.acquire_timeout(SHORT))?,
        said(semaphore.acquire_timeout(SHORT))?,
        said(holder.join_timeout(SHORT))?,
        said(queue.get_timeout(SHORT))?,
        said(inbox.recv_timeout(SHORT))?,
        said(pool.apply_async(sleep_forever, ())?.get_timeout(SHORT))?,
    ])
}
