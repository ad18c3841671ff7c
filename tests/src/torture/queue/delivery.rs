//! 넣자마자 죽습니다.

use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use ipc_core::{Process, ProcessError};
use nix::sys::signal::Signal;
use queue::{Queue, QueueError};

use crate::children::die_by;
use crate::ensure_matches;
use crate::torture::Round;
use crate::wait::{ONE_SECOND, PATIENCE};

/// 죽는 방법.
const WAYS: [Signal; 4] = [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGSEGV, Signal::SIGABRT];

fn put_and_die(queue: Queue<String>, sizes: Vec<usize>, signal: i32) -> Result<()> {
    for size in sizes {
        queue.put(&"x".repeat(size))?;
    }
    die_by(Signal::try_from(signal)?);
    Ok(())
}

pub fn round(round: &mut Round) -> Result<()> {
    let random = &mut round.random;
    let queue = Queue::new()?;
    let mut sizes = vec![0; random.usize(1..4)];
    for size in &mut sizes {
        let scale = random.u32(0..20);
        *size = random.usize(0..2 << scale);
    }
    let way = WAYS[random.usize(0..WAYS.len())] as i32;
    let wait_first = random.bool();
    let producer = Process::spawn(put_and_die, (queue.clone(), sizes.clone(), way))?;
    let died = |result| {
        ensure_matches!(result, Err(ProcessError::Killed { signal, .. }) if signal == way);
        anyhow::Ok(())
    };
    let receive = || -> Result<()> {
        for size in &sizes {
            let item = queue.get_timeout(PATIENCE)?;
            ensure!(item.len() == *size, "{size}바이트여야 하는데 {}바이트입니다", item.len());
        }
        Ok(())
    };
    if wait_first {
        receive()?;
        died(producer.join())?;
    } else {
        died(producer.join())?;
        receive()?;
    }
    ensure_matches!(queue.try_get(), Err(QueueError::Empty));
    round.landed();
    Ok(())
}

/// 파이썬의 큐처럼, 넣으면 보조 스레드에 맡기고 바로 돌아옵니다.
fn put_through_a_thread_and_die(queue: Queue<String>) -> Result<()> {
    let (put, feed) = mpsc::channel::<String>();
    thread::spawn(move || feed.iter().try_for_each(|item| queue.put(&item)));
    put.send("x".repeat(100)).context("보조 스레드가 없습니다")?;
    die_by(Signal::SIGKILL);
    Ok(())
}

pub fn feeder_thread(_: &mut Round) -> Result<()> {
    // 보조 스레드가 먼저 나르는 때도 있으므로 몇 번 해 봅니다.
    for attempt in 0..50 {
        let queue = Queue::new()?;
        let producer = Process::spawn(put_through_a_thread_and_die, (queue.clone(),))?;
        ensure_matches!(producer.join(), Err(ProcessError::Killed { .. }));
        if queue.get_timeout(ONE_SECOND).is_err() {
            bail!("넣기가 돌아온 항목이 {attempt}번째에 사라졌습니다");
        }
    }
    Ok(())
}
