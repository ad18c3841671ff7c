//! 호출 하나가 끝날 때까지: 입력을 묶음으로 싸고, 끝난 묶음을 값으로 풉니다.

use std::cell::RefCell;
use std::iter::Fuse;
use std::time::Duration;
use std::vec;

use ipc_core::channel::HANDLES_MAX;
use ipc_core::codec::Encoder;
use ipc_core::futex::{Deadline, after};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dispatch::{Chunk, Dispatcher, Piece};
use crate::error::{ItemError, PoolError};
use crate::record::{self, Records};
use crate::worker::RunChunk;

/// 묶음 하나에 싣는 디스크립터의 수가 이만큼 되면 묶음을 끊습니다.
const HANDLES_ENOUGH: usize = HANDLES_MAX / 2;

/// 호출 하나. 사라질 때 아직 시작하지 않은 묶음을 거두어들입니다.
struct Job<'p> {
    dispatcher: &'p RefCell<Dispatcher>,
    id: u64,
    run: RunChunk,
}

impl<'p> Job<'p> {
    fn open(dispatcher: &'p RefCell<Dispatcher>, run: RunChunk) -> Job<'p> {
        let id = dispatcher.borrow_mut().open_job();
        Job { dispatcher, id, run }
    }

    /// 항목들을 묶음 하나로 싸서 맡기고, 담은 항목의 수를 돌려줍니다.
    fn submit<T: Serialize>(
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
    fn wait(&self, number: Option<usize>, deadline: Deadline) -> Result<Option<Chunk>, PoolError> {
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
fn unpack<R: DeserializeOwned>(chunk: Chunk) -> Vec<Result<R, ItemError>> {
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

/// [`crate::Pool::imap`]이 돌려주는 반복자입니다. 버리면 아직 시작하지 않은 항목은 그만둡니다.
#[must_use = "반복자는 next를 부를 때까지 아무것도 하지 않습니다"]
pub struct Imap<'p, I: Iterator, R> {
    job: Job<'p>,
    input: Fuse<I>,
    chunk_size: usize,
    ordered: bool,
    /// 맡겼지만 아직 내지 않은 묶음의 한도.
    window: usize,
    /// 맡긴 항목의 수와 묶음의 수.
    submitted: (usize, usize),
    /// 결과를 낸 묶음의 수.
    taken: usize,
    exhausted: bool,
    current: vec::IntoIter<Result<R, ItemError>>,
}

impl<'p, I: Iterator, R> Imap<'p, I, R> {
    pub(crate) fn new(
        dispatcher: &'p RefCell<Dispatcher>,
        run: RunChunk,
        input: I,
        chunk_size: usize,
    ) -> Self {
        let window = 4 * dispatcher.borrow().worker_count();
        let (submitted, current) = ((0, 0), Vec::new().into_iter());
        let job = Job::open(dispatcher, run);
        let input = input.fuse();
        let (ordered, taken, exhausted) = (true, 0, false);
        Imap { job, input, chunk_size, ordered, window, submitted, taken, exhausted, current }
    }

    pub(crate) fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// 결과를 가져가지 않아도 계속 맡깁니다.
    pub(crate) fn unbounded(mut self) -> Self {
        self.window = usize::MAX;
        self
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Imap<'_, I, R> {
    /// 작업자가 바로 받을 수 있는 만큼, 한도 안에서 입력을 읽어 맡깁니다.
    fn feed(&mut self) -> Result<(), PoolError> {
        while !self.exhausted
            && self.submitted.1 - self.taken < self.window
            && self.job.dispatcher.borrow().hungry()
        {
            let items = self.input.by_ref().take(self.chunk_size);
            let count = self.job.submit(items, self.submitted.1, self.submitted.0)?;
            self.exhausted = count == 0;
            self.submitted.0 += count;
            self.submitted.1 += usize::from(count > 0);
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<Result<R, ItemError>>, PoolError> {
        loop {
            if let Some(result) = self.current.next() {
                return Ok(Some(result));
            }
            self.feed()?;
            if self.exhausted && self.taken == self.submitted.1 {
                return Ok(None);
            }
            let number = self.ordered.then_some(self.taken);
            let mut dispatcher = self.job.dispatcher.borrow_mut();
            match dispatcher.take_finished(self.job.id, number) {
                Some(chunk) => {
                    drop(dispatcher);
                    self.taken += 1;
                    self.current = unpack(chunk).into_iter();
                }
                None => {
                    dispatcher.step(None)?;
                }
            }
        }
    }
}

impl<I: Iterator<Item: Serialize>, R: DeserializeOwned> Iterator for Imap<'_, I, R> {
    type Item = Result<R, PoolError>;

    fn next(&mut self) -> Option<Result<R, PoolError>> {
        match self.advance() {
            Ok(result) => result.map(|result| result.map_err(PoolError::from)),
            Err(error) => {
                // 풀 자체가 일할 수 없으므로 여기서 끝냅니다.
                self.exhausted = true;
                self.taken = self.submitted.1;
                Some(Err(error))
            }
        }
    }
}

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
