//! 작업자 프로세스: 게시판에서 묶음을 가져와 항목마다 함수를 호출하고 결과를 책상에 놓습니다.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Release;

use ipc_core::ChannelError;
use ipc_core::build::{
    Channel, Message, Parcel, RemoteFn, SpanKind, Task, What, begin, encode, panic_message,
    waiting, zero_sized,
};
use serde::{Deserialize, Serialize};

use crate::board::{BoardView, Desk, Kind, RESULT_MAX, RecordHead, Who, write_record};
use crate::error::Cause;

/// 부모가 작업자에게 보내는 우편.
#[derive(Serialize, Deserialize)]
pub enum ToWorker {
    /// 게시판에 다 싣지 못한 항목들.
    Items(Parcel),
    /// 그 항목들을 보내지 못했습니다.
    Refused(String),
}

/// 작업자가 부모에게 보내는 우편.
#[derive(Serialize, Deserialize)]
pub enum ToParent {
    /// 새로 놓은 것이 있습니다. 게시판과 책상을 보십시오.
    Look,
    /// 책상에 놓기에는 크거나 디스크립터가 든 결과.
    Result { seq: u64, index: u32, value: Parcel },
    /// 책상에 놓기에는 긴 이유.
    Cause { seq: u64, index: u32, cause: Cause },
}

/// `initializer`와 그 인수.
#[derive(Serialize, Deserialize)]
pub struct Initializer {
    pub run: RemoteFn<fn(Parcel) -> anyhow::Result<()>>,
    pub args: Parcel,
}

impl Initializer {
    /// 다시 띄울 작업자에게 줄 복제본.
    pub fn try_clone(&self) -> std::io::Result<Initializer> {
        Ok(Initializer { run: self.run, args: self.args.try_clone()? })
    }
}

/// 작업자 하나가 받는 것.
#[derive(Serialize, Deserialize)]
pub struct Contract {
    pub who: Who,
    pub board: BoardView,
    pub desk: Desk,
    pub channel: Channel,
    pub initializer: Option<Initializer>,
    /// 이만큼의 묶음을 마치면 끝납니다.
    pub max_chunks: u64,
}

/// 작업자 프로세스의 `main`. 게시판이 닫히고 비면 끝납니다.
pub fn serve(contract: Contract) -> anyhow::Result<()> {
    let Contract { who, board, desk, channel, initializer, max_chunks } = contract;
    if let Some(Initializer { run, args }) = initializer {
        // SAFETY: 이 값은 부모가 `Initializer`에 담아 이 함수의 인수로 보낸 것이며, 부모는 `initialize`의 위치만 담습니다.
        unsafe { run.call(args) }?;
    }
    desk.ready.store(1, Release);
    let mut work =
        Work { who, board, desk, channel, out: Parcel::default(), chunk: Chunk::default() };
    for _ in 0..max_chunks {
        let taken = waiting(SpanKind::Pool, || work.board.id(), || work.board.take(who));
        let Some((place, seq)) = taken else { break };
        let _chunk = begin(What::Run, SpanKind::Pool, 0, || work.board.id());
        work = match work.one_chunk(place, seq) {
            Err(ChannelError::Disconnected) => break, // 부모가 사라졌습니다.
            outcome => outcome?,
        };
    }
    Ok(())
}

/// `initializer`의 인수를 꺼내 호출합니다.
pub fn initialize<F: Task<A, M>, A: Message, M>(mut args: Parcel) -> anyhow::Result<()> {
    let args =
        args.pop::<A>().ok_or_else(|| anyhow::anyhow!("initializer의 인수가 없습니다"))??;
    // SAFETY: 이 함수의 위치는 `Builder::initializer`가 `F`의 값을 받은 뒤에만 보냅니다.
    unsafe { zero_sized::<F>() }.call(args).map(drop)
}

/// 묶음 하나를 계산하는 함수([`run_chunk`])의 위치.
pub type RunChunk = RemoteFn<fn(Work) -> Result<Work, ChannelError>>;

/// 작업자가 일하는 데 쓰는 것들.
pub struct Work {
    who: Who,
    board: BoardView,
    desk: Desk,
    channel: Channel,
    /// 결과를 직렬화하는 버퍼.
    out: Parcel,
    chunk: Chunk,
}

/// 지금 계산하는 묶음.
#[derive(Default)]
struct Chunk {
    seq: u64,
    skip: u32,
    count: u32,
    items: Parcel,
}

impl Work {
    fn one_chunk(mut self, place: usize, seq: u64) -> Result<Work, ChannelError> {
        let mut items = Vec::new();
        let post = self.board.read(place, seq, &mut items);
        let post = post.map_err(|_| ChannelError::Malformed("표지와 게시글의 번호가 다릅니다"));
        let (run, skip, count, here) = post?;
        self.put(seq as u32, Kind::Begin, &(place as u64).to_le_bytes());
        self.chunk = Chunk { seq, skip, count, items: items.into() };
        let refused = if here { None } else { self.receive_items()? };
        let mut work = match refused {
            // SAFETY: 게시글은 부모만 쓸 수 있는 메모리이고(F_SEAL_FUTURE_WRITE), 부모는 같은 실행 파일에서 `RunChunk::new`로 잰
            // 위치만 적습니다. 게시글에 적힌 번호가 차지한 표지의 번호와 같으므로, 부모가 다 쓴 게시글을 읽었습니다.
            None => unsafe { RunChunk::from_distance(run).call(self) }?,
            Some(reason) => {
                let cause = Cause::Failed(reason);
                (skip..count).try_for_each(|index| self.put_cause(index, cause.clone()))?;
                self
            }
        };
        // 줄 바꿈 없이 출력한 것도, 결과가 전해지기 전에 나갑니다. 표준 출력이 닫혔어도 계산은 계속합니다.
        let _ = std::io::stdout().flush();
        work.put(seq as u32, Kind::End, &[]);
        work.chunk = Chunk::default();
        work.wake_parent();
        Ok(work)
    }

    /// 부모에게 항목들을 우편으로 받습니다. 받지 못하면 그 이유입니다.
    fn receive_items(&mut self) -> Result<Option<String>, ChannelError> {
        self.wake_parent();
        match self.channel.recv::<ToWorker>(None) {
            Ok(ToWorker::Items(items)) => self.chunk.items = items,
            Ok(ToWorker::Refused(reason)) => return Ok(Some(reason)),
            Err(ChannelError::Disconnected) => return Err(ChannelError::Disconnected),
            Err(error) => return Ok(Some(error.to_string())),
        }
        Ok(None)
    }

    fn wake_parent(&self) {
        if self.board.tell(self.who) {
            // 부모가 사라졌다면 알릴 곳도 없습니다.
            let _ = self.channel.send(&ToParent::Look, None);
        }
    }

    fn put(&self, index: u32, kind: Kind, bytes: &[u8]) {
        self.put_record(RecordHead { index, kind, length: bytes.len() }, bytes);
    }

    /// 기록 하나를 책상에 놓습니다.
    #[inline]
    fn put_record(&self, head: RecordHead, bytes: &[u8]) {
        if write_record(&self.desk, head, bytes, || self.wake_parent()) {
            self.wake_parent();
        }
    }

    fn put_cause(&self, index: u32, cause: Cause) -> Result<(), ChannelError> {
        let mut bytes = Vec::new();
        // 이유는 글뿐이라 직렬화에 실패하지 않습니다.
        let _ = encode(&cause, &mut bytes);
        if bytes.len() <= RESULT_MAX {
            self.put(index, Kind::Cause, &bytes);
            return Ok(());
        }
        self.mail(index, &ToParent::Cause { seq: self.chunk.seq, index, cause })
    }

    /// 책상에 놓지 못하는 것을 우편으로 보냅니다. 보내지 못하면 그 이유를 책상에 놓습니다.
    fn mail(&self, index: u32, letter: &ToParent) -> Result<(), ChannelError> {
        match self.channel.send(letter, None) {
            Ok(()) => {
                self.desk.mailed.fetch_add(1, Release);
                Ok(())
            }
            Err(ChannelError::Disconnected) => Err(ChannelError::Disconnected),
            Err(error) => self.put_cause(index, Cause::Failed(error.to_string())),
        }
    }

    /// `out`에 쓴 결과를 놓습니다.
    #[inline]
    fn put_value(&mut self, index: u32) -> Result<(), ChannelError> {
        // 소포는 값의 길이 4바이트로 시작합니다.
        let length = self.out.bytes().len() - 4;
        if length <= RESULT_MAX && self.out.descriptors() == 0 {
            self.out.pad();
            let padded = &self.out.bytes()[4..];
            self.put_record(RecordHead { index, kind: Kind::Value, length }, padded);
            return Ok(());
        }
        let value = std::mem::take(&mut self.out);
        self.mail(index, &ToParent::Result { seq: self.chunk.seq, index, value })
    }
}

/// 묶음의 항목마다 `F`를 호출하고 결과를 놓습니다. 항목 하나의 실패는 그 항목의 결과가 됩니다.
pub fn run_chunk<F: Task<A, M>, A: Message, M>(mut work: Work) -> Result<Work, ChannelError> {
    let Chunk { seq, skip, count, .. } = work.chunk;
    for _ in 0..skip {
        work.chunk.items.skip();
    }
    for index in skip..count {
        work.desk.start_item(seq, index);
        let outcome = guard(|| {
            let missing = || Cause::Failed("묶음에 항목이 모자랍니다".into());
            let args = work.chunk.items.pop::<A>().ok_or_else(missing)??;
            // SAFETY: 이 함수의 위치는 풀의 메서드가 `F`의 값을 받은 뒤에만 게시합니다.
            let value = unsafe { zero_sized::<F>() }.call(args);
            let value = value.map_err(|error| Cause::Failed(format!("{error:#}")))?;
            work.out.clear();
            Ok(work.out.push(&value)?)
        });
        match outcome {
            Ok(()) => work.put_value(index)?,
            Err(cause) => work.put_cause(index, cause)?,
        }
    }
    Ok(work)
}

/// `work`의 패닉을 [`Cause::Panicked`]로 바꿉니다.
pub fn guard<T>(work: impl FnOnce() -> Result<T, Cause>) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Cause::Panicked(panic_message(&*payload))))
}
