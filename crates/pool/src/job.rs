//! 호출 하나가 끝날 때까지: 입력을 묶음으로 싸고, 끝난 묶음을 값으로 풉니다.

use std::cell::RefCell;

use ipc_core::channel::HANDLES_MAX;
use ipc_core::codec::Encoder;
use ipc_core::futex::Deadline;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::chunk::{Chunk, Piece};
use crate::dispatch::Dispatcher;
use crate::error::{ItemError, PoolError};
use crate::record::{self, Records};
use crate::worker::RunChunk;

/// 묶음 하나에 싣는 디스크립터의 수가 이만큼 되면 묶음을 끊습니다.
const HANDLES_ENOUGH: usize = HANDLES_MAX / 2;

/// 호출 하나. 사라질 때 아직 시작하지 않은 묶음을 거두어들입니다.
pub struct Job<'p> {
    pub dispatcher: &'p RefCell<Dispatcher>,
    pub id: u64,
    run: RunChunk,
}

impl<'p> Job<'p> {
    pub fn open(dispatcher: &'p RefCell<Dispatcher>, run: RunChunk) -> Job<'p> {
        let id = dispatcher.borrow_mut().open_job();
        Job { dispatcher, id, run }
    }

    /// 항목들을 묶음 하나로 싸서 맡기고, 담은 항목의 수를 돌려줍니다.
    pub fn submit<T: Serialize>(
        &self,
        items: impl Iterator<Item = T>,
        number: usize,
        first: usize,
    ) -> Result<usize, PoolError> {
        if self.dispatcher.borrow().closed {
            return Err(PoolError::Closed);
        }
        let mut encoder = Encoder::default();
        let mut count = 0;
        for item in items {
            record::push(&mut encoder, Ok(&item));
            count += 1;
            if encoder.handles() >= HANDLES_ENOUGH {
                break;
            }
        }
        if count > 0 {
            let (items, fds) = encoder.finish();
            let (job, run, pieces) = (self.id, self.run, Vec::new());
            let chunk =
                Chunk { job, number, first, run, items, fds, count, done: 0, retries: 0, pieces };
            self.dispatcher.borrow_mut().submit(chunk);
        }
        Ok(count as usize)
    }

    /// 끝난 묶음을 가져옵니다. 마감이 먼저 오면 `None`입니다.
    pub fn wait(
        &self,
        number: Option<usize>,
        deadline: Deadline,
    ) -> Result<Option<Chunk>, PoolError> {
        loop {
            let mut dispatcher = self.dispatcher.borrow_mut();
            if let Some(chunk) = dispatcher.take_finished(self.id, number) {
                return Ok(Some(chunk));
            }
            if !dispatcher.step(deadline)? {
                return Ok(None);
            }
        }
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        self.dispatcher.borrow_mut().close_job(self.id);
    }
}

/// 끝난 묶음을 항목마다의 결과로 풉니다.
pub fn unpack<R: DeserializeOwned>(chunk: Chunk) -> Vec<Result<R, ItemError>> {
    let mut results = Vec::with_capacity(chunk.count as usize);
    let mut push = |result: Result<R, _>| {
        let index = chunk.first + results.len();
        results.push(result.map_err(|cause| ItemError { index, cause }));
    };
    for piece in chunk.pieces {
        match piece {
            Piece::Lost(cause) => push(Err(cause)),
            Piece::Records { bytes, start, handles } => {
                for record in Records(&bytes[start..]) {
                    push(record::guard(|| record.read(&handles)));
                }
            }
        }
    }
    results
}
