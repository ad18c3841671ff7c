//! [`LockError`]: 락을 만들거나 획득하지 못한 이유.

use std::io;

use ipc_core::build::{MutexError, hint};
use ipc_core::debug_is_display;

debug_is_display!(LockError);

/// 락을 만들거나 획득하지 못한 이유입니다.
///
/// 표준 라이브러리의 `PoisonError`와 달리 가드를 담지 않습니다. 가드는 스레드를 떠나지 못하므로, 담으면 `?`로 `Box<dyn Error>`나
/// `anyhow::Error`가 되지 못합니다. 죽은 프로세스의 락은 [`Lock::recover`](crate::Lock::recover)로 넘겨받습니다.
#[derive(thiserror::Error)]
pub enum LockError {
    /// 공유 메모리를 만들지 못했습니다.
    #[error("락을 만들지 못했습니다({0}). {hint}", hint = hint(.0))]
    Create(io::Error),
    /// 앞의 주인이 쥔 채 죽었습니다. 모르면 PID가 없습니다. 고칠 때까지 모두가 이 에러를 받습니다.
    #[error(
        "락을 쥔 {who} 죽었습니다. recover()로 넘겨받아, 값을 확인해 고친 뒤 repair()로 이어 쓰십시오",
        who = .pid.map_or("프로세스가".into(), |pid| format!("프로세스(PID {pid})가"))
    )]
    OwnerDied { pid: Option<u32> },
    /// 제한 시간이 지났습니다.
    #[error("제한 시간 안에 락을 획득하지 못했습니다. 더 기다리려면 다시 호출하십시오")]
    Timeout,
    /// 이 스레드가 이미 쥐고 있습니다. 기다리면 영원히 멈추므로 거절합니다.
    #[error("이 스레드가 이미 쥐고 있습니다. 앞의 가드를 먼저 drop하십시오")]
    AlreadyHeld,
    /// 값의 바이트가 그 타입의 올바른 값이 아닙니다.
    #[error(
        "락 안의 값이 망가졌습니다. unsafe 코드로 메모리를 잘못 쓴 프로세스가 있는지 확인하고, 락을 새로 만드십시오"
    )]
    Corrupted,
    /// 운영체제의 에러입니다.
    #[error("락을 획득하지 못했습니다: {0}")]
    Mutex(MutexError),
}

impl From<MutexError> for LockError {
    fn from(error: MutexError) -> Self {
        match error {
            MutexError::Timeout => LockError::Timeout,
            MutexError::AlreadyHeld => LockError::AlreadyHeld,
            other => LockError::Mutex(other),
        }
    }
}
