//! 공유 메모리.

use std::fs::{metadata, read_dir, read_link, read_to_string};
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;
use std::thread::scope;

use anyhow::{Context, Result, anyhow, ensure};
use ipc_core::Process;
use lock::{Lock, LockError};
use pipe::{Receiver, Sender, pipe};
use queue::Queue;
use semaphore::{MAX_PLACES, Semaphore};
use tests::{ensure_eq, ensure_matches};

const TIMES: usize = 5000;

fn mappings() -> Result<usize> {
    let maps = read_to_string("/proc/self/maps")?;
    Ok(maps.lines().filter(|line| line.contains("memfd:ipc-core")).count())
}

fn receive_many(inbox: Receiver<Lock<u64>>) -> Result<usize> {
    let held = inbox.recv()?;
    let (taken, over) = (Barrier::new(2), Barrier::new(2));
    scope(|scope| {
        let holder = scope.spawn(|| -> Result<()> {
            let _guard = held.acquire()?;
            taken.wait();
            over.wait();
            Ok(())
        });
        taken.wait();
        let work = || -> Result<usize> {
            let mut most = 0;
            for _ in 0..TIMES / 2 {
                drop(inbox.recv()?);
                most = most.max(mappings()?);
            }
            // 두 개를 함께 갖고 있다 버려도 같습니다.
            for _ in 0..TIMES / 4 {
                let pair = (inbox.recv()?, inbox.recv()?);
                ensure!(pair.0.try_acquire()?.is_none());
                most = most.max(mappings()?);
            }
            Ok(most)
        };
        let outcome = work();
        over.wait();
        holder.join().map_err(|_| anyhow!("패닉"))??;
        outcome
    })
}

fn send_locks(outbox: Sender<Lock<u64>>, lock: Lock<u64>) -> Result<()> {
    for _ in 0..=TIMES {
        outbox.send(&lock)?;
    }
    Ok(())
}

/// 다른 스레드가 쥔 락을 거듭 받았다 버려도 매핑이 쌓이지 않습니다.
pub fn lock_received_again_and_again() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let receiver = Process::spawn(receive_many, (inbox,))?;
    send_locks(outbox, Lock::new(0)?)?;
    let most = receiver.join()?;
    ensure!(most <= 2, "매핑이 {most}개까지 늘었습니다");
    Ok(())
}

/// 이 프로세스의 공유 메모리 가운데 `size`바이트보다 큰 것이 실제로 차지한 바이트.
fn occupied(size: u64) -> Result<u64> {
    let mut found = None;
    for entry in read_dir("/proc/self/fd")? {
        let path = entry?.path();
        let Ok(target) = read_link(&path) else { continue };
        if target.to_string_lossy().starts_with("/memfd:ipc-core:") {
            let metadata = metadata(&path)?;
            if metadata.len() > size {
                found = Some(metadata.blocks() * 512);
            }
        }
    }
    found.context("큰 메모리가 없습니다")
}

const MEBIBYTE: usize = 1 << 20;

fn stream(queue: Queue<Vec<u8>>) -> Result<()> {
    for number in 0..256_u32 {
        // 앞의 것을 꺼낸 뒤에 넣어, 하나보다 많이 담기지 않게 합니다.
        while !queue.is_empty() {
            std::thread::yield_now();
        }
        queue.put(&vec![number as u8; MEBIBYTE])?;
    }
    Ok(queue.close()?)
}

pub fn large_queue_stays_small() -> Result<()> {
    let queue = Queue::with_capacity(64 * MEBIBYTE)?;
    let producer = Process::spawn(stream, (queue.clone(),))?;
    let (mut number, mut most) = (0_u32, 0);
    for item in queue.iter() {
        let item = item?;
        ensure!(item.len() == MEBIBYTE && item.iter().all(|byte| *byte == number as u8));
        number += 1;
        most = most.max(occupied(64 << 20)?);
    }
    producer.join()?;
    ensure_eq!(number, 256);
    ensure!(most < 16 << 20, "큐가 {most}바이트까지 차지했습니다");
    Ok(())
}

/// 스레드 하나는 커널이 해제해 줄 수 있는 만큼만 쥡니다. 넘치는 것은 거절하고, 쥔 것은 온전합니다.
pub fn too_many_held() -> Result<()> {
    let semaphore = Semaphore::new(MAX_PLACES)?;
    let lock = Lock::new(5)?;
    let mut permits =
        (0..MAX_PLACES).map(|_| semaphore.acquire()).collect::<Result<Vec<_>, _>>()?;
    ensure_matches!(lock.acquire().map(|g| *g), Err(LockError::Mutex(_)));
    let refused = lock.try_acquire().map(|guard| guard.map(|guard| *guard));
    ensure_matches!(refused, Err(LockError::Mutex(_)));
    // 거절한 락은 잠긴 채 남지 않습니다.
    let take = |lock: Lock<u64>| -> Result<u64> { Ok(*lock.acquire()?) };
    ensure_eq!(Process::spawn(take, (lock.clone(),))?.join()?, 5);
    permits.pop();
    ensure_eq!(*lock.acquire()?, 5);
    drop(permits);
    ensure_eq!(semaphore.available(), MAX_PLACES);
    Ok(())
}
