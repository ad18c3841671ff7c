//! 큐의 에러.

use std::io;

use ipc_core::build::{MutexError, hint};
use ipc_core::{CodecError, debug_is_display};

use crate::joinable::MAX_TASKS;

debug_is_display!(QueueError);

/// 넣거나 꺼내지 못한 이유입니다.
#[derive(thiserror::Error)]
pub enum QueueError {
    /// 공유 메모리를 만들지 못했습니다.
    #[error("큐를 만들지 못했습니다({0}). {hint}", hint = hint(.0))]
    Create(io::Error),
    /// 지금은 자리가 없습니다(`try_put`).
    #[error("큐가 가득 찼습니다. 누군가 꺼낸 뒤에 다시 넣으십시오")]
    Full,
    /// 지금은 비어 있습니다(`try_get`).
    #[error("큐가 비어 있습니다. 누군가 넣은 뒤에 다시 꺼내십시오")]
    Empty,
    /// 항목이 큐 전체보다 큽니다. `size`는 길이를 적는 8바이트까지, 8바이트 단위로 올린 크기입니다.
    #[error(
        "길이까지 {size}바이트를 차지하는 항목은 {capacity}바이트 큐에 들어갈 수 없습니다. Queue::with_capacity로 더 큰 큐를 만드십시오"
    )]
    TooLarge { size: usize, capacity: usize },
    /// 제한 시간이 지났습니다.
    #[error("제한 시간이 지났습니다. 상대가 살아 있는지 보고, 더 기다리려면 다시 호출하십시오")]
    Timeout,
    /// 큐가 닫혔고 남은 항목도 없습니다. 넣을 때라면 닫힌 큐에 넣으려 한 것입니다.
    #[error("큐가 닫혔습니다")]
    Disconnected,
    /// 꺼낸 쪽이 마치지 못한 일이 있습니다([`JoinableQueue::join`](crate::JoinableQueue::join)).
    #[error(
        "꺼낸 일 {count}개를 아무도 마치지 못합니다. 쥔 프로세스가 죽었거나 done을 호출하지 않고 버렸습니다. 자식의 join이 반환한 에러를 확인하십시오"
    )]
    Unfinished { count: u32 },
    /// 마치지 않은 일이 너무 많습니다.
    #[error(
        "마치지 않은 일이 {MAX_TASKS}개입니다. 꺼낸 일을 마치고 done을 호출한 뒤에 더 꺼내십시오"
    )]
    TooManyTasks,
    /// 항목을 바이트로, 또는 바이트를 항목으로 바꾸지 못했습니다. 꺼낼 때라면 그 항목은 버려집니다.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// 다른 프로세스가 큐의 공유 메모리를 망가뜨렸습니다. 이 큐는 더 쓸 수 없습니다.
    #[error(
        "큐의 공유 메모리가 망가졌습니다. unsafe 코드로 메모리를 잘못 쓴 프로세스가 있는지 확인하고, 큐를 새로 만드십시오"
    )]
    Corrupted,
    /// 운영체제의 에러입니다.
    #[error(transparent)]
    Mutex(MutexError),
}

impl From<MutexError> for QueueError {
    fn from(error: MutexError) -> Self {
        match error {
            MutexError::Timeout => QueueError::Timeout,
            other => QueueError::Mutex(other),
        }
    }
}
