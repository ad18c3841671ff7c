//! 제한 시간을 받는 모든 호출. 시간이 지나서 반환되었으면 참입니다.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use ipc_core::ProcessError;
use lock::{Lock, LockError};
use nix::sys::signal::Signal;
use pipe::ChannelError;
use pool::{Pool, PoolError};
use queue::QueueError;
use semaphore::{Semaphore, SemaphoreError};

use super::Call;
use super::stage::Stage;
use crate::children::sleep_forever;
use crate::procfs::signal;

impl Stage {
    /// 제한 시간을 받는 모든 호출과 그 이름. 풀의 것은 [`pool_get`]입니다.
    pub fn calls(&self) -> Vec<(&'static str, Call<'_>)> {
        let Stage { props, empty, full, torn_inbox, flooded_inbox, silent, stuffed, .. } = self;
        let endless = &self.endless;
        let put_text = "y".repeat(1000);
        vec![
            ("빈 큐의 get_timeout", Box::new(|d| queue(empty.get_timeout(d)))),
            ("찬 큐의 put_timeout", Box::new(|d| queue(full.put_timeout(&[3; 8], d)))),
            ("바쁜 큐의 get_timeout", Box::new(|d| queue(props.busy_queue.get_timeout(d)))),
            ("바쁜 큐의 put_timeout", Box::new(|d| queue(props.busy_queue.put_timeout(&2, d)))),
            ("쓰다 멈춘 큐의 get_timeout", Box::new(|d| queue(props.torn_queue.get_timeout(d)))),
            (
                "쓰다 멈춘 큐의 put_timeout",
                Box::new(move |d| queue(props.torn_queue.put_timeout(&put_text, d))),
            ),
            ("빈 파이프의 recv_timeout", Box::new(|d| channel(silent.0.recv_timeout(d)))),
            ("빈 파이프의 poll", Box::new(|d| Ok(!silent.0.poll(d)?))),
            ("찬 파이프의 send_timeout", Box::new(|d| channel(stuffed.1.send_timeout(&1, d)))),
            (
                "보내다 멈춘 파이프의 recv_timeout",
                Box::new(|d| channel(torn_inbox.recv_timeout(d))),
            ),
            (
                "쏟아지는 파이프의 recv_timeout",
                Box::new(|d| channel(flooded_inbox.recv_timeout(d))),
            ),
            ("쥔 채 멈춘 락의 acquire_timeout", Box::new(|d| lock(&props.held_lock, d))),
            ("바쁜 락의 acquire_timeout", Box::new(|d| lock(&props.busy_lock, d))),
            (
                "쥔 채 멈춘 세마포어의 acquire_timeout",
                Box::new(|d| semaphore(&props.held_semaphore, d)),
            ),
            ("바쁜 세마포어의 acquire_timeout", Box::new(|d| semaphore(&props.busy_semaphore, d))),
            (
                "join_timeout",
                Box::new(move |d| {
                    let mut endless = endless.lock().map_err(|_| anyhow!("중독된 락"))?;
                    match endless.join_timeout(d) {
                        Err(ProcessError::Timeout { .. }) => Ok(true),
                        other => bail!("끝나지 않을 자식이 끝났습니다({other:?})"),
                    }
                }),
            ),
        ]
    }
}

fn queue<T>(result: Result<T, QueueError>) -> Result<bool> {
    match result {
        Ok(_) => Ok(false),
        Err(QueueError::Timeout) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn channel<T>(result: Result<T, ChannelError>) -> Result<bool> {
    match result {
        Ok(_) => Ok(false),
        Err(ChannelError::Timeout) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn lock(lock: &Lock<u32>, limit: Duration) -> Result<bool> {
    match lock.acquire_timeout(limit) {
        Ok(_) => Ok(false),
        Err(LockError::Timeout) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn semaphore(semaphore: &Semaphore, limit: Duration) -> Result<bool> {
    match semaphore.acquire_timeout(limit) {
        Ok(_) => Ok(false),
        Err(SemaphoreError::Timeout { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// 작업자가 멈춰 있는 풀에서 `get_timeout`을 재게 합니다. 풀은 만든 스레드를 떠나지 않습니다.
pub fn pool_get(
    measure: impl FnOnce(&dyn Fn(Duration) -> Result<bool>) -> Result<()>,
) -> Result<()> {
    let pool = Pool::new(1)?;
    let pending = RefCell::new(pool.apply_async(sleep_forever, ())?);
    for worker in pool.worker_ids() {
        signal(worker, Signal::SIGSTOP)?;
    }
    measure(&|limit| match pending.borrow_mut().get_timeout(limit) {
        Err(PoolError::Timeout) => Ok(true),
        Ok(()) => Ok(false),
        Err(error) => Err(error.into()),
    })
}
