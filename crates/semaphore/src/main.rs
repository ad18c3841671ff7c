//! 11.8 Semaphore: 여섯 프로세스가 두 자리를 번갈아 씁니다
//!
//! 여섯 프로세스가 2초씩 걸리는 일을 하려 하지만, 세마포어는 동시에 둘만 들여보냅니다. 그래서 둘씩 세 번,
//! 모두 6초쯤 걸립니다. 허가(permit)는 하나의 값이고 이 값이 사라지면 자리가 반납되므로, 반납을 잊을 수 없습니다.
//!
//! 실행: `cargo run -p semaphore` 또는 `just run-semaphore`
//! 마지막 줄: `--- Semaphore 예제 종료 ---`
//! 함께 보기: 세마포어는 `semaphore.rs`, 자리가 하나뿐이면 11.7 `crates/lock`

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use semaphore::Semaphore;

const PLACES: usize = 2;
const NUM_WORKERS: u32 = 6;

fn main() -> Result<()> {
    // 자식도 이 프로그램을 처음부터 다시 실행합니다. 자식은 이 줄에서 맡은 함수를 실행하고 끝납니다.
    ipc_core::init();
    ipc_core::help(include_str!("main.rs"));

    println!("--- Semaphore 예제 시작 ---");
    // ANCHOR: spawn
    let semaphore = Semaphore::new(PLACES)?; // ①

    let mut processes = Vec::new();
    for i in 0..NUM_WORKERS {
        // ② 핸들을 복제해도 자리는 여섯이 함께 씁니다.
        let args = (semaphore.clone(), i + 1);
        processes.push(Process::spawn(worker_with_semaphore, args)?);
    }
    // ③ 모두 띄운 뒤에 기다립니다.
    for process in processes {
        process.join()?;
    }
    // ANCHOR_END: spawn

    println!("모든 워커 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Semaphore 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn worker_with_semaphore(semaphore: Semaphore, worker_id: u32) -> Result<()> {
    // id()는 이 줄을 실행하는 프로세스의 PID입니다.
    println!("Process ID: {} - Worker {worker_id} 대기 중...", id());
    let _permit = semaphore.acquire()?; // ①
    println!("Process ID: {} - Worker {worker_id} 작업 시작! (동시 실행 가능 수: {PLACES})", id());
    sleep(Duration::from_secs(2)); // ②
    println!("Process ID: {} - Worker {worker_id} 작업 완료!", id());
    // ③ 허가가 사라지며 자리가 반납됩니다.
    // 도중에 패닉하거나 죽어도 반납됩니다.
    Ok(())
}
