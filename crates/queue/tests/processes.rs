//! 큐를 실제 프로세스들로 확인합니다. `cargo test`가 실행하며, 예제를 복사하면 함께 복사됩니다.

use ipc_core::Process;
use queue::{Queue, QueueError};

ipc_core::test_support!();

fn put_all(queue: Queue<u32>, start: u32) -> Result<(), QueueError> {
    (start..start + 100).try_for_each(|item| queue.put(&item))
}

fn sum(queue: Queue<u32>) -> Result<u32, QueueError> {
    queue.iter().sum()
}

#[test]
fn every_item_arrives_once() -> anyhow::Result<()> {
    let queue = Queue::with_maxsize(8)?;
    let producers = [
        Process::spawn(put_all, (queue.clone(), 0))?,
        Process::spawn(put_all, (queue.clone(), 100))?,
    ];
    let consumers = [Process::spawn(sum, queue.clone())?, Process::spawn(sum, queue.clone())?];
    for producer in producers {
        producer.join()?;
    }
    queue.close()?; // 더 넣을 프로세스가 없습니다.
    let mut total = 0;
    for consumer in consumers {
        total += consumer.join()?;
    }
    assert_eq!(total, (0..200).sum::<u32>());
    Ok(())
}

#[test]
fn what_was_put_survives_the_producer() -> anyhow::Result<()> {
    let queue = Queue::<String>::new()?;
    let put_and_die = |queue: Queue<String>| {
        if queue.put("마지막 말").is_ok() {
            std::process::abort();
        }
    };
    assert!(Process::spawn(put_and_die, queue.clone())?.join().is_err());
    assert_eq!(queue.try_get()?, "마지막 말");
    Ok(())
}
