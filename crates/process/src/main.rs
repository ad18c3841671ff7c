//! 11.4 Process: 함수 둘을 두 프로세스에서 동시에 실행합니다
//!
//! 함수 하나를 새 프로세스에서 실행하고 끝나기를 기다립니다. 두 작업은 3초씩 걸리지만 동시에 실행되므로 전체도
//! 3초쯤에 끝납니다. 자식이 실패하면 `join`이 `Err`를 반환하므로 `main`이 모르고 지나갈 수 없습니다.
//!
//! 실행: `cargo run -p process` 또는 `just run-process`
//! 마지막 줄: `--- Process 예제 종료 ---`
//! 함께 보기: 시작의 원리는 `crates/ipc-core/src/process.rs`, 여러 작업은 11.3 `crates/pool`

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;

fn main() -> Result<()> {
    // 자식도 이 프로그램을 처음부터 다시 실행합니다. 자식은 이 줄에서 맡은 함수를 실행하고 끝납니다.
    ipc_core::init();
    ipc_core::help(include_str!("main.rs"));

    println!("--- Process 예제 시작 ---");

    // ANCHOR: spawn
    // ①② 만들면 바로 시작합니다.
    let p1 = Process::spawn(task1, ())?;
    let p2 = Process::spawn(task2, ())?;
    // ANCHOR_END: spawn

    // ANCHOR: join
    // ① 자식이 실패했거나 죽었으면 `?`가 main을 끝냅니다.
    p1.join()?;
    p2.join()?;
    // ANCHOR_END: join

    // 여기에 이르렀다면 두 자식이 모두 끝까지 실행된 것입니다.
    println!("모든 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Process 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn task1() {
    // ① id()는 이 줄을 실행하는 프로세스의 PID입니다.
    println!("Process ID: {} - Task 1 시작", id());
    for i in 1..=3 {
        // ② 이 프로세스만 잠듭니다.
        sleep(Duration::from_secs(1));
        println!("Process ID: {} - Task 1 진행 중... ({i}/3)", id());
    }
    println!("Process ID: {} - Task 1 완료", id()); // ③
}

// 반환하면 자식 프로세스도 종료되고, main의 join이 반환됩니다.
fn task2() {
    println!("Process ID: {} - Task 2 시작", id());
    for i in 1..=2 {
        sleep(Duration::from_millis(1500));
        println!("Process ID: {} - Task 2 진행 중... ({i}/2)", id());
    }
    println!("Process ID: {} - Task 2 완료", id());
}
