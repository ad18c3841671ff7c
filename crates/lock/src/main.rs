//! 11.7 Lock: 네 프로세스가 카운터 하나를 증가시킵니다
//!
//! 네 프로세스가 공유 카운터를 10만 번씩 증가시킵니다. 락이 한 번에 한 프로세스만 들여보내므로 갱신이 사라지지 않습니다.
//! 파이썬에서는 락을 획득하지 않고도 값(`Value`)을 바꿀 수 있지만, 여기서는 값이 락 안에 있어 락을 획득해야만 접근할 수 있습니다.
//!
//! 실행: `cargo run -p lock` 또는 `just run-lock`
//! 마지막 줄: `--- Lock 예제 종료 ---`. 바로 위의 카운터 값은 언제나 400000입니다.
//! 함께 보기: 락은 `lock.rs`, 그 밑의 뮤텍스는 `crates/ipc-core/src/mutex.rs`

use std::process::id;

use anyhow::Result;
use ipc_core::Process;
use lock::Lock;

const NUM_PROCESSES: usize = 4;
const INCREMENTS: u32 = 100_000;

fn main() -> Result<()> {
    // 자식도 이 프로그램을 처음부터 다시 실행합니다. 자식은 이 줄에서 맡은 함수를 실행하고 끝납니다.
    ipc_core::init();
    ipc_core::help(include_str!("main.rs"));

    println!("--- Lock 예제 시작 ---");

    // ANCHOR: shared
    // ① 파이썬의 Value('i', 0)과 Lock()이 하나입니다.
    let shared_counter = Lock::new(0)?;

    let mut processes = Vec::new();
    for _ in 0..NUM_PROCESSES {
        // ② 복제해도 카운터는 하나입니다. 핸들만 전달됩니다.
        let counter = shared_counter.clone();
        processes.push(Process::spawn(increment_shared_counter, (counter,))?);
    }
    // ③ 모두 띄운 뒤에 기다립니다.
    for process in processes {
        process.join()?;
    }
    // ANCHOR_END: shared

    // 자식들이 모두 끝났어도, 값을 읽으려면 락을 획득해야 합니다.
    println!("최종 카운터 값: {}", *shared_counter.acquire()?);
    println!("--- Lock 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn increment_shared_counter(counter: Lock<u32>) -> Result<()> {
    // id()는 이 줄을 실행하는 프로세스의 PID입니다.
    println!("Process ID: {} - 카운터 증가 시작", id());
    for _ in 0..INCREMENTS {
        // ①②③ 가드가 이 줄 끝에서 사라지며 해제합니다.
        *counter.acquire()? += 1;
    }
    println!("Process ID: {} - 카운터 증가 완료", id());
    Ok(())
}
