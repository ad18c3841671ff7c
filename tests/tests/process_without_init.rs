//! `ipc_core::init()`을 호출하지 않은 프로그램은 자식을 시작하지 못합니다.
//!
//! 다른 테스트는 모두 `init()`으로 시작하므로, 호출하지 않는 프로그램이 따로 있어야 합니다. 이 파일은 표준 테스트 틀을
//! 쓰며 `init()`을 호출하지 않습니다. 그대로 시작했다면 자식이 이 테스트를 다시 실행해 자식을 또 만들었을 것입니다.

use ipc_core::{Process, ProcessError};

#[test]
fn spawn_without_init_is_an_error() {
    for _ in 0..3 {
        match Process::spawn(|| 1u8, ()) {
            Err(ProcessError::NotInitialized) => {}
            other => panic!("NotInitialized여야 하는데 {other:?}입니다"),
        }
    }
    let message = ProcessError::NotInitialized.to_string();
    assert!(message.contains("ipc_core::init();"), "무엇을 적을지 알려야 합니다: {message}");
}
