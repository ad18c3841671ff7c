//! 프로세스의 에러.

use std::io;

use nix::sys::signal::Signal;

use crate::channel::ChannelError;
use crate::hint;

/// 프로세스를 시작하지 못했거나, 작업이 값을 돌려주지 못한 까닭입니다.
///
/// `process`에는 작업의 이름과 PID가 들어 있습니다.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// `main`의 첫 줄에 `init()`이 없습니다.
    #[error(
        "ipc_core::init()을 먼저 불러야 합니다. main 함수의 첫 줄에 `ipc_core::init();`을 적으십시오"
    )]
    NotInitialized,
    /// 운영체제가 새 프로세스를 거절했습니다.
    #[error("프로세스를 시작하지 못했습니다({0}). {hint}", hint = start_hint(.0))]
    Start(#[source] io::Error),
    /// 인수나 결과를 전하지 못했습니다.
    #[error("프로세스와 값을 주고받지 못했습니다: {0}")]
    Channel(#[from] ChannelError),
    /// 작업이 `Err`를 돌려주었습니다.
    #[error("{process} 작업이 실패했습니다: {message}")]
    Failed { process: String, message: String },
    /// 작업이 패닉했습니다.
    #[error("{process} 작업이 패닉했습니다: {message}")]
    Panicked { process: String, message: String },
    /// 작업이 값을 돌려주지 않고 스스로 프로세스를 끝냈습니다.
    #[error(
        "{process} 프로세스가 값을 돌려주지 않고 끝났습니다(종료 코드 {code}). 작업 안에서 exit을 부르지 않았는지 확인하십시오"
    )]
    Exited { process: String, code: i32 },
    /// 시그널이 프로세스를 죽였습니다.
    #[error(
        "{process} 프로세스가 {} 시그널로 죽었습니다. 표준 에러와 dmesg에 까닭이 남았는지 보십시오",
        signal_name(*.signal)
    )]
    Killed { process: String, signal: i32 },
    /// 제한 시간이 지났습니다. 프로세스는 계속 돌고 있습니다.
    #[error(
        "{process} 프로세스가 제한 시간 안에 끝나지 않았습니다. 더 기다리거나 terminate로 끝내십시오"
    )]
    Timeout { process: String },
    /// 이미 결과를 받아 갔습니다.
    #[error("{process} 프로세스의 결과는 이미 받아 갔습니다")]
    AlreadyJoined { process: String },
}

/// 자식을 시작하지 못했을 때 할 일. 자식은 이 프로그램의 실행 파일(`/proc/self/exe`)을 다시 실행한 것입니다.
fn start_hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EACCES) => {
            "도는 동안 실행 파일이 실행 권한을 잃었습니다. 다시 빌드해 처음부터 실행하십시오"
        }
        Some(libc::ENOENT) => "/proc/self/exe가 없습니다. /proc가 보이는 곳에서 실행하십시오",
        _ => hint(error),
    }
}

/// 시그널의 이름과 번호. 예: `SIGKILL(9)`.
pub fn signal_name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(known) => format!("{}({signal})", known.as_str()),
        Err(_) => format!("{signal}번"),
    }
}
