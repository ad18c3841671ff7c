//! 작업자 프로세스: 묶음을 받아 항목마다 함수를 부르고 결과를 돌려보냅니다.
//!
//! 부모는 작업자가 죽었을 때 무엇을 하던 중이었는지 알아야 합니다. 그래서 작업자는 지금 하는 항목과, 아직 보내지
//! 않은 결과를 공유 메모리([`Progress`])에 적어 가며 일합니다. 죽은 뒤에도 이미 낸 결과는 잃지 않습니다.

use std::cell::RefCell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use ipc_core::channel::fingerprint;
use ipc_core::codec::{Encoder, Incoming};
use ipc_core::{
    Channel, ChannelError, Output, Plain, RemoteFn, Shared, Task, load_bytes, store_bytes, summon,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Cause;
use crate::record::{self, Records};

/// 보내지 않은 결과를 적어 두는 자리(8바이트 칸). 이만큼 모이면 보냅니다.
pub const SAVED_WORDS: usize = 4096;

/// 작업자 하나의 진행 상황. 작업자가 쓰고, 작업자가 죽은 뒤에 부모가 읽습니다.
#[derive(Default)]
pub struct Progress {
    /// `initializer`를 마쳤으면 참.
    pub ready: AtomicBool,
    /// 지금 계산하는 묶음의 번호.
    chunk: AtomicU64,
    /// 그 묶음에서 지금 계산하는 항목의 자리(0부터).
    item: AtomicU32,
    /// 적어 둔 결과가 차지한 칸의 수. 결과를 다 적은 뒤에 바뀝니다.
    saved: AtomicU32,
    /// 번호가 짝수인 묶음과 홀수인 묶음을 시작할 권리. 비었으면 0.
    gates: [AtomicU64; 2],
}

// SAFETY: 아토믹뿐이고 `Drop`이 없습니다.
unsafe impl Plain for Progress {}

impl Progress {
    /// `chunk`를 시작할 권리를 내놓습니다. 작업자에게는 묶음이 둘까지만 밀리므로 자리가 겹치지 않습니다.
    pub fn offer(&self, chunk: u64) {
        self.gate(chunk).store(chunk, Release);
    }

    /// `chunk`를 차지합니다. 작업자는 시작할 때, 부모는 시작하지 않은 묶음을 거두어들일 때 부르며, 먼저 부른
    /// 쪽만 `true`를 받습니다.
    pub fn claim(&self, chunk: u64) -> bool {
        self.gate(chunk).compare_exchange(chunk, 0, AcqRel, Acquire).is_ok()
    }

    /// 죽은 작업자가 `chunk`에서 계산하던 항목의 자리. 시작하지 않았으면 `None`입니다.
    pub fn item_of(&self, chunk: u64) -> Option<u32> {
        (self.chunk.load(Acquire) == chunk).then(|| self.item.load(Acquire))
    }

    fn gate(&self, chunk: u64) -> &AtomicU64 {
        &self.gates[(chunk % 2) as usize]
    }
}

/// 진행 상황과, 보내지 않은 결과가 놓이는 칸들.
pub type SharedProgress = Shared<Progress, AtomicU64>;

/// 적어 둔 결과들을 항목의 자리와 함께 `each`에 줍니다.
pub fn read_saved(progress: &SharedProgress, mut each: impl FnMut(u32, Vec<u8>)) {
    let saved = progress.saved.load(Acquire) as usize;
    let mut words = progress.tail().iter().take(saved);
    while let Some(head) = words.next() {
        let (index, length) = split(head.load(Relaxed));
        let mut record = Vec::new();
        load_bytes(words.by_ref().take(length.div_ceil(8)), length, &mut record);
        each(index, record);
    }
}

/// 적어 둔 결과의 앞머리: 위 32비트는 항목의 자리, 아래는 길이(바이트).
fn split(head: u64) -> (u32, usize) {
    ((head >> 32) as u32, head as u32 as usize)
}

/// 부모가 보내는 묶음의 앞머리. 그 뒤에 항목들이 이어집니다.
#[derive(Serialize, Deserialize)]
pub struct ChunkHead {
    /// 이 작업자에게 보낸 순서. 1부터.
    pub chunk: u64,
    /// 이 묶음을 계산하는 함수.
    pub run: RunChunk,
    /// 건너뛸 항목의 수. 앞의 작업자가 이미 마친 것들입니다.
    pub skip: u32,
}

/// 묶음 하나를 계산하는 함수([`run_chunk`])의 위치.
pub type RunChunk = RemoteFn<Work, Result<(), ChannelError>>;

/// 작업자가 보내는 결과의 앞머리. 그 뒤에 결과들이 항목 순서로 이어집니다.
#[derive(Serialize, Deserialize)]
pub struct ResultHead {
    pub chunk: u64,
}

/// `initializer`를 부르는 함수의 위치. 인수는 채널로 먼저 옵니다.
pub type Initialize = RemoteFn<Channel, Result<(), String>>;

/// 작업자 프로세스의 `main`. 부모가 채널을 닫으면 끝납니다.
pub fn serve(
    channel: Channel,
    progress: SharedProgress,
    initialize: Option<Initialize>,
) -> anyhow::Result<()> {
    if let Some(initialize) = initialize {
        initialize.call(&channel).map_err(anyhow::Error::msg)?;
    }
    progress.ready.store(true, Release);
    let work = Work { channel, progress, chunk: RefCell::default() };
    loop {
        match work.next_chunk() {
            Ok(()) => {}
            Err(ChannelError::Disconnected) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// `initializer`의 인수를 받아 부릅니다.
pub fn initialize<F, A, M, K>(channel: &Channel) -> Result<(), String>
where
    F: Task<A, M, Output: Output<K>>,
    A: DeserializeOwned + 'static,
{
    let args = channel.recv::<A>(None).map_err(|error| error.to_string())?;
    summon::<F>().call(args).into_result().map(drop).map_err(|error| format!("{error:#}"))
}

/// 작업자가 일하는 자리.
pub struct Work {
    channel: Channel,
    progress: SharedProgress,
    chunk: RefCell<Received>,
}

/// 받은 묶음 하나.
#[derive(Default)]
struct Received {
    number: u64,
    skip: usize,
    items: Vec<u8>,
    handles: Incoming,
}

impl Work {
    fn next_chunk(&self) -> Result<(), ChannelError> {
        let frame = self.channel.recv_frame(None)?;
        frame.check::<ChunkHead>()?;
        let handles = Incoming::from(frame.fds);
        let (head, items) = handles.decode_first::<ChunkHead>(&frame.bytes)?;
        if !self.progress.claim(head.chunk) {
            return Ok(()); // 부모가 거두어 다른 작업자에게 주었습니다.
        }
        self.progress.item.store(0, Relaxed);
        self.progress.chunk.store(head.chunk, Release);
        let (skip, items) = (head.skip as usize, items.to_vec());
        self.chunk.replace(Received { number: head.chunk, skip, items, handles });
        head.run.call(self)
    }
}

/// 묶음의 항목마다 `F`를 부르고 결과를 보냅니다. 항목 하나의 실패는 그 항목의 결과가 됩니다.
pub fn run_chunk<F, A, M, K>(work: &Work) -> Result<(), ChannelError>
where
    F: Task<A, M, Output: Output<K>>,
    A: DeserializeOwned,
{
    let Received { number, skip, items, handles } = work.chunk.take();
    let mut results = Results { work, number, encoder: Encoder::default(), saved: 0 };
    for (index, item) in Records(&items).enumerate().skip(skip) {
        work.progress.item.store(index as u32, Release);
        let outcome = record::guard(|| {
            let args = item.read::<A>(&handles)?;
            let output = summon::<F>().call(args).into_result();
            output.map_err(|error| Cause::Failed(format!("{error:#}")))
        });
        results.push(index as u32, outcome)?;
    }
    results.send()
}

/// 아직 보내지 않은 결과들.
struct Results<'a> {
    work: &'a Work,
    number: u64,
    encoder: Encoder,
    /// [`Progress::saved`]와 같은 수.
    saved: usize,
}

impl Results<'_> {
    fn push<T: Serialize>(
        &mut self,
        index: u32,
        outcome: Result<T, Cause>,
    ) -> Result<(), ChannelError> {
        if self.encoder.bytes().is_empty() {
            self.encoder.push(&ResultHead { chunk: self.number })?;
        }
        let start = self.encoder.bytes().len();
        record::push(&mut self.encoder, outcome.as_ref().map_err(Cause::clone));
        let handles = self.encoder.handles();
        let record = &self.encoder.bytes()[start..];
        let end = self.saved + 1 + record.len().div_ceil(8);
        if end > SAVED_WORDS || handles > 0 {
            return self.send(); // 적어 둘 수 없으면 바로 보냅니다.
        }
        let mut words = self.work.progress.tail()[self.saved..end].iter();
        let head = u64::from(index) << 32 | record.len() as u64;
        store_bytes(words.by_ref().take(1), &head.to_ne_bytes());
        store_bytes(words, record);
        self.saved = end;
        self.work.progress.saved.store(end as u32, Release);
        Ok(())
    }

    fn send(&mut self) -> Result<(), ChannelError> {
        let (bytes, fds) = std::mem::take(&mut self.encoder).finish();
        if !bytes.is_empty() {
            self.work.channel.send_frame(fingerprint::<ResultHead>(), &[&bytes], &fds, None)?;
        }
        self.saved = 0;
        self.work.progress.saved.store(0, Release);
        Ok(())
    }
}
