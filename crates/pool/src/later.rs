//! [`AsyncResult`]: 맡겨 두고 나중에 받는 결과.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::build::{Deadline, Message, after};

use crate::call::Call;
use crate::core::Core;
use crate::error::{ItemError, PoolError};
use crate::worker::RunChunk;

/// [`Pool::apply_async`](crate::Pool::apply_async)와 [`Pool::map_async`](crate::Pool::map_async)로 맡긴 일의 결과를 나중에 받기 위한 핸들입니다.
///
/// 버리면 결과만 버려지고, 맡긴 일은 끝까지 합니다(스레드의 핸들을 버리는 것과 같습니다). 파이썬의 콜백은 없습니다. 스레드에서
/// `get`을 호출하면 됩니다. `R`은 항목 하나의 값, `T`는 `get`이 반환하는 값입니다.
pub struct AsyncResult<R, T = R> {
    call: Call,
    /// 받은 묶음의 수.
    received: usize,
    /// 받은 결과들. 입력 순서이고, 가져간 뒤에는 `None`입니다.
    results: Option<Vec<Result<R, ItemError>>>,
    /// 모인 값들을 반환할 값으로 바꿉니다.
    finish: fn(Vec<R>) -> Option<T>,
}

impl<R, T> fmt::Debug for AsyncResult<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsyncResult(받은 묶음 {}개)", self.received)
    }
}

impl<R: Message, T> AsyncResult<R, T> {
    pub(crate) fn submit<I: Message>(
        core: &Arc<Core>,
        run: RunChunk,
        mut items: impl Iterator<Item = I>,
        chunk_size: usize,
        finish: fn(Vec<R>) -> Option<T>,
    ) -> Result<Self, PoolError> {
        let mut call = Call::open(core, run, chunk_size, false);
        while call.submit(&mut items)? {}
        Ok(AsyncResult { call, received: 0, results: Some(Vec::new()), finish })
    }

    /// 모두 끝날 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// 함수가 실패했거나 작업자가 죽으면 그 가운데 가장 앞의 것이 [`PoolError::Item`]입니다. [`Pool::map`](crate::Pool::map)과 달리
    /// 나머지를 그만두지는 않습니다. 그 전에 풀이 끝나면 [`PoolError::Terminated`].
    pub fn get(mut self) -> Result<T, PoolError> {
        self.get_until(None)
    }

    /// `timeout`까지만 기다립니다. 그때까지 모인 결과는 남아, 다시 호출하면 이어서 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`PoolError::Timeout`], 결과를 받은 뒤에 다시 호출하면 [`PoolError::AlreadyTaken`]. 나머지는
    /// [`AsyncResult::get`]과 같습니다.
    pub fn get_timeout(&mut self, timeout: Duration) -> Result<T, PoolError> {
        self.get_until(after(timeout))
    }

    /// 결과가 모두 나왔는지 봅니다. 기다리지 않습니다.
    ///
    /// # Errors
    ///
    /// 풀이 끝났거나, 작업자를 띄우지 못하는 등 풀 자체가 일할 수 없을 때뿐입니다.
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
        while self.received < self.call.submitted() {
            let chunk = self.call.wait(Some(self.received), deadline)?.ok_or(PoolError::Timeout)?;
            self.results.get_or_insert_default().extend(chunk.unpack());
            self.received += 1;
        }
        Ok(())
    }
}
