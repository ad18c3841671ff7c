//! [`AsyncResult`]와 [`MapResult`]: 맡겨 두고 나중에 받는 결과.

use std::cell::RefCell;
use std::time::Duration;

use ipc_core::futex::{Deadline, after};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dispatch::Dispatcher;
use crate::error::{ItemError, PoolError};
use crate::job::{Job, unpack};
use crate::worker::RunChunk;

/// 맡겨 두고 나중에 받을 결과들. 묶음의 순서대로 모입니다.
struct Pending<'p, R> {
    job: Job<'p>,
    /// 맡긴 묶음의 수와 받은 묶음의 수.
    chunks: (usize, usize),
    /// 받은 결과들. 가져간 뒤에는 `None`입니다.
    results: Option<Vec<Result<R, ItemError>>>,
}

impl<'p, R: DeserializeOwned> Pending<'p, R> {
    fn submit<T: Serialize>(
        dispatcher: &'p RefCell<Dispatcher>,
        run: RunChunk,
        items: impl Iterator<Item = T>,
        chunk_size: usize,
    ) -> Result<Self, PoolError> {
        let job = Job::open(dispatcher, run);
        let (mut items, mut chunks, mut first) = (items.fuse(), 0, 0);
        loop {
            match job.submit(items.by_ref().take(chunk_size), chunks, first)? {
                0 => return Ok(Pending { job, chunks: (chunks, 0), results: Some(Vec::new()) }),
                count => (chunks, first) = (chunks + 1, first + count),
            }
        }
    }

    /// 모두 끝날 때까지 기다립니다.
    fn wait(&mut self, deadline: Deadline) -> Result<(), PoolError> {
        while self.chunks.1 < self.chunks.0 {
            let chunk = self.job.wait(Some(self.chunks.1), deadline)?.ok_or(PoolError::Timeout)?;
            self.results.get_or_insert_default().extend(unpack(chunk));
            self.chunks.1 += 1;
        }
        Ok(())
    }

    fn take(&mut self, deadline: Deadline) -> Result<Vec<Result<R, ItemError>>, PoolError> {
        self.wait(deadline)?;
        self.results.take().ok_or(PoolError::AlreadyTaken)
    }

    /// 기다리지 않고, 이미 온 소식만 보아 모두 끝났는지 답합니다.
    fn is_ready(&mut self) -> Result<bool, PoolError> {
        match self.wait(after(Duration::ZERO)) {
            Err(PoolError::Timeout) => Ok(false),
            other => other.map(|()| true),
        }
    }
}

/// [`crate::Pool::apply_async`]로 맡긴 일의 결과를 받을 표입니다. 버리면 결과도 버려집니다.
#[must_use = "get으로 결과를 받으십시오"]
pub struct AsyncResult<'p, R>(Pending<'p, R>);

impl<'p, R: DeserializeOwned> AsyncResult<'p, R> {
    pub(crate) fn new<A: Serialize>(
        dispatcher: &'p RefCell<Dispatcher>,
        run: RunChunk,
        args: &A,
    ) -> Result<Self, PoolError> {
        Pending::submit(dispatcher, run, std::iter::once(args), 1).map(AsyncResult)
    }

    /// 결과가 나올 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// 함수가 실패했거나 작업자가 죽으면 [`PoolError::Item`].
    pub fn get(mut self) -> Result<R, PoolError> {
        self.get_until(None)
    }

    /// `timeout`까지만 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`PoolError::Timeout`]이며 다시 부를 수 있습니다. 결과를 받은 뒤에 다시 부르면
    /// [`PoolError::AlreadyTaken`]. 나머지는 [`AsyncResult::get`]과 같습니다.
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<R, PoolError> {
        self.get_until(after(timeout))
    }

    /// 결과가 이미 나왔는지 봅니다. 기다리지 않습니다.
    ///
    /// # Errors
    ///
    /// 작업자를 띄우지 못하는 등, 풀 자체가 일할 수 없을 때뿐입니다.
    pub fn is_ready(&mut self) -> Result<bool, PoolError> {
        self.0.is_ready()
    }

    fn get_until(&mut self, deadline: Deadline) -> Result<R, PoolError> {
        let result = self.0.take(deadline)?.pop();
        Ok(result.ok_or(PoolError::AlreadyTaken)??)
    }
}

/// [`crate::Pool::map_async`]로 맡긴 일들의 결과를 받을 표입니다. 버리면 아직 시작하지 않은 항목은 그만둡니다.
#[must_use = "get으로 결과를 받으십시오"]
pub struct MapResult<'p, R>(Pending<'p, R>);

impl<'p, R: DeserializeOwned> MapResult<'p, R> {
    pub(crate) fn new<T: Serialize>(
        dispatcher: &'p RefCell<Dispatcher>,
        run: RunChunk,
        items: impl Iterator<Item = T>,
        chunk_size: usize,
    ) -> Result<Self, PoolError> {
        Pending::submit(dispatcher, run, items, chunk_size).map(MapResult)
    }

    /// 모두 끝날 때까지 기다려 결과를 입력 순서로 모읍니다.
    ///
    /// # Errors
    ///
    /// [`crate::Pool::map`]과 같습니다. 다만 실패한 항목이 있어도 나머지를 그만두지 않습니다.
    pub fn get(mut self) -> Result<Vec<R>, PoolError> {
        self.get_until(None)
    }

    /// `timeout`까지만 기다립니다. 그때까지 모인 결과는 남아, 다시 부르면 이어서 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`PoolError::Timeout`], 결과를 받은 뒤에 다시 부르면 [`PoolError::AlreadyTaken`]. 나머지는
    /// [`MapResult::get`]과 같습니다.
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<Vec<R>, PoolError> {
        self.get_until(after(timeout))
    }

    /// 결과가 모두 나왔는지 봅니다. 기다리지 않습니다.
    ///
    /// # Errors
    ///
    /// [`AsyncResult::is_ready`]와 같습니다.
    pub fn is_ready(&mut self) -> Result<bool, PoolError> {
        self.0.is_ready()
    }

    fn get_until(&mut self, deadline: Deadline) -> Result<Vec<R>, PoolError> {
        Ok(self.0.take(deadline)?.into_iter().collect::<Result<_, _>>()?)
    }
}
