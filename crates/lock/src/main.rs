//! 11.7 Lock

use anyhow::Result;
use std::process::id;

use ipc_core::Process;
use lock::Lock;

const NUM_PROCESSES: usize = 4;
const INCREMENTS: u32 = 100_000;

fn main() -> Result<()> {
    ipc_core::init();
    println!("--- Lock 예제 시작 ---");
    let shared_counter = Lock::new(0)?;

    let mut processes = Vec::new();
    for _ in 0..NUM_PROCESSES {
        processes.push(Process::spawn(increment_shared_counter, (shared_counter.clone(),))?);
    }
    for process in processes {
        process.join()?;
    }
    println!("최종 카운터 값: {}", *shared_counter.acquire()?);
    println!("--- Lock 예제 종료 ---");
    Ok(())
}

fn increment_shared_counter(counter: Lock<u32>) -> Result<()> {
    println!("Process ID: {} - 카운터 증가 시작", id());
    for _ in 0..INCREMENTS {
        *counter.acquire()? += 1;
    }
    println!("Process ID: {} - 카운터 증가 완료", id());
    Ok(())
}
