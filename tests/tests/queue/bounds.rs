//! 담을 수 있는 만큼만 담고, 기다릴지는 호출하는 쪽이 정합니다.

use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use pipe::{Receiver, pipe};
use queue::{Queue, QueueError};
use tests::children::wait_asleep;
use tests::wait::{PATIENCE, keeps_deadline};
use tests::{ensure_eq, ensure_matches};

/// 8바이트 항목 하나가 두 칸을 차지하는, 네 칸짜리 큐에 둘을 채웁니다.
fn full() -> Result<Queue<[u8; 8]>> {
    let queue = Queue::with_capacity(32)?;
    queue.put(&[1; 8])?;
    queue.put(&[2; 8])?;
    Ok(queue)
}

fn put_third(queue: Queue<[u8; 8]>) -> Result<()> {
    Ok(queue.put(&[3; 8])?)
}

pub fn put_waits_for_room() -> Result<()> {
    let queue = full()?;
    let mut producer = Process::spawn(put_third, (queue.clone(),))?;
    wait_asleep(&producer)?;
    ensure_eq!((producer.is_running(), queue.len()), (true, 2));
    ensure_eq!(queue.get()?, [1; 8]);
    producer.join_timeout(PATIENCE)?;
    ensure_eq!(queue.get()?, [2; 8]);
    ensure_eq!(queue.get()?, [3; 8]);
    Ok(())
}

fn get_one(queue: Queue<String>) -> Result<String> {
    Ok(queue.get()?)
}

pub fn get_waits_for_an_item() -> Result<()> {
    let queue: Queue<String> = Queue::new()?;
    let mut consumer = Process::spawn(get_one, (queue.clone(),))?;
    wait_asleep(&consumer)?;
    queue.put(&"늦게 온 항목".to_string())?;
    ensure_eq!(consumer.join_timeout(PATIENCE)?, "늦게 온 항목");
    Ok(())
}

pub fn try_never_waits() -> Result<()> {
    let queue = full()?;
    ensure_matches!(queue.try_put(&[3; 8]), Err(QueueError::Full));
    ensure_eq!(queue.try_get()?, [1; 8]);
    queue.try_put(&[3; 8])?;
    ensure_eq!((queue.try_get()?, queue.try_get()?), ([2; 8], [3; 8]));
    ensure_matches!(queue.try_get(), Err(QueueError::Empty));
    // 기다릴 것이 없으면 시간이 0이어도 됩니다.
    queue.put_timeout(&[4; 8], Duration::ZERO)?;
    ensure_eq!(queue.get_timeout(Duration::ZERO)?, [4; 8]);
    Ok(())
}

pub fn too_large_says_the_sizes() -> Result<()> {
    let queue: Queue<Vec<u8>> = Queue::with_capacity(1024)?;
    let item = vec![0; 2000];
    for refused in [queue.put(&item), queue.try_put(&item), queue.put_timeout(&item, PATIENCE)] {
        // 2000바이트에 벡터의 길이 2바이트가 붙어 8바이트 단위로 2008바이트, 거기에 길이를 적는 8바이트입니다.
        ensure_matches!(&refused, Err(QueueError::TooLarge { size: 2016, capacity: 1024 }));
        let message = refused.err().map(|error| error.to_string()).unwrap_or_default();
        ensure_eq!(message.contains("2016") && message.contains("1024"), true);
    }
    // 거절된 뒤에도 쓸 수 있고, 꼭 맞는 항목은 들어갑니다.
    let exact = vec![9; 1024 - 8 - 2];
    queue.put(&exact)?;
    ensure_eq!(queue.get()? == exact, true);
    Ok(())
}

pub fn too_many_bytes_to_create() -> Result<()> {
    ensure_matches!(Queue::<u8>::with_capacity(usize::MAX).map(drop), Err(QueueError::Create(_)));
    ensure_matches!(Queue::<u8>::with_capacity(1 << 40).map(drop), Err(QueueError::Create(_)));
    let smallest = Queue::<()>::with_capacity(0)?;
    smallest.put(&())?;
    ensure_matches!(smallest.try_put(&()), Err(QueueError::Full));
    Ok(smallest.get()?)
}

/// 큐는 바이트만 나릅니다. 파이프의 끝이 든 항목은 컴파일되지 않지만, `Box` 안에 숨긴 것은 넣을 때 거절됩니다.
pub fn handles_are_refused() -> Result<()> {
    let queue: Queue<Box<Receiver<u32>>> = Queue::new()?;
    let (receiver, sender) = pipe()?;
    let receiver = Box::new(receiver);
    let refused = queue.put(&receiver);
    ensure_matches!(&refused, Err(QueueError::Codec(_)));
    let message = refused.err().map(|error| error.to_string()).unwrap_or_default();
    ensure_eq!(message.contains("파이프로만"), true);
    ensure_eq!(queue.len(), 0);
    sender.send(&1)?;
    ensure_eq!(receiver.recv()?, 1);
    Ok(())
}

/// 바이트가 남아도 항목의 수가 다 차면 기다립니다. 파이썬의 `Queue(maxsize=…)`입니다.
pub fn maxsize_counts_the_items() -> Result<()> {
    let queue = Queue::with_maxsize(2)?;
    queue.put(&[1; 8])?;
    queue.try_put(&[2; 8])?;
    ensure_matches!(queue.try_put(&[3; 8]), Err(QueueError::Full));
    keeps_deadline(Duration::from_millis(50), || {
        let refused = queue.put_timeout(&[3; 8], Duration::from_millis(50));
        ensure_matches!(refused, Err(QueueError::Timeout));
        Ok(())
    })?;
    let mut producer = Process::spawn(put_third, (queue.clone(),))?;
    wait_asleep(&producer)?;
    ensure_eq!((producer.is_running(), queue.len()), (true, 2));
    ensure_eq!(queue.get()?, [1; 8]);
    producer.join_timeout(PATIENCE)?;
    ensure_eq!((queue.get()?, queue.get()?), ([2; 8], [3; 8]));
    // 0은 1로 봅니다.
    let single = Queue::<()>::with_maxsize(0)?;
    single.put(&())?;
    ensure_matches!(single.try_put(&()), Err(QueueError::Full));
    Ok(())
}

fn put_large(queue: Queue<Vec<u8>>) -> Result<()> {
    Ok(queue.put(&vec![1; 200])?)
}

fn put_small(queue: Queue<Vec<u8>>) -> Result<()> {
    Ok(queue.put(&vec![2])?)
}

/// 먼저 기다린 큰 항목을, 나중에 온 작은 항목이 앞지르지 않습니다. 앞지를 수 있으면 큰 항목은 영영 들어가지 못합니다.
pub fn small_items_do_not_overtake_a_large_one() -> Result<()> {
    let queue = Queue::with_capacity(256)?;
    for _ in 0..8 {
        queue.put(&vec![0; 16])?;
    }
    let mut large = Process::spawn(put_large, (queue.clone(),))?;
    wait_asleep(&large)?;
    let mut small = Process::spawn(put_small, (queue.clone(),))?;
    wait_asleep(&small)?;
    // 하나에 32바이트이므로, 일곱을 꺼내기 전에는 큰 것(216바이트)이 들어갈 공간이 없습니다. 작은 것이 들어갈 공간은 하나만 꺼내도 있습니다.
    for taken in 0..8 {
        if taken < 7 {
            ensure_eq!((large.is_running(), small.is_running()), (true, true));
        }
        ensure_eq!(queue.get_timeout(PATIENCE)?, [0; 16]);
    }
    ensure_eq!(queue.get_timeout(PATIENCE)?, [1; 200]);
    ensure_eq!(queue.get_timeout(PATIENCE)?, [2]);
    large.join_timeout(PATIENCE)?;
    small.join_timeout(PATIENCE)?;
    Ok(())
}
