//! 11.4 Process — 함수 둘을 두 프로세스에서 동시에 실행합니다.

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;

fn main() -> Result<()> {
    ipc_core::init();
    println!("--- Process 예제 시작 ---");

    let p1 = Process::spawn(task1, ())?;
    let p2 = Process::spawn(task2, ())?;

    p1.join()?;
    p2.join()?;

    println!("모든 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Process 예제 종료 ---");
    Ok(())
}

fn task1() {
    println!("Process ID: {} - Task 1 시작", id());
    for i in 1..=3 {
        sleep(Duration::from_secs(1));
        println!("Process ID: {} - Task 1 진행 중... ({i}/3)", id());
    }
    println!("Process ID: {} - Task 1 완료", id());
}

fn task2() {
    println!("Process ID: {} - Task 2 시작", id());
    for i in 1..=2 {
        sleep(Duration::from_millis(1500));
        println!("Process ID: {} - Task 2 진행 중... ({i}/2)", id());
    }
    println!("Process ID: {} - Task 2 완료", id());
}
