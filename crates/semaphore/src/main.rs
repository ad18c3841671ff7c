//! 11.8 Semaphore

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use semaphore::Semaphore;

const NUM_WORKERS: u32 = 6;

fn main() -> Result<()> {
    ipc_core::init();
    println!("--- Semaphore 예제 시작 ---");
    let semaphore = Semaphore::new(2)?;

    let mut processes = Vec::new();
    for i in 0..NUM_WORKERS {
        processes.push(Process::spawn(worker_with_semaphore, (semaphore.clone(), i + 1))?);
    }
    for process in processes {
        process.join()?;
    }
    println!("모든 워커 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Semaphore 예제 종료 ---");
    Ok(())
}

fn worker_with_semaphore(semaphore: Semaphore, worker_id: u32) -> Result<()> {
    println!("Process ID: {} - Worker {worker_id} 대기 중...", id());
    let _permit = semaphore.acquire()?;
    println!("Process ID: {} - Worker {worker_id} 작업 시작! (동시 실행 가능 수: 2)", id());
    sleep(Duration::from_secs(2));
    println!("Process ID: {} - Worker {worker_id} 작업 완료!", id());
    Ok(())
}
