//! 테스트가 함께 쓰는 도구입니다.
//!
//! | 하는 일 | 파일 |
//! | --- | --- |
//! | 테스트를 실행하고, 멈추면 끊고, 남은 것을 찾습니다 | `harness.rs`, `leftover.rs` |
//! | 예제 프로그램을 띄워 줄마다 받습니다 | `lesson.rs`, `running.rs`, `transcript.rs` |
//! | 예제 프로그램을 도중에 죽입니다 | `breaking.rs` |
//! | 저장소 밖에 패키지를 만들어 빌드합니다 | `package.rs` |
//! | 컴파일되지 않아야 하는 프로그램을 지어 봅니다 | `traps.rs` |
//! | 프로세스의 상태를 봅니다 | `procfs.rs` |
//! | 프로세스가 커널 안에서 깊이 잠들었는지 봅니다 | `asleep.rs` |
//! | 끝나지 않는 프로그램을, 멈춘 것이 분명할 때 끝냅니다 | `hang.rs` |
//! | 일어나기를 기다리고, 걸린 시간을 잽니다 | `wait.rs` |
//! | 여러 테스트의 자식이 함께 하는 일 | `children.rs` |
//! | 같은 일을 ipc-channel로 하면 멈추는 자리 | `foreign.rs` |
//! | 프로세스 하나에 시그널을 쏟아붓습니다 | `pestering.rs` |
//! | 가짜 터미널에서 실행하고 화면을 읽습니다 | `terminal.rs` |
//! | 일부러 죽이고 막기를 되풀이합니다 | `torture.rs`, `torture/` |
//! | 스레드, 커널, 파이썬과 속도를 비교합니다 | `compare.rs`, `compare/` |

pub mod asleep;
pub mod breaking;
pub mod children;
pub mod compare;
pub mod foreign;
pub mod hang;
pub mod harness;
mod leftover;
pub mod lesson;
pub mod package;
pub mod pestering;
pub mod procfs;
mod running;
pub mod terminal;
pub mod torture;
pub mod transcript;
pub mod traps;
pub mod wait;

/// 여러 프로세스가 함께 올리는 수.
pub type Counter = ipc_core::Shared<std::sync::atomic::AtomicU32>;

/// 0에서 시작하는 [`Counter`].
pub fn counter() -> anyhow::Result<Counter> {
    Ok(ipc_core::Shared::new(std::sync::atomic::AtomicU32::new(0))?)
}

/// 식이 주어진 모양이 아니면, 실제 값을 보여 주며 테스트를 끝냅니다.
#[macro_export]
macro_rules! ensure_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        match $value {
            $pattern $(if $guard)? => {}
            other => anyhow::bail!(
                "모양이 다릅니다: {}\n  기대한 모양: {}\n  실제 값: {:?}",
                stringify!($value),
                stringify!($pattern $(if $guard)?),
                other
            ),
        }
    };
}

/// 두 값이 다르면, 둘을 보여 주며 테스트를 끝냅니다.
#[macro_export]
macro_rules! ensure_eq {
    ($left:expr, $right:expr) => {
        match (&$left, &$right) {
            (left, right) => anyhow::ensure!(
                left == right,
                "두 값이 다릅니다: {} == {}\n  왼쪽: {:?}\n  오른쪽: {:?}",
                stringify!($left),
                stringify!($right),
                left,
                right
            ),
        }
    };
}
