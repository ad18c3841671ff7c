//! [`Imap`]: 결과를 가져가는 만큼만 입력을 읽어 맡기는 반복자.

use std::fmt;
use std::iter::Fuse;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::build::{Message, after};

use crate::call::Call;
use crate::chunk::Unpacked;
use crate::core::Core;
use crate::error::{ItemError, PoolError};
use crate::worker::RunChunk;

/// [`Pool::imap`](crate::Pool::imap)이 반환하는 반복자입니다. 버리면 아직 시작하지 않은 항목은 그만둡니다.
///
/// 맡긴 묶음은 작업자의 수의 네 배까지 쌓이며, 그만큼은 결과를 가져가지 않아도 계산이 계속됩니다.
#[must_use = "반복자는 next를 호출할 때까지 아무것도 하지 않습니다"]
pub struct Imap<I: Iterator, R> {
    /// 맡길 수 없는 함수이면 그 이유. 첫 `next`가 냅니다.
    call: Result<Call, Option<PoolError>>,
    input: Fuse<I>,
    ordered: bool,
    /// 맡겼지만 아직 내지 않은 묶음의 한도.
    window: usize,
    /// 결과를 낸 묶음의 수.
    taken: usize,
    exhausted: bool,
    /// 결과를 내고 있는 묶음.
    current: Option<Unpacked<R>>,
}

impl<I: Iterator, R> fmt::Debug for Imap<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imap(결과를 낸 묶음 {}개)", self.taken)
    }
}

impl<I: Iterator, R> Imap<I, R> {
    pub(crate) fn new(
        core: &Arc<Core>,
        run: Result<RunChunk, PoolError>,
        input: I,
        chunk_size: usize,
    ) -> Self {
        Imap {
            call: run.map(|run| Call::open(core, run, chunk_size, true)).map_err(Some),
            input: input.fuse(),
            ordered: true,
            window: 4 * core.worker_count(),
            taken: 0,
            exhausted: false,
            current: None,
        }
    }

    /// 한 번에 보내는 항목의 수를 정합니다. 0은 1로 봅니다. 첫 `next`보다 먼저 호출하십시오.
    pub fn chunk_size(mut self, items: usize) -> Self {
        if let Ok(call) = &mut self.call {
            call.set_chunk_size(items);
        }
        self
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

impl<I: Iterator<Item: Message>, R: Message> Imap<I, R> {
    /// 입력을 모두 맡기고, 값들을 입력의 순서로 모읍니다. 가장 앞의 실패에서 그칩니다.
    pub(crate) fn values(mut self) -> Result<Vec<R>, PoolError> {
        let call = self.call.as_mut().map_err(|error| error.take().unwrap_or(PoolError::Closed))?;
        let mut values = Vec::with_capacity(self.input.size_hint().0);
        loop {
            let more = call.submit(&mut self.input)?;
            if !more && self.taken == call.submitted() {
                return Ok(values);
            }
            // 맡길 것이 남았으면 기다리지 않고, 끝난 것이 있을 때만 풉니다. 결과를 모두 쌓아 두지 않습니다.
            let patience = if more { after(Duration::ZERO) } else { None };
            if let Some(chunk) = call.wait(Some(self.taken), patience)? {
                self.taken += 1;
                chunk.unpack().append_to(&mut values)?;
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Result<R, ItemError>>, PoolError> {
        let call = match &mut self.call {
            Ok(call) => call,
            Err(error) => return error.take().map_or(Ok(None), Err),
        };
        loop {
            if let Some(result) = self.current.as_mut().and_then(Unpacked::next) {
                return Ok(Some(result));
            }
            while !self.exhausted && call.submitted() - self.taken < self.window {
                self.exhausted = !call.submit(&mut self.input)?;
            }
            if self.taken == call.submitted() {
                return Ok(None);
            }
            let number = self.ordered.then_some(self.taken);
            if let Some(chunk) = call.wait(number, None)? {
                self.taken += 1;
                self.current = Some(chunk.unpack());
            }
        }
    }
}

impl<I: Iterator<Item: Message>, R: Message> Iterator for Imap<I, R> {
    type Item = Result<R, PoolError>;

    fn next(&mut self) -> Option<Result<R, PoolError>> {
        match self.advance() {
            Ok(result) => result.map(|result| result.map_err(PoolError::from)),
            Err(error) => {
                // 풀 자체가 일할 수 없으므로 여기서 끝냅니다.
                self.exhausted = true;
                self.taken = self.call.as_ref().map_or(0, Call::submitted);
                Some(Err(error))
            }
        }
    }
}
