//! 학습자의 프로젝트에서 하게 되는 일들(examples-ko/own-project.md). 표준 테스트에서 프로세스를 시작합니다.
//!
//! 실행: `cargo test -p tests --test own_project`

use std::process::Command;
use std::sync::OnceLock;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use pool::{Pool, PoolError};

// ANCHOR: test
ipc_core::test_support!();

#[test]
fn a_child_computes() -> Result<()> {
    let process = Process::spawn(|n: u32| n * n, 7)?;
    assert_eq!(process.join()?, 49);
    Ok(())
}
// ANCHOR_END: test

// ANCHOR: static_pool
/// 프로그램 전체가 함께 쓰는 풀. 처음 쓸 때 작업자를 띄웁니다.
fn shared_pool() -> Result<&'static Pool, PoolError> {
    static POOL: OnceLock<Pool> = OnceLock::new();
    match POOL.get() {
        Some(pool) => Ok(pool),
        None => {
            let pool = Pool::new(2)?;
            // 다른 스레드가 먼저 만들었으면 이쪽 것은 버려집니다.
            Ok(POOL.get_or_init(|| pool))
        }
    }
}
// ANCHOR_END: static_pool

#[test]
fn a_pool_in_a_static_is_used_from_several_threads() -> Result<()> {
    let sums = std::thread::scope(|scope| {
        let work = || shared_pool()?.map(|n: u64| n * n, 0..10).map(|all| all.iter().sum::<u64>());
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.map(|thread| thread.join().expect("스레드가 패닉했습니다"))
    });
    for sum in sums {
        assert_eq!(sum?, 285);
    }
    Ok(())
}

// ANCHOR: async
use std::os::fd::AsFd;

use ipc_core::build::Message;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// 다른 일을 막지 않고 자식이 끝나기를 기다립니다. `Process`의 디스크립터는 자식이 끝나면 읽을 수 있게 됩니다.
#[allow(
    deprecated,
    reason = "새 이름인 register는 unsafe입니다. OwnedFd는 번호가 바뀌지 않아 이쪽도 안전합니다"
)]
async fn join<T: Message>(process: Process<T>) -> Result<T, ProcessError> {
    let fd = process.as_fd().try_clone_to_owned().map_err(ProcessError::Start)?;
    let ended = AsyncFd::with_interest(fd, Interest::READABLE).map_err(ProcessError::Start)?;
    drop(ended.readable().await.map_err(ProcessError::Start)?);
    process.join() // 이미 끝났으므로 기다리지 않습니다.
}
// ANCHOR_END: async

#[test]
fn two_processes_are_awaited_together() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let doubled = |n: u32| n * 2;
    let (first, second) = (Process::spawn(doubled, 1)?, Process::spawn(doubled, 2)?);
    let sum = runtime.block_on(async {
        let (first, second) = (join(first), join(second));
        Ok::<_, ProcessError>(first.await? + second.await?)
    })?;
    assert_eq!(sum, 6);
    Ok(())
}

/// `init()` 앞에서 실행기를 만들면, 자식의 작업도 그 실행기 안에서 실행됩니다.
#[test]
fn a_task_under_the_runtime_of_main_cannot_make_its_own() -> Result<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_faulty")).arg("--in-runtime").output()?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Cannot start a runtime from within a runtime"), "{said}");
    Ok(())
}

/// `String`은 에러 타입이 아니므로, `Result` 전체가 작업의 값입니다.
#[test]
fn a_string_as_an_error_is_a_value() -> Result<()> {
    let refuse = || Err::<u32, String>("거절합니다".to_owned());
    assert_eq!(Process::spawn(refuse, ())?.join()?, Err("거절합니다".to_owned()));
    let fail = || Err::<u32, _>(anyhow::anyhow!("거절합니다"));
    let failed = Process::spawn(fail, ())?.join();
    assert!(matches!(&failed, Err(ProcessError::Failed { .. })), "{failed:?}");
    Ok(())
}

/// 자식의 패닉은 자식의 표준 에러에 남고, 부모에게는 `Err`로 옵니다. 자식에서 설치한 훅은 자식에서만 쓰입니다.
#[test]
fn a_panic_of_a_child_is_an_error_here() -> Result<()> {
    let panic = || -> () {
        std::panic::set_hook(Box::new(|_| ()));
        panic!("앗")
    };
    let panicked = Process::spawn(panic, ())?.join();
    assert!(matches!(panicked, Err(ProcessError::Panicked { message, .. }) if message == "앗"));
    Ok(())
}
