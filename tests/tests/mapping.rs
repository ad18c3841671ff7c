//! 대응표(examples-ko/mapping.md)의 "수업에 없는 이름": 표에 적힌 Rust가 컴파일되고, 파이썬에서와 같은 일을 합니다.
//!
//! 실행: `cargo test -p tests --test mapping`

use std::fs::read_link;
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::process::{abort, exit, id};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::{self, available_parallelism};
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::{Process, ProcessError, Shared, wait_any};
use lock::Lock;
use pipe::pipe;
use pool::Pool;
use queue::{Queue, QueueError};
use semaphore::Semaphore;
use tests::{ensure_eq, ensure_matches, harness, trials};

fn main() -> ! {
    ipc_core::init();
    harness::run(trials![
        processes, events, barriers, sharing, managers, pools, queues, pipes, doors
    ])
}

fn processes() -> Result<()> {
    ensure!(available_parallelism()?.get() >= 1);
    ensure_eq!(Process::spawn(parent_id, ())?.join()?, id());
    let process = Process::spawn(id, ())?;
    let pid = process.id();
    ensure_eq!(wait_any(&[process.as_fd()], None)?, Some(0)); // 끝나면 준비됩니다.
    ensure!(!process.is_running());
    ensure_eq!(process.join()?, pid);
    ensure_matches!(Process::spawn(leave, ())?.join(), Err(ProcessError::Exited { code: 3, .. }));
    ensure_matches!(Process::spawn(die, ())?.join(), Err(ProcessError::Killed { signal: 6, .. }));
    ensure_eq!(Process::spawn(stderr, ())?.join()?, stderr()?);
    Ok(())
}

fn leave() {
    exit(3);
}

fn die() {
    abort();
}

/// 이 프로세스의 표준 에러가 이어진 곳.
fn stderr() -> Result<PathBuf> {
    Ok(read_link("/proc/self/fd/2")?)
}

/// `Event`: 닫힌 큐는 기다리던 모두에게 알려집니다.
fn events() -> Result<()> {
    let event: Queue<()> = Queue::new()?;
    let waiting = [
        Process::spawn(wait_for_event, (event.clone(),))?,
        Process::spawn(wait_for_event, (event.clone(),))?,
    ];
    event.close()?;
    Ok(waiting.into_iter().try_for_each(Process::join)?)
}

fn wait_for_event(event: Queue<()>) -> Result<()> {
    ensure_matches!(event.get(), Err(QueueError::Disconnected));
    Ok(())
}

/// `Barrier`: 도착을 큐로 세고, 다 왔으면 문(큐)을 닫아 알립니다.
fn barriers() -> Result<()> {
    let (arrived, gate) = (Queue::new()?, Queue::new()?);
    let spawn = |_| Process::spawn(arrive, (arrived.clone(), gate.clone()));
    let processes: Vec<_> = (0..3).map(spawn).collect::<Result<_, _>>()?;
    for _ in 0..3 {
        arrived.get()?;
    }
    gate.close()?;
    Ok(processes.into_iter().try_for_each(Process::join)?)
}

fn arrive(arrived: Queue<()>, gate: Queue<()>) -> Result<()> {
    arrived.put(&())?;
    wait_for_event(gate)
}

fn sharing() -> Result<()> {
    let array = Lock::new([0; 3])?;
    array.acquire()?[1] = 7;
    ensure_eq!(*array.acquire()?, [0, 7, 0]);
    *Lock::new(0.0)?.acquire()? += 1.5;
    let shared = Shared::new(AtomicU32::new(0))?;
    Process::spawn(raise, (shared.clone(),))?.join()?;
    ensure_eq!(shared.load(Relaxed), 1);
    Ok(())
}

fn raise(shared: Shared<AtomicU32>) {
    shared.fetch_add(1, Relaxed);
}

/// `Manager().dict()`: 한 프로세스가 값을 갖고, 나머지는 큐로 부탁합니다.
fn managers() -> Result<()> {
    let requests = Queue::new()?;
    let owner = Process::spawn(own, (requests.clone(),))?;
    requests.put(&("사과".to_string(), 3))?;
    requests.put(&("배".to_string(), 2))?;
    requests.close()?;
    ensure_eq!(owner.join()?, 2);
    Ok(())
}

fn own(requests: Queue<(String, u32)>) -> Result<usize> {
    let stock: std::collections::HashMap<_, _> = requests.iter().collect::<Result<_, _>>()?;
    Ok(stock.len())
}

fn pools() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(1).build()?;
    ensure_eq!(pool.map(u32::pow, [(2, 3), (3, 2)])?, [8, 9]);
    ensure_eq!(pool.apply(u32::pow, (2, 3))?, 8);
    let result = pool.apply_async(u32::pow, (2, 3))?;
    let callback = thread::spawn(move || result.get()); // 결과가 나오면 할 일을 스레드에 맡깁니다.
    ensure_eq!(callback.join().expect("패닉")?, 8);
    ensure!(
        pool.try_map(die_at_zero, [0, 1])?.into_iter().map(|one| one.is_ok()).eq([false, true])
    );
    pool.close();
    pool.join();
    Pool::new(1)?.terminate();
    Ok(())
}

fn die_at_zero(number: u32) {
    if number == 0 {
        abort();
    }
}

fn queues() -> Result<()> {
    let queue: Queue<u32> = Queue::with_maxsize(1)?;
    ensure!(queue.is_empty());
    ensure_matches!(queue.try_get(), Err(QueueError::Empty));
    queue.try_put(&1)?;
    ensure_eq!(queue.len(), 1);
    ensure_matches!(queue.try_put(&2), Err(QueueError::Full));
    ensure_matches!(queue.put_timeout(&2, Duration::ZERO), Err(QueueError::Timeout));
    drop(queue);
    Ok(())
}

fn pipes() -> Result<()> {
    let (receiver, sender) = pipe::<Vec<u8>>()?;
    ensure!(!receiver.poll(Duration::ZERO)?);
    sender.send(&b"bytes".to_vec())?;
    ensure_eq!(wait_any(&[receiver.as_fd()], None)?, Some(0));
    ensure_eq!(receiver.recv()?, b"bytes");
    Ok(())
}

fn doors() -> Result<()> {
    let semaphore = Semaphore::new(2)?;
    let _permit = semaphore.acquire_timeout(Duration::ZERO)?;
    ensure_eq!(semaphore.available(), 1);
    ensure!(semaphore.try_acquire()?.is_some());
    let lock = Lock::new(())?;
    drop(lock.acquire_timeout(Duration::ZERO)?);
    ensure!(lock.try_acquire()?.is_some());
    Ok(())
}
