//! 프로세스를 표준 테스트에서 시작합니다. `cargo test`가 실행하며, 예제를 복사하면 함께 복사됩니다.

use std::io::Write;
use std::process::{Command, Stdio};

use ipc_core::{Process, ProcessError};

ipc_core::test_support!();

fn divide(a: u32, b: u32) -> anyhow::Result<u32> {
    a.checked_div(b).ok_or_else(|| anyhow::anyhow!("0으로 나눌 수 없습니다"))
}

#[test]
fn a_value_or_a_named_failure_comes_back() -> anyhow::Result<()> {
    assert_eq!(Process::spawn(divide, (6, 3))?.join()?, 2);
    let failed = Process::spawn(divide, (1, 0))?.join();
    assert!(
        matches!(failed, Err(ProcessError::Failed { message, .. }) if message.contains("0으로"))
    );
    let panic = || -> () {
        std::panic::set_hook(Box::new(|_| ())); // 테스트의 출력을 어지럽히지 않습니다.
        panic!("앗")
    };
    let panicked = Process::spawn(panic, ())?.join();
    assert!(matches!(panicked, Err(ProcessError::Panicked { message, .. }) if message == "앗"));
    Ok(())
}

/// 자식은 테스트 실행기를 거치지 않고, 부모와 같은 인수를 봅니다.
#[test]
fn a_child_sees_the_arguments_of_its_parent() -> anyhow::Result<()> {
    let arguments = || std::env::args().collect::<Vec<_>>();
    assert_eq!(Process::spawn(arguments, ())?.join()?, arguments());
    Ok(())
}

/// 닫힌 파이프에 쓰면 시그널로 죽는 대신 에러를 받습니다. 보통의 Rust 프로그램과 같습니다.
#[test]
fn a_child_gets_an_error_from_a_closed_pipe() -> anyhow::Result<()> {
    let write = || -> std::io::Result<String> {
        let mut reader = Command::new("true").stdin(Stdio::piped()).spawn()?;
        let mut writer = reader.stdin.take().ok_or(std::io::ErrorKind::NotFound)?;
        reader.wait()?;
        Ok(format!("{:?}", writer.write_all(b"x").map_err(|error| error.kind())))
    };
    assert_eq!(Process::spawn(write, ())?.join()?, "Err(BrokenPipe)");
    Ok(())
}
