//! 건너가는 값.

use std::panic::UnwindSafe;
use std::sync::atomic::AtomicU32;

use anyhow::{Result, ensure};
use ipc_core::{ChannelError, CodecError, Json, Process, ProcessError, Shared, SharedSlice};
use lock::Lock;
use pipe::{Receiver, Sender, pipe};
use pool::{Pool, PoolError};
use queue::{JoinableQueue, Queue, QueueError};
use semaphore::Semaphore;
use serde::ser::SerializeTuple;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use tests::asleep::all_asleep;
use tests::children::wait_count;
use tests::{Counter, counter, ensure_eq, ensure_matches};

/// 스레드의 것처럼, 다른 스레드로 보내고 함께 쓰고 패닉을 잡는 클로저에 넣을 수 있습니다. 컴파일되면 됩니다.
pub fn handles_go_where_threads_go() -> Result<()> {
    fn anywhere<T: Send + Sync + UnwindSafe>() {}
    anywhere::<Shared<AtomicU32>>();
    anywhere::<SharedSlice<u8>>();
    anywhere::<Lock<u64>>();
    anywhere::<Lock<[u64]>>();
    anywhere::<Semaphore>();
    anywhere::<Queue<String>>();
    anywhere::<JoinableQueue<String>>();
    anywhere::<Sender<String>>();
    anywhere::<Receiver<String>>();
    anywhere::<Pool>();
    anywhere::<Process<String>>();
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    level: u8,
    name: String,
}

fn row() -> Row {
    Row { note: None, level: 5, name: "이름".into() }
}

fn same<T>(value: T) -> T {
    value
}

fn row_back(_unit: ()) -> Row {
    row()
}

pub fn changing_shapes_need_json() -> Result<()> {
    ensure_matches!(
        Process::spawn(same::<Row>, (row(),)),
        Err(ProcessError::Channel(ChannelError::Codec(CodecError::NeedsJson { .. })))
    );
    let value = json!({"수": [1, 2.5, null], "참": true});
    ensure!(Process::spawn(same::<Value>, (value.clone(),)).and_then(Process::join).is_err());
    ensure_eq!(Process::spawn(same::<Json<Row>>, (Json(row()),))?.join()?.0, row());
    ensure_eq!(Process::spawn(same::<Json<Value>>, (Json(value.clone()),))?.join()?.0, value);

    let (inbox, outbox) = pipe::<Row>()?;
    ensure_matches!(outbox.send(&row()), Err(ChannelError::Codec(CodecError::NeedsJson { .. })));
    let full = Row { note: Some("있음".into()), ..row() };
    outbox.send(&full)?; // 모두 있으면 모양이 같습니다.
    ensure_eq!(inbox.recv()?, full);

    let queue = Queue::<Row>::new()?;
    ensure_matches!(queue.put(&row()), Err(QueueError::Codec(CodecError::NeedsJson { .. })));
    ensure!(queue.is_empty());
    let queue = Queue::<Json<Value>>::new()?;
    queue.put(&Json(value.clone()))?;
    ensure_eq!(queue.get()?.0, value);

    let pool = Pool::new(1)?;
    for outcome in
        [pool.map(same::<Row>, [row()]), pool.apply(row_back, ((),)).map(|row| vec![row])]
    {
        let Err(PoolError::Item(error)) = outcome else { anyhow::bail!("{outcome:?}") };
        ensure!(error.to_string().contains("ipc_core::Json"), "{error}");
    }
    ensure_eq!(pool.map(same::<Json<Row>>, [Json(row())])?[0].0, row());
    Ok(())
}

/// 직렬화가 도중에 실패하면, 앞서 쓴 것만 그대로 남습니다.
pub fn failed_encoding_leaves_the_buffer() -> Result<()> {
    use ipc_core::build::{decode, encode};
    let mut bytes = Vec::new();
    encode(&7_u64, &mut bytes)?;
    let before = bytes.clone();
    ensure_matches!(encode(&(1_u8, row()), &mut bytes), Err(CodecError::NeedsJson { .. }));
    ensure_eq!(bytes, before);
    ensure_eq!(decode::<u64>(&bytes)?, 7);
    Ok(())
}

/// 60,000겹. 쓸 때는 겹치지 않고 바이트만 늘어놓습니다.
#[derive(Debug, Deserialize)]
struct Nest(#[expect(dead_code, reason = "읽히지 않아야 합니다")] Option<Box<Nest>>);

const DEPTH: usize = 60_000;

impl Serialize for Nest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(DEPTH + 1)?;
        for _ in 0..DEPTH {
            tuple.serialize_element(&1_u8)?;
        }
        tuple.serialize_element(&0_u8)?;
        tuple.end()
    }
}

fn nest() -> Nest {
    Nest(None)
}

fn nest_item(_item: u32) -> Nest {
    Nest(None)
}

fn send_nest(outbox: Sender<Nest>, queue: Queue<Nest>) -> Result<()> {
    outbox.send(&Nest(None))?;
    Ok(queue.put(&Nest(None))?)
}

pub fn deep_value_is_an_error() -> Result<()> {
    ensure_matches!(
        Process::spawn(nest, ())?.join(),
        Err(ProcessError::Channel(ChannelError::Codec(CodecError::Decode { .. })))
    );
    let ((inbox, outbox), queue) = (pipe()?, Queue::new()?);
    Process::spawn(send_nest, (outbox, queue.clone()))?.join()?;
    ensure_matches!(inbox.recv(), Err(ChannelError::Codec(CodecError::Decode { .. })));
    ensure_matches!(queue.get(), Err(QueueError::Codec(CodecError::Decode { .. })));
    let pool = Pool::new(2)?;
    ensure_matches!(pool.map(nest_item, 0..4), Err(PoolError::Item(_)));
    ensure_matches!(pool.apply(same::<u32>, (7,)), Ok(7));
    Ok(())
}

const MEBIBYTES: usize = 4 << 20;

fn send_many(outbox: Sender<Vec<u8>>, sent: Counter) -> Result<()> {
    for number in 0..6 {
        outbox.send(&vec![number; MEBIBYTES])?;
        sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
    Ok(())
}

/// 읽지 않은 큰 메시지는 하나까지만 쌓입니다.
pub fn large_backlog_is_bounded() -> Result<()> {
    let ((inbox, outbox), sent) = (pipe()?, counter()?);
    let sender = Process::spawn(send_many, (outbox, sent.clone()))?;
    for number in 0..6 {
        wait_count("보내기", &sent, number + 1)?;
        if number < 5 {
            all_asleep(&[sender.id()])?;
            ensure_eq!(sent.load(std::sync::atomic::Ordering::SeqCst), number + 1);
        }
        ensure_eq!(inbox.recv()?, vec![number as u8; MEBIBYTES]);
    }
    Ok(sender.join()?)
}
