//! 11.5 가득 찬 큐: 꺼내기 전에 조인하면 영원히 기다릴 수 있습니다
//!
//! 큐가 가득 차면 `put`은 자리가 날 때까지 기다립니다. 그런데 아이템을 꺼낼 `main`이 생산자를 먼저 조인하면, 생산자는
//! 자리를 기다리고 `main`은 생산자를 기다립니다. 그 실수를 일부러 재현한 뒤, 먼저 꺼내면 끝나는 것을 확인합니다.
//!
//! 실행: `cargo run -p examples-ko --bin full-queue` 또는 `just run-full-queue`
//! 마지막 줄: `--- 가득 찬 큐 예제 종료 ---`
//! 함께 보기: 11.5 `crates/queue`, 제한 시간을 두고 기다리는 방법은 11.4 `crates/process`

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use ipc_core::{Process, ProcessError};
use queue::{Queue, QueueError};

const PLACES: u32 = 3;
const ITEMS: u32 = 10;
const LIMIT: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("full-queue.rs"));

    println!("--- 가득 찬 큐 예제 시작 ---");
    join_first()?;
    drain_first()?;
    println!("--- 가득 찬 큐 예제 종료 ---");
    Ok(())
}

/// 실수: 꺼내기 전에 조인합니다.
fn join_first() -> Result<()> {
    println!("아이템 {PLACES}개까지 담는 큐에 {ITEMS}개를 넣는 생산자를 먼저 조인하면");
    // ANCHOR: join_first
    let queue = Queue::with_maxsize(PLACES)?;
    let mut p_producer = Process::spawn(producer, (queue.clone(),))?;
    // join()이라면 여기서 영원히 기다립니다. 생산자는 자리를 기다리고, 꺼낼 main은 생산자를 기다립니다.
    let Err(ProcessError::Timeout { .. }) = p_producer.join_timeout(LIMIT) else {
        bail!("생산자가 끝났습니다. 큐가 가득 차서 기다리고 있어야 합니다");
    };
    // ANCHOR_END: join_first
    println!(
        "  {}초가 지나도 생산자가 끝나지 않습니다. 큐에는 {}개가 있습니다.",
        LIMIT.as_secs(),
        queue.len()
    );

    let items = drain(&queue)?;
    p_producer.join()?;
    println!("  이제 꺼내기 시작하자 {}개를 모두 받았고, 생산자도 끝났습니다.", items.len());
    Ok(())
}

/// 바른 순서: 다 꺼낸 다음 조인합니다.
fn drain_first() -> Result<()> {
    println!("먼저 꺼내고 나중에 조인하면");
    // ANCHOR: drain_first
    let queue = Queue::with_maxsize(PLACES)?;
    let p_producer = Process::spawn(producer, (queue.clone(),))?;
    let items = drain(&queue)?;
    p_producer.join()?;
    // ANCHOR_END: drain_first
    println!("  {}개를 모두 받았고, 생산자도 끝났습니다.", items.len());
    Ok(())
}

fn drain(queue: &Queue<u32>) -> Result<Vec<u32>, QueueError> {
    // 생산자가 닫을 때까지 꺼냅니다.
    queue.iter().collect()
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn producer(queue: Queue<u32>) -> Result<()> {
    for item in 1..=ITEMS {
        queue.put(&item)?;
    }
    ensure!(queue.len() <= PLACES as usize, "큐가 정한 수보다 많이 담았습니다");
    Ok(queue.close()?)
}
