//! 닫은 뒤에는 남은 것을 다 꺼내고 끝납니다.

use anyhow::{Result, bail};
use ipc_core::Process;
use queue::{Queue, QueueError};
use tests::children::wait_asleep;
use tests::wait::PATIENCE;
use tests::{ensure_eq, ensure_matches};

fn close(queue: Queue<u32>) -> Result<()> {
    Ok(queue.close()?)
}

pub fn drains_then_disconnects() -> Result<()> {
    let queue = Queue::new()?;
    for number in 0..3u32 {
        queue.put(&number)?;
    }
    // 닫은 쪽이 누구이든 같습니다.
    Process::spawn(close, (queue.clone(),))?.join()?;
    for number in 0..3 {
        ensure_eq!(queue.get()?, number);
    }
    ensure_matches!(queue.get(), Err(QueueError::Disconnected));
    ensure_matches!(queue.try_get(), Err(QueueError::Disconnected));
    ensure_matches!(queue.get_timeout(PATIENCE), Err(QueueError::Disconnected));
    Ok(())
}

pub fn iter_ends() -> Result<()> {
    let queue = Queue::new()?;
    let consumer = Process::spawn(
        |queue: Queue<String>| queue.iter().filter_map(Result::ok).collect::<Vec<_>>(),
        (queue.clone(),),
    )?;
    for text in ["가", "나", "다"] {
        queue.put(&text.to_string())?;
    }
    queue.close()?;
    ensure_eq!(consumer.join()?, ["가", "나", "다"]);
    ensure_eq!(queue.iter().count(), 0);
    Ok(())
}

pub fn put_after_close() -> Result<()> {
    let queue = Queue::<u32>::new()?;
    queue.close()?;
    queue.close()?;
    ensure_matches!(queue.put(&1), Err(QueueError::Disconnected));
    ensure_matches!(queue.try_put(&1), Err(QueueError::Disconnected));
    ensure_matches!(queue.put_timeout(&1, PATIENCE), Err(QueueError::Disconnected));
    ensure_eq!(queue.len(), 0);
    Ok(())
}

fn expect_disconnected<T>(result: Result<T, QueueError>) -> Result<()> {
    match result {
        Err(QueueError::Disconnected) => Ok(()),
        Err(other) => bail!("Disconnected여야 하는데 {other}입니다"),
        Ok(_) => bail!("닫힌 큐에서 성공했습니다"),
    }
}

/// 자식 셋이 잠든 뒤에 닫으면 모두 깨어나 끝을 압니다.
fn all_wake(queue: &Queue<[u8; 8]>, start: impl Fn() -> Result<Process<()>>) -> Result<()> {
    let waiters = [start()?, start()?, start()?];
    for waiter in &waiters {
        wait_asleep(waiter)?;
    }
    queue.close()?;
    for mut waiter in waiters {
        waiter.join_timeout(PATIENCE)?;
    }
    Ok(())
}

pub fn waiting_getters_are_woken() -> Result<()> {
    let queue = Queue::new()?;
    let get = |queue: Queue<[u8; 8]>| expect_disconnected(queue.get());
    all_wake(&queue, || Ok(Process::spawn(get, (queue.clone(),))?))
}

pub fn waiting_putters_are_woken() -> Result<()> {
    let queue = Queue::with_capacity(16)?;
    queue.put(&[0; 8])?;
    let put = |queue: Queue<[u8; 8]>| expect_disconnected(queue.put(&[1; 8]));
    all_wake(&queue, || Ok(Process::spawn(put, (queue.clone(),))?))?;
    ensure_eq!(queue.get()?, [0; 8]);
    Ok(())
}
