//! 먼저 넣은 것이 먼저 나오고, 하나도 잃거나 겹치지 않습니다.

use anyhow::Result;
use ipc_core::Process;
use queue::Queue;
use tests::ensure_eq;

pub fn first_in_first_out() -> Result<()> {
    let queue = Queue::new()?;
    let echo = Process::spawn(
        |queue: Queue<u32>| (0..100).map(|_| queue.get().ok()).collect::<Vec<_>>(),
        (queue.clone(),),
    )?;
    for number in 0..100 {
        queue.put(&number)?;
    }
    ensure_eq!(echo.join()?, (0..100).map(Some).collect::<Vec<_>>());
    ensure_eq!((queue.len(), queue.is_empty()), (0, true));
    queue.put(&1)?;
    queue.put(&2)?;
    ensure_eq!((queue.len(), queue.is_empty()), (2, false));
    Ok(())
}

const PRODUCERS: u32 = 3;
const CONSUMERS: u32 = 3;
const ITEMS: u32 = 2000;

/// 누가 몇 번째로 넣었는지.
type Tag = (u32, u32);

fn produce(queue: Queue<Tag>, producer: u32) -> Result<()> {
    for number in 0..ITEMS {
        queue.put(&(producer, number))?;
    }
    Ok(())
}

fn consume(queue: Queue<Tag>) -> Result<Vec<Tag>> {
    Ok(queue.iter().collect::<Result<_, _>>()?)
}

pub fn each_item_exactly_once() -> Result<()> {
    // 작은 고리라서 넣는 쪽도 기다려야 합니다.
    let queue = Queue::with_capacity(1024)?;
    let producers = (0..PRODUCERS)
        .map(|producer| Process::spawn(produce, (queue.clone(), producer)))
        .collect::<Result<Vec<_>, _>>()?;
    let consumers = (0..CONSUMERS)
        .map(|_| Process::spawn(consume, (queue.clone(),)))
        .collect::<Result<Vec<_>, _>>()?;
    for producer in producers {
        producer.join()?;
    }
    queue.close()?;
    let mut all = Vec::new();
    for consumer in consumers {
        let taken = consumer.join()?;
        for producer in 0..PRODUCERS {
            let own = taken.iter().filter(|tag| tag.0 == producer);
            ensure_eq!(own.is_sorted(), true);
        }
        all.extend(taken);
    }
    all.sort_unstable();
    let expected: Vec<Tag> =
        (0..PRODUCERS).flat_map(|producer| (0..ITEMS).map(move |n| (producer, n))).collect();
    ensure_eq!(all == expected, true);
    Ok(())
}

const LARGEST: usize = 2000;

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index * 31 + size) as u8).collect()
}

fn put_all_sizes(queue: Queue<Vec<u8>>) -> Result<()> {
    for size in 0..=LARGEST {
        queue.put(&pattern(size))?;
    }
    Ok(())
}

/// 항목보다 조금 큰 고리에서는 거의 모든 항목이 끝에서 처음으로 이어집니다.
pub fn sizes_wrap_around() -> Result<()> {
    let queue = Queue::with_capacity(2048)?;
    let producer = Process::spawn(put_all_sizes, (queue.clone(),))?;
    for size in 0..=LARGEST {
        ensure_eq!(queue.get()? == pattern(size), true);
    }
    producer.join()?;
    ensure_eq!(queue.is_empty(), true);
    Ok(())
}
