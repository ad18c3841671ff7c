//! 공유 메모리를 쓰는 코드를, 가능한 모든 순서로 실행해 보는 모형입니다.
//!
//! 코드는 베낀 것이 아니라 `crates`의 파일 그대로입니다. `build.rs`가 아토믹과 커널의 자리에 대역([`machine`])을 끼워
//! 컴파일합니다. 프로세스는 loom의 스레드이며, 공유 메모리나 커널을 바꾸는 어느 걸음에서나 죽을 수 있습니다.
//!
//! | 파일 | 모형에서 |
//! | --- | --- |
//! | `ipc-core`의 `wait.rs`, `mutex.rs`, `plain.rs`, `words.rs` | 그대로. 퓨텍스와 pthread와 시계는 대역 |
//! | `ipc-core`의 `shared.rs` | 대역. 매핑은 `Arc` |
//! | `queue`의 모든 파일 | 그대로 |
//! | `pool`의 `board.rs` | 그대로. 크기만 줄임 |

pub mod machine;

include!(concat!(env!("OUT_DIR"), "/lists.rs"));

/// `ipc_core`의 자리.
#[allow(dead_code, unused_imports, reason = "모형이 쓰지 않는 것도 있습니다")]
#[allow(clippy::collapsible_if, reason = "비트는 줄을 if로 감쌉니다")]
pub mod core {
    mod memory;

    pub(crate) mod wait {
        include!(concat!(env!("OUT_DIR"), "/wait.rs"));
    }
    #[allow(improper_ctypes, reason = "pthread의 대역은 C의 타입이 아닙니다")]
    pub(crate) mod mutex {
        include!(concat!(env!("OUT_DIR"), "/mutex.rs"));
    }
    pub(crate) mod plain {
        include!(concat!(env!("OUT_DIR"), "/plain.rs"));
    }
    pub(crate) mod words {
        include!(concat!(env!("OUT_DIR"), "/words.rs"));
    }

    pub use ipc_core::{CodecError, debug_is_display};
    pub use memory::Shared;

    pub(crate) mod error {
        pub(crate) use ipc_core::debug_is_display;
    }

    pub mod build {
        pub use super::memory::ReadOnly;
        pub use super::mutex::{Mutex, MutexError, MutexGuard};
        pub use super::plain::Placed;
        pub use super::wait::{Deadline, EventCount, RECHECK, after};
        pub use super::words::{load_bytes, store_bytes, word_of};
        pub use ipc_core::build::{Accepts, Inline, SpanKind, decode, encode, hint, waiting};
    }
}

/// 큐.
#[allow(dead_code, clippy::len_without_is_empty, reason = "모형이 쓰지 않는 것도 있습니다")]
pub mod queue {
    include!(concat!(env!("OUT_DIR"), "/queue.rs"));
}

/// 풀의 게시판과 책상.
#[allow(dead_code, reason = "모형이 쓰지 않는 것도 있습니다")]
pub mod pool {
    pub mod board {
        include!(concat!(env!("OUT_DIR"), "/board.rs"));
    }
}
