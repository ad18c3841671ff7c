//! [`Imap`]: 결과를 가져가는 만큼만 입력을 읽어 맡기는 반복자.

use std::cell::RefCell;
use std::iter::Fuse;
use std::vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dispatch::Dispatcher;
use crate::error::{ItemError, PoolError};
use crate::job::{Job, unpack};
use crate::worker::RunChunk;

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
