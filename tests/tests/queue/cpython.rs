//! CPython의 테스트에 있는 것 가운데, 다른 파일에 없던 것들.

use anyhow::Result;
use ipc_core::Process;
use queue::{Queue, QueueError};
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};
use tests::wait::PATIENCE;
use tests::{ensure_eq, ensure_matches};

fn put_second_half(queue: Queue<u32>) -> Result<()> {
    (10..20).try_for_each(|number| Ok(queue.put(&number)?))
}

/// 자식을 시작하기 전에 넣은 것과 자식이 넣은 것이 차례로 나옵니다.
pub fn items_from_before_and_after_the_start() -> Result<()> {
    let queue = Queue::new()?;
    for number in 0..10 {
        queue.put(&number)?;
    }
    let child = Process::spawn(put_second_half, (queue.clone(),))?;
    for number in 0..20 {
        ensure_eq!(queue.get_timeout(PATIENCE)?, number);
    }
    ensure_matches!(queue.try_get(), Err(QueueError::Empty));
    Ok(child.join()?)
}

pub fn len_follows_the_items() -> Result<()> {
    let queue = Queue::<u8>::new()?;
    ensure_eq!((queue.len(), queue.is_empty()), (0, true));
    queue.put(&1u8)?;
    ensure_eq!((queue.len(), queue.is_empty()), (1, false));
    queue.put(&5)?;
    ensure_eq!(queue.len(), 2);
    queue.get()?;
    ensure_eq!(queue.len(), 1);
    queue.get()?;
    ensure_eq!((queue.len(), queue.is_empty()), (0, true));
    queue.close()?;
    // 닫은 뒤에도 물을 수 있습니다.
    ensure_eq!(queue.is_empty(), true);
    Ok(())
}

/// 거짓이면 직렬화하지 못합니다.
#[derive(Deserialize)]
struct Fussy(bool);

impl Serialize for Fussy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 {
            serializer.serialize_bool(true)
        } else {
            Err(S::Error::custom("쓰지 않습니다"))
        }
    }
}

/// 직렬화하지 못한 것은 넣은 쪽이 바로 알고, 자리를 차지하지 않습니다.
pub fn failed_put_takes_no_room() -> Result<()> {
    let queue = Queue::<Fussy>::with_capacity(16)?; // 하나만 들어갑니다.
    for _ in 0..3 {
        ensure_matches!(queue.put(&Fussy(false)), Err(QueueError::Codec(_)));
    }
    queue.put(&Fussy(true))?;
    ensure_eq!(queue.len(), 1);
    ensure_eq!(queue.get_timeout(PATIENCE)?.0, true);
    ensure_eq!(queue.is_empty(), true);
    Ok(())
}

fn look(queue: Queue<u32>) -> bool {
    matches!(queue.try_get(), Err(QueueError::Empty))
}

fn make_a_queue_and_a_child() -> Result<bool> {
    Ok(Process::spawn(look, (Queue::new()?,))?.join()?)
}

pub fn queue_made_in_a_child() -> Result<()> {
    ensure_eq!(Process::spawn(make_a_queue_and_a_child, ())?.join()?, true);
    Ok(())
}
