//! 프로세스 예제들이 함께 쓰는 다섯 가지입니다: 시작, 전달, 공유, 차례, 대기.
//!
//! | 하는 일 | 파일 | 쓰는 시스템 호출과 라이브러리 함수 |
//! | --- | --- | --- |
//! | 시작: 함수를 새 프로세스에서 실행하기 | `process.rs`(부모), `child.rs`(자식), `task.rs`(함수), `kernel.rs`(커널의 확인) | `posix_spawn`, `pidfd`, `O_ASYNC` |
//! | 전달: 값을 복사해 보내기 | `message.rs`(보낼 수 있는 값), `channel.rs`, `parcel.rs`(바이트와 디스크립터), `codec.rs`, `frame.rs`(소켓) | 유닉스 도메인 소켓, `SCM_RIGHTS` |
//! | 공유: 같은 메모리 보기 | `shared.rs`, `slice.rs`(읽기만), `memory.rs`(메모리 파일), `words.rs`(바이트), `plain.rs`, `own.rs`(직접 만든 타입) | `memfd_create`, `mmap`, 봉인(seal) |
//! | 차례: 한 번에 하나씩 | `mutex.rs`, `clocklock.rs` | 로버스트 `pthread_mutex_t` |
//! | 대기: 누가 깨울 때까지 잠들기 | `wait.rs`, `awake.rs`(잠들기 전) | `futex`, `ppoll` |
//!
//! 에러는 `error.rs`에, 예제의 사용법은 `help.rs`에, 누가 언제 기다리고 쥐었는지의 기록은 `timeline.rs`에 있습니다. 호출은 한
//! 방향으로 이어집니다: `main` → 예제의 기본 요소(락, 큐, …) → 이 크레이트 → 커널.
//!
//! 프로그램을 작성하는 데 필요한 이름은 이 첫 화면에 있는 것이 전부입니다. 기본 요소를 *만드는* 데 쓰는 이름은 [`build`]에 따로
//! 모았습니다.

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    any(target_env = "gnu", target_env = "musl")
)))]
compile_error!(
    "이 프로젝트는 리눅스(x86-64, aarch64)에서 동작합니다. 윈도에서는 `wsl --install`로 WSL2를 설치하십시오. macOS에서는 도커로 `docker run -it --rm -v \"$PWD\":/here -w /here rust cargo run`을 실행하십시오."
);

mod awake;
mod channel;
mod child;
mod clocklock;
mod codec;
mod error;
mod frame;
mod help;
mod kernel;
mod memory;
mod message;
mod mutex;
mod own;
mod parcel;
mod plain;
mod process;
mod refusal;
mod shared;
mod slice;
mod strict;
mod task;
#[doc(hidden)]
pub mod testing;
mod timeline;
mod wait;
mod words;

pub use child::end_with_closed_output;
pub use child::init;
pub use codec::Json;
pub use error::{ChannelError, CodecError, ProcessError, signal_name};
pub use help::{help, refuse, show};
#[doc(hidden)]
pub use own::expansion;
pub use plain::Plain;
pub use process::Process;
pub use shared::Shared;
pub use slice::SharedSlice;
pub use wait::wait_any;

/// 락, 큐, 풀 같은 기본 요소를 만드는 데 쓰는 이름들입니다. 프로그램을 작성할 때는 필요하지 않습니다.
pub mod build {
    pub use crate::awake::Awake;
    pub use crate::channel::Channel;
    pub use crate::child::panic_message;
    pub use crate::codec::{decode, encode};
    pub use crate::error::{DESCRIPTORS_MAX, hint};
    pub use crate::message::{Accepts, Inline, Message};
    pub use crate::mutex::{Mutex, MutexError, MutexGuard};
    pub use crate::parcel::{Descriptor, Parcel};
    pub use crate::plain::Placed;
    pub use crate::shared::ReadOnly;
    pub use crate::task::{RemoteFn, Task, zero_sized};
    pub use crate::timeline::{Open, Span, SpanKind, What, begin, ended, waiting};
    pub use crate::wait::{
        Deadline, EventCount, RECHECK, Turns, after, expired, recheck, wait_all_ready,
    };
    pub use crate::words::{load_bytes, store_bytes, word_of};
}
