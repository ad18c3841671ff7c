//! 11.5 진행 상황: 일하는 프로세스가 죽어도 끝나는 반복
//!
//! 작업 네 개가 한 단계를 마칠 때마다 큐에 알리고, `main`은 알림을 꺼내 그립니다. 작업 하나는 도중에 죽습니다. 큐는 더 넣을
//! 프로세스가 남았는지 알 수 없으므로, 모든 작업이 *어떻게 끝나든* 누군가 큐를 닫아 주어야 `main`의 반복이 끝납니다.
//!
//! 실행: `cargo run -p examples-ko --bin progress` 또는 `just run-progress`
//! 마지막 줄: `--- 진행 상황 예제 종료 ---`
//! 함께 보기: 종료 신호로 끝내는 방법은 11.5 `crates/queue`, 파이프의 EOF는 11.6 `crates/pipe`

use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use ipc_core::{Process, ProcessError};
use queue::{Queue, QueueError};

const JOBS: u32 = 4;
const STEPS: u32 = 3;
/// 이 작업은 첫 단계만 마치고 죽습니다.
const DOOMED: u32 = 3;

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("progress.rs"));

    println!("--- 진행 상황 예제 시작 ---");

    // ANCHOR: jobs
    let events: Queue<(u32, u32)> = Queue::new()?;
    let jobs = (1..=JOBS)
        .map(|job| Process::spawn(work, (events.clone(), job)))
        .collect::<Result<Vec<_>, _>>()?;
    // ANCHOR_END: jobs

    // ANCHOR: close
    // 작업이 모두 끝나기를 기다렸다가 큐를 닫는 스레드입니다. join은 작업이 죽어도 반환하므로, 큐는 반드시 닫힙니다.
    let all = events.clone();
    let closer = thread::spawn(move || {
        let endings: Vec<Result<(), ProcessError>> = jobs.into_iter().map(Process::join).collect();
        all.close().map(|()| endings)
    });
    // ANCHOR_END: close

    // ANCHOR: draw
    let mut done = 0;
    for event in &events {
        let (job, step) = event?;
        done += 1;
        println!("진행 {done:>2}/{}: 작업 {job}의 {step}단계", JOBS * STEPS);
    }
    // 큐가 닫혔습니다. 이제 각 작업이 어떻게 끝났는지 압니다.
    let endings = closer.join().map_err(|_| anyhow!("기다리던 스레드가 패닉했습니다"))??;
    // ANCHOR_END: draw

    ensure!(done == (JOBS - 1) * STEPS + 1, "알림이 {done}개뿐입니다");
    for (job, ending) in (1..).zip(endings) {
        match ending {
            Ok(()) => println!("작업 {job}: 마쳤습니다."),
            Err(error) => println!("작업 {job}: {error}"),
        }
    }
    println!("--- 진행 상황 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

// ANCHOR: work
fn work(events: Queue<(u32, u32)>, job: u32) -> Result<(), QueueError> {
    for step in 1..=STEPS {
        sleep(Duration::from_millis(200));
        if job == DOOMED && step > 1 {
            std::process::abort(); // 종료 신호를 넣을 틈도 없이 죽습니다.
        }
        events.put(&(job, step))?;
    }
    Ok(())
}
// ANCHOR_END: work
