//! 에러들과, 막혔을 때 할 일.
//!
//! 에러의 `Debug`는 `Display`와 같습니다. `unwrap()`이나 `main`의 `Err`로 나와도 무엇을 해야 하는지 읽을 수 있습니다.
//!
//! `Display`는 안에 담긴 에러까지 온전한 문장으로 말합니다. 그래서 `source()`는 언제나 `None`입니다. 둘 다 하면 anyhow의
//! `{:#}`처럼 `source()`를 따라가는 출력이 같은 말을 두 번 합니다. 담긴 에러 자체는 열거형의 필드에 있습니다.

use std::io;

use nix::sys::signal::Signal;
use rustix::io::Errno;

/// 메시지 하나에 실을 수 있는 디스크립터의 최대 개수(커널의 `SCM_MAX_FD`는 253이고, 둘은 큰 내용의 몫).
pub const DESCRIPTORS_MAX: usize = 251;
/// 에러 타입의 `Debug`를 `Display`와 같게 합니다.
#[doc(hidden)]
#[macro_export]
macro_rules! debug_is_display {
    ($($error:ty),* $(,)?) => { $(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )* };
}

pub use debug_is_display;

debug_is_display!(CodecError, ChannelError, ProcessError);

/// 값을 바이트로, 또는 바이트를 값으로 바꾸지 못한 이유입니다.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// `Serialize` 구현이 실패했습니다.
    #[error(
        "`{type_name}` 값을 직렬화하지 못했습니다({reason}). 이 타입의 Serialize 구현을 확인하십시오"
    )]
    Encode { type_name: &'static str, reason: String },
    /// 바이트가 타입과 맞지 않거나 `Deserialize` 구현이 실패했습니다.
    #[error(
        "받은 바이트를 `{type_name}` 값으로 읽지 못했습니다({reason}). 이 타입의 Deserialize 구현을 확인하십시오"
    )]
    Decode { type_name: &'static str, reason: String },
    /// 값마다 필드의 수나 모양이 달라지는 타입이라 바이트만 보고 읽을 수 없습니다
    /// (`skip_serializing_if`, `untagged`, `flatten`, `serde_json::Value` 등).
    #[error(
        "`{type_name}`: 값에 따라 모양이 달라지는 타입이라 그대로 보낼 수 없습니다({reason}). ipc_core::Json(값)으로 감싸 보내십시오"
    )]
    NeedsJson { type_name: &'static str, reason: String },
    /// 디스크립터가 든 값을 디스크립터를 옮길 수 없는 곳(큐, 파일)에 넣으려 했습니다.
    #[error(
        "`{type_name}`: 디스크립터가 든 값은 Process의 인수나 파이프로만 보낼 수 있습니다. 큐에 넣지 말고 그렇게 보내십시오"
    )]
    NotInline { type_name: &'static str },
    /// 값에 든 디스크립터나 공유 메모리를 옮기다가 운영체제가 거절했습니다.
    #[error(
        "`{type_name}` 값에 든 디스크립터를 옮기지 못했습니다({}). {}",
        io::Error::from_raw_os_error(*.errno),
        hint(&io::Error::from_raw_os_error(*.errno))
    )]
    Descriptor { type_name: &'static str, errno: i32 },
}

/// 보내거나 받지 못한 이유입니다.
#[derive(thiserror::Error)]
pub enum ChannelError {
    /// 상대가 자기 쪽을 닫았거나 죽었습니다.
    #[error("상대 쪽이 닫혔습니다. 상대가 일을 마쳤는지 죽었는지는 join으로 확인하십시오")]
    Disconnected,
    /// 제한 시간이 지났습니다. 채널은 그대로 쓸 수 있습니다.
    #[error(
        "제한 시간 안에 끝나지 않았습니다. 상대가 살아 있는지 보고, 더 기다리려면 다시 호출하십시오"
    )]
    Timeout,
    /// 값을 바이트로, 또는 바이트를 값으로 바꾸지 못했습니다.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// 보낸 타입과 받으려는 타입이 다릅니다.
    #[error("`{expected}` 값을 받으려 했으나 다른 타입의 값이 왔습니다. 양쪽의 타입을 맞추십시오")]
    TypeMismatch { expected: &'static str },
    /// 값 하나에 디스크립터가 너무 많습니다.
    #[error(
        "디스크립터 {count}개를 한 번에 보낼 수 없습니다(최대 {DESCRIPTORS_MAX}개). 여러 번에 나누어 보내십시오"
    )]
    TooManyHandles { count: usize },
    /// 이 프로젝트가 만든 프레임이 아닙니다. 그 메시지는 버려집니다.
    #[error(
        "알 수 없는 프레임을 받았습니다({0}). 채널의 소켓에 다른 프로그램이 쓰고 있는지 확인하십시오"
    )]
    Malformed(&'static str),
    /// 디스크립터나 메모리가 모자라는 등, 운영체제의 에러입니다.
    #[error("운영체제가 통신을 거절했습니다({0}). {hint}", hint = hint(.0))]
    Io(io::Error),
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            // 읽지 않은 메시지를 남긴 채 상대가 닫으면 커널은 보내는 쪽에도 ECONNRESET을 알립니다.
            Some(Errno::PIPE | Errno::CONNRESET) => ChannelError::Disconnected,
            _ => ChannelError::Io(error),
        }
    }
}

impl From<Errno> for ChannelError {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// 프로세스를 시작하지 못했거나, 작업이 값을 반환하지 못한 이유입니다.
///
/// `process`에는 작업의 이름과 PID가 들어 있습니다.
#[derive(thiserror::Error)]
pub enum ProcessError {
    /// `main`의 첫 줄에 `init()`이 없습니다.
    #[error(
        "ipc_core::init()을 먼저 호출해야 합니다. main 함수의 첫 줄에 `ipc_core::init();`을 적으십시오. #[test]에서 시작한다면 그 파일에 `ipc_core::test_support!();`를 적으십시오"
    )]
    NotInitialized,
    /// 함수가 이 크레이트와 다른 파일(동적 라이브러리)에 있어, 자식이 그 함수를 찾을 수 없습니다.
    #[error(
        "`{task}` 함수는 ipc-core와 다른 실행 파일이나 라이브러리에 있습니다. prefer-dynamic이나 dylib 없이 정적으로 링크하십시오"
    )]
    OtherObject { task: &'static str },
    /// 커널이 너무 오래되었거나 컨테이너가 막아, 반드시 필요한 호출을 쓸 수 없습니다.
    #[error(
        "커널의 `{call}` 호출을 쓸 수 없습니다({error}). 리눅스 5.4 이상에서, 컨테이너라면 이 호출을 막지 않는 곳(도커 20.10 이상)에서 실행하십시오"
    )]
    Kernel { call: &'static str, error: io::Error },
    /// 운영체제가 새 프로세스를 거절했습니다.
    #[error("프로세스를 시작하지 못했습니다({0}). {hint}", hint = start_hint(.0))]
    Start(io::Error),
    /// 자식이 `init()`에 이르기 전에 끝났습니다. 작업은 시작하지도 않았습니다.
    #[error(
        "{process} 프로세스가 ipc_core::init()에 이르기 전에 끝났습니다({how}). init()을 main의 첫 줄로 옮기십시오. 그 앞에서 인수나 표준 입력을 읽고 끝내는 코드가 흔한 이유입니다. #[test]라면 그 파일에 ipc_core::test_support!()를 적으십시오"
    )]
    EndedBeforeInit { process: String, how: String },
    /// 인수나 결과를 전하지 못했습니다.
    #[error("프로세스와 값을 주고받지 못했습니다: {0}")]
    Channel(ChannelError),
    /// 작업이 `Err`를 반환했습니다.
    #[error("{process} 작업이 실패했습니다: {message}")]
    Failed { process: String, message: String },
    /// 작업이 패닉했습니다.
    #[error("{process} 작업이 패닉했습니다: {message}")]
    Panicked { process: String, message: String },
    /// 작업이 값을 반환하지 않고 스스로 프로세스를 끝냈습니다.
    #[error(
        "{process} 프로세스가 값을 반환하지 않고 끝났습니다(종료 코드 {code}). 작업 안에서 exit을 호출하지 않았는지 확인하십시오"
    )]
    Exited { process: String, code: i32 },
    /// 시그널이 프로세스를 죽였습니다.
    #[error("{process} 프로세스가 {} 시그널로 죽었습니다. {}", signal_name(*.signal), signal_hint(*.signal))]
    Killed { process: String, signal: i32 },
    /// 다른 코드가 먼저 자식을 회수해, 어떻게 끝났는지 알 수 없습니다.
    #[error(
        "{process} 프로세스가 어떻게 끝났는지 알 수 없습니다. 이 프로그램의 다른 코드가 waitpid(-1)로 먼저 회수하지 않는지 확인하십시오"
    )]
    Reaped { process: String },
    /// 제한 시간이 지났습니다. 프로세스는 계속 실행 중입니다.
    #[error(
        "{process} 프로세스가 제한 시간 안에 끝나지 않았습니다. 더 기다리거나 terminate로 끝내십시오"
    )]
    Timeout { process: String },
    /// 이미 결과를 받아 갔습니다.
    #[error("{process} 프로세스의 결과는 이미 받아 갔습니다")]
    AlreadyJoined { process: String },
}

impl From<ChannelError> for ProcessError {
    fn from(error: ChannelError) -> Self {
        ProcessError::Channel(error)
    }
}

/// 자식을 시작하지 못했을 때 할 일. 자식은 이 프로그램의 실행 파일(`/proc/self/exe`)을 다시 실행한 것입니다.
fn start_hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EACCES) => {
            "실행 중에 실행 파일이 실행 권한을 잃었습니다. 다시 빌드해 처음부터 실행하십시오"
        }
        Some(libc::ENOENT) => "/proc/self/exe가 없습니다. /proc가 보이는 곳에서 실행하십시오",
        Some(libc::E2BIG) => "명령행 인수와 환경 변수가 너무 깁니다. 줄이십시오",
        _ => hint(error),
    }
}

fn signal_hint(signal: i32) -> &'static str {
    match signal {
        libc::SIGKILL => "직접 끝낸 것이 아니면 메모리가 모자랐는지 dmesg를 확인하십시오",
        libc::SIGTERM | libc::SIGINT | libc::SIGHUP => "누가 끝냈는지 확인하십시오",
        _ => "표준 에러에 남은 것이 있는지 확인하십시오",
    }
}

/// 시그널의 이름과 번호. 예: `SIGKILL(9)`.
pub fn signal_name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(known) => format!("{}({signal})", known.as_str()),
        Err(_) => format!("{signal}번"),
    }
}

/// 거절한 이유(errno)에 맞는 할 일 한 문장. 에러 메시지의 끝에 붙입니다.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(24); // EMFILE
/// assert!(ipc_core::build::hint(&error).contains("ulimit -n"));
/// ```
pub fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "열린 파일의 한도(ulimit -n)를 확인하십시오",
        Some(libc::ETOOMANYREFS) => {
            "보냈지만 아직 읽지 않은 디스크립터가 한도(ulimit -n)를 넘었습니다. 받는 쪽이 읽게 하거나 한도를 올리십시오"
        }
        Some(libc::EAGAIN) => "프로세스의 한도(ulimit -u, 컨테이너라면 pids.max)를 확인하십시오",
        Some(libc::ENOMEM) => {
            "남은 메모리와 한도(ulimit -v, /proc/sys/vm/max_map_count)를 확인하십시오"
        }
        Some(libc::ENOSYS) => {
            "커널이 너무 오래되었거나 컨테이너가 막은 호출입니다. 리눅스 5.4 이상에서 실행하십시오"
        }
        // 운영체제에 맡기기도 전에, 너무 큰 크기를 거절한 것입니다.
        None => "크기를 줄이십시오",
        _ => "운영체제의 한도(ulimit -a)와 컨테이너의 제한을 확인하십시오",
    }
}
