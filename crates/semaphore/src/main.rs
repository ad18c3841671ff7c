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

const HELP: &str =
    "11.8 Semaphore: 여섯 프로세스 가운데 동시에 둘만 2초 걸리는 일을 합니다(약 6초).";
const PLACES: usize = 2;
const NUM_WORKERS: u32 = 6;

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(HELP);

    println!("--- Semaphore 예제 시작 ---");
    // ANCHOR: spawn
    let semaphore = Semaphore::new(PLACES)?;

    let mut processes = Vec::new();
    for i in 0..NUM_WORKERS {
        let args = (semaphore.clone(), i + 1);
        processes.push(Process::spawn(worker_with_semaphore, args)?);
    }
    for process in processes {
        process.join()?;
    }
    // ANCHOR_END: spawn

    println!("모든 워커 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Semaphore 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

// ANCHOR: worker
fn worker_with_semaphore(semaphore: Semaphore, worker_id: u32) -> Result<()> {
    println!("Process ID: {} - Worker {worker_id} 대기 중...", id());
    // 허가는 함수가 끝날 때 반납됩니다. 도중에 패닉하거나 죽어도 반납됩니다.
    let _permit = semaphore.acquire()?;
    println!("Process ID: {} - Worker {worker_id} 작업 시작! (동시 실행 가능 수: {PLACES})", id());
    sleep(Duration::from_secs(2));
    println!("Process ID: {} - Worker {worker_id} 작업 완료!", id());
    Ok(())
}
// ANCHOR_END: worker
