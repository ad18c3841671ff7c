//! 풀의 에러.

use ipc_core::{CodecError, ProcessError, debug_is_display};
use serde::{Deserialize, Serialize};

debug_is_display!(ItemError, Cause, PoolError);

/// 항목 하나가 결과를 내지 못한 이유입니다. 다른 항목에는 영향이 없습니다.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("인덱스 {index}의 항목이 실패했습니다: {cause}")]
pub struct ItemError {
    /// 입력에서의 위치(0부터).
    pub index: usize,
    /// 실패한 이유.
    pub cause: Cause,
}

/// [`ItemError`]의 이유.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Cause {
    /// 함수가 `Err`를 반환했거나, 항목이나 결과를 직렬화하거나 전하지 못했습니다.
    #[error("{0}")]
    Failed(String),
    /// 함수가 패닉했습니다.
    #[error("패닉: {0}")]
    Panicked(String),
    /// 이 항목을 계산하던 작업자 프로세스가 죽었습니다. 담긴 글은 어떻게 죽었는지입니다.
    #[error("작업자가 죽었습니다({0}). 다시 해도 되는 일이면 retries로 재시도 횟수를 정하십시오")]
    WorkerDied(String),
}

impl From<CodecError> for Cause {
    fn from(error: CodecError) -> Cause {
        Cause::Failed(error.to_string())
    }
}

/// 풀의 호출이 실패한 이유입니다.
#[derive(thiserror::Error)]
pub enum PoolError {
    /// 항목 하나가 실패했습니다. 풀은 계속 쓸 수 있습니다.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// 작업자가 하나도 없는 풀은 만들 수 없습니다.
    #[error("작업자가 0명인 풀은 만들 수 없습니다. 1 이상을 주십시오")]
    NoWorkers,
    /// 작업자마다 디스크립터가 필요합니다. 한도 안에서 프로그램이 쓸 것까지 남기면 `max`명까지입니다.
    #[error(
        "작업자 {workers}명은 열린 파일의 한도 {limit}개에 비해 너무 많습니다. {max}명까지로 줄이거나 ulimit -n을 올리십시오"
    )]
    TooManyWorkers { workers: usize, limit: usize, max: usize },
    /// 작업자를 시작하지 못했습니다.
    #[error("작업자를 시작하지 못했습니다: {0}")]
    Start(ProcessError),
    /// 죽은 작업자를 새로 시작하지 못해, 남은 작업자가 없습니다. 맡긴 일은 버려졌습니다.
    #[error("작업자를 다시 시작하지 못했습니다: {reason}")]
    Restart { reason: String },
    /// 작업자가 거듭 `initializer`에서 실패했습니다.
    #[error(
        "작업자가 {attempts}번 거듭 준비하지 못하고 끝났습니다: {message}. initializer를 확인하십시오"
    )]
    Initializer { attempts: u32, message: String },
    /// 작업자가 일을 받기 전에 거듭 끝났습니다. `initializer`가 실패했다고 알려 온 것은 아닙니다.
    #[error("작업자가 {attempts}번 거듭 일을 받기 전에 끝났습니다: {message}")]
    NotReady { attempts: u32, message: String },
    /// 닫힌 풀입니다.
    #[error("닫힌 풀에는 일을 맡길 수 없습니다. close와 terminate보다 먼저 맡기십시오")]
    Closed,
    /// 결과가 나오기 전에 풀이 끝났습니다.
    #[error(
        "결과가 나오기 전에 풀이 끝났습니다. 결과를 받을 때까지 풀을 버리거나 terminate하지 마십시오"
    )]
    Terminated,
    /// 제한 시간이 지났습니다. 계산은 계속됩니다.
    #[error("제한 시간 안에 결과가 나오지 않았습니다. 더 기다리려면 다시 호출하십시오")]
    Timeout,
    /// 결과를 이미 받아 갔습니다.
    #[error("맡긴 일의 결과는 이미 받아 갔습니다")]
    AlreadyTaken,
}

impl From<ProcessError> for PoolError {
    fn from(error: ProcessError) -> Self {
        PoolError::Start(error)
    }
}
