//! 쓰다가 막히는 것들.

use std::array;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ipc_core::{Json, Process, ProcessError};
use lock::Lock;
use pipe::pipe;
use pool::Pool;
use queue::{JoinableQueue, Queue};
use semaphore::Semaphore;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tests::children::{arrive_and_sleep, sleep_forever, wait_count};
use tests::{Counter, counter, ensure_eq, ensure_matches};

use crate::said;

pub fn lock_held_twice() -> Result<Vec<String>> {
    let lock = Lock::new(0)?;
    let _guard = lock.acquire()?;
    Ok(vec![said(lock.acquire())?])
}

pub fn item_too_large() -> Result<Vec<String>> {
    let queue = Queue::<String>::with_capacity(64)?;
    Ok(vec![said(queue.put(&"x".repeat(1000)))?])
}

/// 이 크레이트의 `anyhow`가 아닌 `Result`도 작업이 반환할 수 있고, 자식의 에러 메시지가 부모에게 옵니다.
pub fn task_fails() -> Result<Vec<String>> {
    fn standard(path: String) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }
    fn boxed(text: String) -> Result<i32, Box<dyn Error>> {
        Ok(text.parse::<i32>()?)
    }
    fn sendable(text: String) -> Result<i32, Box<dyn Error + Send + Sync>> {
        if text.is_empty() { Err("글이 비었습니다".into()) } else { Ok(text.parse()?) }
    }
    fn with_context(path: String) -> anyhow::Result<u64> {
        Ok(fs::metadata(path).context("크기를 알 수 없습니다")?.len())
    }
    // 성공하면 값이 옵니다.
    ensure_eq!(Process::spawn(boxed, "42".to_owned())?.join()?, 42);
    ensure!(Process::spawn(standard, "/proc/version".to_owned())?.join().is_ok());

    let absent = || "/없는 파일".to_owned();
    let failures = [
        (said(Process::spawn(standard, absent())?.join())?, "No such file"),
        (said(Process::spawn(boxed, "마흔둘".to_owned())?.join())?, "invalid digit"),
        (said(Process::spawn(sendable, String::new())?.join())?, "글이 비었습니다"),
        (
            said(Process::spawn(with_context, absent())?.join())?,
            "크기를 알 수 없습니다: No such file",
        ),
    ];
    for (text, reason) in &failures {
        ensure!(text.contains(reason), "자식의 에러({reason})가 오지 않았습니다: {text}");
        ensure!(text.contains("PID "), "누가 실패했는지 없습니다: {text}");
    }
    Ok(failures.map(|(text, _)| text).into())
}

/// 결과를 기다리는 동안 풀을 버립니다.
pub fn pool_dropped() -> Result<Vec<String>> {
    let pool = Pool::new(1)?;
    let one = pool.apply_async(sleep_forever, ())?;
    let many = pool.map_async(|_: u32| sleep_forever(), 0..3)?;
    pool.terminate();
    Ok(vec![said(one.get())?, said(many.get())?])
}

/// 값에 따라 모양이 달라지는 타입들.
pub fn varying_shape() -> Result<Vec<String>> {
    #[derive(Serialize, Deserialize)]
    struct Skipping {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        level: u8,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }
    let value = || serde_json::json!({ "수": [1, null] });
    let said = vec![
        over_pipe(&Skipping { note: None, level: 7 })?,
        over_pipe(&Either::Text("글".into()))?,
        over_pipe(&Either::Number(1))?,
        over_pipe(&value())?,
        said(Process::spawn(|value: serde_json::Value| value.to_string(), value())?.join())?,
        said(Queue::<Skipping>::new()?.put(&Skipping { note: None, level: 7 }))?,
    ];
    // 감싸면 건너갑니다.
    let back = Process::spawn(|value: Json<serde_json::Value>| value, Json(value()))?.join()?;
    ensure_eq!(back.0, value());
    Ok(said)
}

/// 보내거나 받는 데 실패해야 하는 값의 에러 메시지.
fn over_pipe<T: Serialize + DeserializeOwned + 'static>(value: &T) -> Result<String> {
    let (inbox, outbox) = pipe::<T>()?;
    match outbox.send(value) {
        Ok(()) => said(inbox.recv()),
        Err(error) => Ok(error.to_string()),
    }
}

/// 보내는 쪽은 쓰지 않고 받는 쪽은 읽으려 하는 필드.
pub fn field_not_sent() -> Result<Vec<String>> {
    #[derive(Serialize, Deserialize)]
    struct Row {
        #[serde(skip_serializing)]
        _secret: String,
        level: u8,
    }
    Ok(vec![over_pipe(&Row { _secret: "비밀".into(), level: 7 })?])
}

/// 컴파일러가 막지 못하는, `Box`에 담은 디스크립터. 파이프로는 보낼 수 있습니다.
pub fn hidden_descriptor() -> Result<Vec<String>> {
    let queue = Queue::<Box<Lock<u32>>>::new()?;
    let lock = Lock::new(7)?;
    let (inbox, outbox) = pipe::<Box<Lock<u32>>>()?;
    outbox.send(&Box::new(lock.clone()))?;
    ensure_eq!(*inbox.recv()?.acquire()?, 7);
    Ok(vec![said(queue.put(&Box::new(lock)))?])
}

/// 메시지가 아니라 눈에 보이는 현상입니다. 큐가 가득 차서 생산자가 끝나지 않고, 꺼내면 끝납니다.
pub fn joined_before_drained() -> Result<Vec<String>> {
    let produce = |queue: Queue<u32>| -> Result<()> { Ok((0..3).try_for_each(|n| queue.put(&n))?) };
    let queue = Queue::with_maxsize(1)?;
    let mut producer = Process::spawn(produce, queue.clone())?;
    let waited = producer.join_timeout(Duration::from_millis(300));
    ensure_matches!(waited, Err(ProcessError::Timeout { .. }));
    for expected in 0..3 {
        ensure_eq!(queue.get()?, expected);
    }
    producer.join()?;
    Ok(vec!["큐를 쓰는 자식의 join이 끝나지 않습니다".to_owned()])
}

/// 꺼낸 일을 마치지 않고 버립니다.
pub fn task_not_done() -> Result<Vec<String>> {
    let queue = JoinableQueue::<u32>::new()?;
    queue.put(&1)?;
    drop(queue.get()?);
    Ok(vec![said(queue.join())?])
}

/// `make`가 만든 공유 메모리의 파일. 잘못된 프로세스처럼 아무 바이트나 쓸 수 있습니다.
fn memory_of<T>(make: impl FnOnce() -> Result<T>) -> Result<(T, File)> {
    let files = || -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir("/proc/self/fd")? {
            let path = entry?.path();
            // 폴더를 읽는 데 쓴 디스크립터는 이미 닫혔습니다.
            let name = fs::read_link(&path).unwrap_or_default();
            if name.to_string_lossy().starts_with("/memfd:ipc-core:") {
                found.insert(path);
            }
        }
        Ok(found)
    };
    let before = files()?;
    let made = make()?;
    let after = files()?;
    let path = after.difference(&before).next().context("공유 메모리의 파일이 없습니다")?;
    Ok((made, File::options().read(true).write(true).open(path)?))
}

/// `file`에서 `pattern`이 있는 위치.
fn find(file: &File, pattern: &[u8]) -> Result<u64> {
    let mut bytes = vec![0; file.metadata()?.len().min(1 << 20) as usize];
    file.read_exact_at(&mut bytes, 0)?;
    let at = bytes.windows(pattern.len()).position(|window| window == pattern);
    Ok(at.context("공유 메모리에서 찾지 못했습니다")? as u64)
}

pub fn lock_corrupted() -> Result<Vec<String>> {
    let pattern: [bool; 32] = array::from_fn(|n| n % 3 == 1);
    let (lock, file) = memory_of(|| Ok(Lock::new(pattern)?))?;
    ensure_eq!(*lock.acquire()?, pattern);
    file.write_all_at(&[7], find(&file, &pattern.map(u8::from))?)?;
    // 그대로 넘겨받을 수도 없습니다.
    Ok(vec![said(lock.acquire())?, said(lock.recover().map(drop))?])
}

pub fn queue_corrupted() -> Result<Vec<String>> {
    let item: [u8; 32] = array::from_fn(|n| n as u8 * 7 + 1);
    let (queue, file) = memory_of(|| Ok(Queue::<[u8; 32]>::with_capacity(1024)?))?;
    queue.put(&item)?;
    // 내용의 바로 앞 8바이트가 길이입니다.
    let length = find(&file, &item)? - 8;
    file.write_all_at(&[0xFF; 8], length)?;
    Ok(vec![said(queue.get())?])
}

fn hold(lock: Lock<u32>, semaphore: Semaphore, held: Counter) -> Result<()> {
    let _guard = lock.acquire()?;
    let _permit = semaphore.acquire()?;
    arrive_and_sleep(&held)
}

/// 오지 않을 것을 각각 잠깐씩 기다립니다.
pub fn time_passes() -> Result<Vec<String>> {
    const SHORT: Duration = Duration::from_millis(10);
    let (lock, semaphore, held) = (Lock::new(0)?, Semaphore::new(1)?, counter()?);
    let mut holder = Process::spawn(hold, (lock.clone(), semaphore.clone(), held.clone()))?;
    wait_count("락과 자리를 쥐기", &held, 1)?;
    let queue = Queue::<u8>::new()?;
    let (inbox, _outbox) = pipe::<u8>()?;
    let pool = Pool::new(1)?;
    let said = vec![
        said(lock.acquire_timeout(SHORT))?,
        said(semaphore.acquire_timeout(SHORT))?,
        said(holder.join_timeout(SHORT))?,
        said(queue.get_timeout(SHORT))?,
        said(inbox.recv_timeout(SHORT))?,
        said(pool.apply_async(sleep_forever, ())?.get_timeout(SHORT))?,
    ];
    holder.kill();
    Ok(said)
}
