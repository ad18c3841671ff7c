//! 시그널이 쉴 새 없이 옵니다.

mod operations;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use anyhow::{Context, Result};
use ipc_channel::ipc;
use ipc_core::Process;
use lock::Lock;
use pipe::{Duplex, duplex};
use queue::Queue;
use semaphore::Semaphore;
use serde::{Deserialize, Serialize};

use crate::children::wait_count;
use crate::pestering::{count_signals, pestered};
use crate::torture::Round;
use crate::wait::PATIENCE;
use crate::{Counter, counter};
use operations::{OPERATIONS, wait_pestered};

/// 시달리는 프로세스가 쓰는 것.
#[derive(Clone, Serialize, Deserialize)]
struct Stage {
    lock: Lock<u32>,
    semaphore: Semaphore,
    queue: Queue<u32>,
    seen: Counter,
    ready: Counter,
}

impl Stage {
    fn new() -> Result<Stage> {
        Ok(Stage {
            lock: Lock::new(0)?,
            semaphore: Semaphore::new(1)?,
            queue: Queue::with_capacity(64)?,
            seen: counter()?,
            ready: counter()?,
        })
    }
}

fn endure(stage: Stage, conn: Duplex<u32, u32>, operation: usize) -> Result<()> {
    count_signals(&stage.seen)?;
    stage.ready.fetch_add(1, SeqCst);
    OPERATIONS[operation].1(&stage, &conn)
}

pub fn round(round: &mut Round) -> Result<()> {
    let operation = round.number as usize % OPERATIONS.len();
    let (name, _, parents) = OPERATIONS[operation];
    let stage = Stage::new()?;
    let (conn, childs) = duplex()?;
    let mut victim = Process::spawn(endure, (stage.clone(), childs, operation))?;
    wait_count("자식이 처리기를 설치하기", &stage.ready, 1)?;
    let pause = Duration::from_micros(round.random.u64(0..300));
    pestered(victim.id(), pause, || parents(&stage, &conn).context(name))?;
    victim.join_timeout(PATIENCE)?;
    Ok(())
}

fn foreign_recv(stage: Stage) -> Result<()> {
    count_signals(&stage.seen)?;
    let (_sender, receiver) = ipc::channel::<u32>()?;
    stage.ready.fetch_add(1, SeqCst);
    let refused = receiver.try_recv_timeout(Duration::from_secs(1));
    anyhow::bail!("1초를 기다릴 try_recv_timeout이 다르게 끝났습니다: {refused:?}")
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    let stage = Stage::new()?;
    let mut victim = Process::spawn(foreign_recv, (stage.clone(),))?;
    wait_count("자식이 처리기를 설치하기", &stage.ready, 1)?;
    let outcome = pestered(victim.id(), Duration::from_micros(200), || wait_pestered(&stage));
    let ended = victim.join_timeout(PATIENCE);
    match ended {
        // 끝까지 기다렸으면 약속을 지킨 것입니다.
        Err(error) if error.to_string().contains("Empty") => Ok(()),
        ended => ended.map_err(anyhow::Error::from).and(outcome),
    }
}
