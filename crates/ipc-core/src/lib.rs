//! 프로세스 예제들이 함께 쓰는 다섯 가지입니다. 각각 파일 하나에 담겨 있습니다.
//!
//! | 하는 일 | 파일 | 쓰는 커널의 기능 |
//! | --- | --- | --- |
//! | 시작: 함수를 새 프로세스에서 | `process.rs`, `child.rs`, `task.rs`, `lifeline.rs` | `posix_spawn`, `pidfd`, `O_ASYNC` |
//! | 전달: 값을 복사해 보내기 | `channel.rs`, `frame.rs`, `codec.rs` | 유닉스 도메인 소켓, `SCM_RIGHTS` |
//! | 공유: 같은 메모리 보기 | `shared.rs`, `plain.rs` | `memfd_create`, `mmap` |
//! | 차례: 한 번에 하나씩 | `mutex.rs` | 로버스트 `pthread_mutex_t` |
//! | 대기: 바뀔 때까지 잠들기 | `futex.rs`, `ready.rs` | `futex`, `ppoll` |
//!
//! 데이터는 한 방향으로 흐릅니다: `main` → 예제의 기본 요소(락, 큐, …) → 이 크레이트 → 커널.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
compile_error!(
    "이 프로젝트는 리눅스 x86-64(glibc)에서 동작합니다. 윈도에서는 WSL2를, macOS에서는 리눅스 컨테이너나 가상 머신을 쓰십시오."
);

pub mod channel;
mod child;
pub mod codec;
mod error;
mod frame;
pub mod futex;
mod help;
mod hint;
mod lifeline;
mod mutex;
mod plain;
mod process;
pub mod ready;
mod shared;
mod task;

pub use channel::{Channel, ChannelError};
pub use child::{init, panic_message};
pub use codec::CodecError;
pub use error::{ProcessError, signal_name};
pub use help::help;
pub use hint::hint;
pub use mutex::{Mutex, MutexError, MutexGuard};
pub use plain::{Plain, Zeroed};
pub use process::Process;
pub use ready::wait_any;
pub use shared::{Shared, load_bytes, store_bytes};
pub use task::{Output, RemoteFn, Task, summon};
