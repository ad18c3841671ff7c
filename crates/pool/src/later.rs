//! [`AsyncResult`]: 맡겨 두고 나중에 받는 결과.

use std::cell::RefCell;
use std::time::Duration;

use ipc_core::futex::{Deadline, after};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dispatch::Dispatcher;
use crate::error::{ItemError, PoolError};
use crate::job::{Job, unpack};
use crate::worker::RunChunk;

/// [`crate::Pool::apply_async`]와 [`crate::Pool::map_async`]로 맡긴 일의 결과를 받을 표입니다.
///
/// 버리면 결과도 버려지고, 아직 시작하지 않은 항목은 그만둡니다. `R`은 항목 하나의 값, `T`는 `get`이 돌려주는 값입니다.
#[must_use = "get으로 결과를 받으십시오"]
pub struct AsyncResult<'p, R, T = R> {
    job: Job<'p>,
    /// 맡긴 묶음의 수.
    submitted: usize,
    /// 받은 묶음의 수.
    received: usize,
    /// 받은 결과들이 입력 순서로. 가져간 뒤에는 `None`입니다.
    results: Option<Vec<Result<R, ItemError>>>,
    /// 모인 값들을 돌려줄 값으로 바꿉니다.
    finish: fn(Vec<R>) -> Option<T>,
}

impl<'p, R: DeserializeOwned, T> AsyncResult<'p, R, T> {
    pub(crate) fn submit<I: Serialize>(
        dispatcher: &'p RefCell<Dispatcher>,
        run: RunChunk,
        items: impl Iterator<Item = I>,
        chunk_size: usize,
        finish: fn(Vec<R>) -> Option<T>,
    ) -> Result<Self, PoolError> {
        let job = Job::open(dispatcher, run);
        let (mut items, mut submitted, mut first) = (items.fuse(), 0, 0);
        loop {
            match job.submit(items.by_ref().take(chunk_size), submitted, first)? {
                0 => break,
                count => (submitted, first) = (submitted + 1, first + count),
            }
        }
        Ok(AsyncResult { job, submitted, received: 0, results: Some(Vec::new()), finish })
    }

    /// 모두 끝날 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// 함수가 실패했거나 작업자가 죽으면 그 가운데 가장 앞의 것이 [`PoolError::Item`]입니다. [`crate::Pool::map`]과 달리
    /// 나머지를 그만두지는 않습니다.
    pub fn get(mut self) -> Result<T, PoolError> {
        self.get_until(None)
    }

    /// `timeout`까지만 기다립니다. 그때까지 모인 결과는 남아, 다시 부르면 이어서 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`PoolError::Timeout`], 결과를 받은 뒤에 다시 부르면 [`PoolError::AlreadyTaken`]. 나머지는
    /// [`AsyncResult::get`]과 같습니다.
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<T, PoolError> {
        self.get_until(after(timeout))
    }

    /// 결과가 모두 나왔는지 봅니다. 기다리지 않습니다.
    ///
    /// # Errors
    ///
    /// 작업자를 띄우지 못하는 등, 풀 자체가 일할 수 없을 때뿐입니다.
    pub fn is_ready(&mut self) -> Result<bool, PoolError> {
        match self.wait(after(Duration::ZERO)) {
            Err(PoolError::Timeout) => Ok(false),
            other => other.map(|()| true),
        }
    }

    fn get_until(&mut self, deadline: Deadline) -> Result<T, PoolError> {
        self.wait(deadline)?;
        let results = self.results.take().ok_or(PoolError::AlreadyTaken)?;
        let values = results.into_iter().collect::<Result<Vec<R>, ItemError>>()?;
        (self.finish)(values).ok_or(PoolError::AlreadyTaken)
    }

    fn wait(&mut self, deadline: Deadline) -> Result<(), PoolError> {
        while self.received < self.submitted {
            let chunk = self.job.wait(Some(self.received), deadline)?.ok_or(PoolError::Timeout)?;
            self.results.get_or_insert_default().extend(unpack(chunk));
            self.received += 1;
        }
        Ok(())
    }
}
