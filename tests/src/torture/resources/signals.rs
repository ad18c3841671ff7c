//! 시그널이 쉴 새 없이 옵니다.

mod operations;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use ipc_channel::ipc;
use ipc_core::Process;
use lock::Lock;
use nix::libc::c_int;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use pipe::{Duplex, duplex};
use queue::Queue;
use semaphore::Semaphore;
use serde::{Deserialize, Serialize};

use crate::children::wait_count;
use crate::procfs::signal;
use crate::torture::Round;
use crate::wait::PATIENCE;
use crate::{Counter, counter};
use operations::{OPERATIONS, wait_pestered};

static SEEN: OnceLock<Counter> = OnceLock::new();

extern "C" fn on_signal(_: c_int) {
    // 아토믹을 읽고 더할 뿐이어서, 처리기 안에서 해도 안전합니다.
    if let Some(seen) = SEEN.get() {
        seen.fetch_add(1, SeqCst);
    }
}

/// 시달리는 프로세스가 쓰는 것.
#[derive(Clone, Serialize, Deserialize)]
struct Stage {
    lock: Lock<u32>,
    semaphore: Semaphore,
    queue: Queue<u32>,
    seen: Counter,
    ready: Counter,
}

/// 시그널마다 커널 호출이 EINTR로 끊기게 합니다(SA_RESTART를 켜지 않습니다).
fn watch_signals(seen: &Counter) -> Result<()> {
    SEEN.set(seen.clone()).ok().context("한 번만 정합니다")?;
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
    // SAFETY: 처리기는 아토믹만 만집니다.
    unsafe { sigaction(Signal::SIGUSR1, &action) }?;
    Ok(())
}

fn endure(stage: Stage, conn: Duplex<u32, u32>, operation: usize) -> Result<()> {
    watch_signals(&stage.seen)?;
    stage.ready.fetch_add(1, SeqCst);
    OPERATIONS[operation].1(&stage, &conn)
}

pub fn round(round: &mut Round) -> Result<()> {
    let operation = round.number as usize % OPERATIONS.len();
    let (name, _, parents) = OPERATIONS[operation];
    let stage = Stage {
        lock: Lock::new(0)?,
        semaphore: Semaphore::new(1)?,
        queue: Queue::with_capacity(64)?,
        seen: counter()?,
        ready: counter()?,
    };
    let (conn, childs) = duplex()?;
    let mut victim = Process::spawn(endure, (stage.clone(), childs, operation))?;
    wait_count("자식이 처리기를 설치하기", &stage.ready, 1)?;
    let pause = Duration::from_micros(round.random.u64(0..300));
    pestered(&victim, pause, || parents(&stage, &conn).context(name))?;
    victim.join_timeout(PATIENCE)?;
    Ok(())
}

/// `work`를 하는 동안 `victim`에 시그널을 쏟아붓습니다.
fn pestered<T>(
    victim: &Process<T>,
    pause: Duration,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let (pid, stop) = (victim.id(), AtomicBool::new(false));
    scope(|scope| {
        let pest = scope.spawn(|| {
            while !stop.load(SeqCst) {
                let _ = signal(pid, Signal::SIGUSR1);
                sleep(pause);
            }
        });
        let outcome = work();
        stop.store(true, SeqCst);
        let _ = pest.join();
        outcome
    })
}

fn foreign_recv(stage: Stage) -> Result<()> {
    watch_signals(&stage.seen)?;
    let (_sender, receiver) = ipc::channel::<u32>()?;
    stage.ready.fetch_add(1, SeqCst);
    let refused = receiver.try_recv_timeout(Duration::from_secs(1));
    anyhow::bail!("1초를 기다릴 try_recv_timeout이 {refused:?}로 끝났습니다")
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    let stage = Stage {
        lock: Lock::new(0)?,
        semaphore: Semaphore::new(1)?,
        queue: Queue::with_capacity(64)?,
        seen: counter()?,
        ready: counter()?,
    };
    let mut victim = Process::spawn(foreign_recv, (stage.clone(),))?;
    wait_count("자식이 처리기를 설치하기", &stage.ready, 1)?;
    let outcome = pestered(&victim, Duration::from_micros(200), || wait_pestered(&stage));
    let ended = victim.join_timeout(PATIENCE);
    match ended {
        // 끝까지 기다렸으면 약속을 지킨 것입니다.
        Err(error) if error.to_string().contains("Empty") => Ok(()),
        ended => ended.map_err(anyhow::Error::from).and(outcome),
    }
}
