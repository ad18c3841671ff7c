//! 넘겨주는 데 걸리는 시간: 락, 세마포어, 큐, 파이프마다 분포를 재어 표로 보여 줍니다. 옳고 그름은 판단하지 않습니다.
//!
//! 실행: `cargo run --release -p tests --bin handover [초]`

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::Result;
use ipc_core::{Process, Shared};
use lock::Lock;
use nix::time::{ClockId, clock_gettime};
use pipe::{Receiver, Sender, pipe};
use queue::Queue;
use semaphore::Semaphore;

const HELP: &str = "\
넘겨주는 데 걸리는 시간을 잽니다.

사용법: handover [초]
  초  하나를 재는 시간 (기본 2)";

type Stamp = Shared<AtomicU64>;

/// 모든 프로세스에 같은 시계(나노초).
fn now() -> Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

fn work(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        spin_loop();
    }
}

/// 쥐고 있는 시간.
const HOLD: Duration = Duration::from_micros(20);

/// 놓은 때부터 다음이 얻은 때까지를 모읍니다. 자기가 놓고 다시 얻은 것은 넘겨준 것이 아니므로 뺍니다.
fn on_lock(lock: Lock<(u32, u64)>, until: u64) -> Result<(u64, Vec<u64>)> {
    let (pid, mut turns, mut times) = (std::process::id(), 0, Vec::new());
    while now()? < until {
        let mut last = lock.acquire()?;
        let at = now()?;
        if last.0 != pid && last.0 != 0 {
            times.push(at - last.1);
        }
        turns += 1;
        work(HOLD);
        *last = (pid, now()?);
    }
    Ok((turns, times))
}

fn on_semaphore(semaphore: Semaphore, stamp: Stamp, until: u64) -> Result<(u64, Vec<u64>)> {
    let (mut turns, mut times) = (0, Vec::new());
    while now()? < until {
        let full = semaphore.available() == 0;
        let permit = semaphore.acquire()?;
        let left = stamp.load(SeqCst);
        // 기다려서 들어간 것만 셉니다.
        if full && left != 0 {
            times.push(now()?.saturating_sub(left));
        }
        turns += 1;
        work(HOLD);
        stamp.store(now()?, SeqCst);
        drop(permit);
    }
    Ok((turns, times))
}

fn from_queue(queue: Queue<u64>) -> Result<(u64, Vec<u64>)> {
    let mut times = Vec::new();
    for sent in queue.iter() {
        times.push(now()?.saturating_sub(sent?));
    }
    Ok((times.len() as u64, times))
}

fn from_pipe(inbox: Receiver<u64>) -> Result<(u64, Vec<u64>)> {
    let mut times = Vec::new();
    for sent in inbox.iter() {
        times.push(now()?.saturating_sub(sent?));
    }
    Ok((times.len() as u64, times))
}

fn to_pipe(outbox: &Sender<u64>, until: u64) -> Result<()> {
    while now()? < until {
        outbox.send(&now()?)?;
        work(HOLD);
    }
    Ok(())
}

fn micros(nanos: u64) -> String {
    format!("{:.1}", nanos as f64 / 1000.0)
}

/// 표의 한 줄.
fn report(name: &str, results: Vec<(u64, Vec<u64>)>) {
    let turns: Vec<u64> = results.iter().map(|(turns, _)| *turns).collect();
    let mut times: Vec<u64> = results.into_iter().flat_map(|(_, times)| times).collect();
    times.sort_unstable();
    let at = |part: f64| match times.len() {
        0 => "-".to_owned(),
        count => micros(times[((count - 1) as f64 * part) as usize]),
    };
    println!(
        "| {name} | {} | {} | {} | {} | {} | {turns:?} |",
        times.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

fn join_all(processes: Vec<Process<(u64, Vec<u64>)>>) -> Result<Vec<(u64, Vec<u64>)>> {
    Ok(processes.into_iter().map(Process::join).collect::<Result<_, _>>()?)
}

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::end_with_closed_output();
    let seconds = match std::env::args().nth(1) {
        None => Ok(2.0),
        Some(text) => text.parse::<f64>(),
    };
    let seconds = match seconds {
        Ok(seconds) if seconds > 0.0 && seconds < 1e6 => Duration::from_secs_f64(seconds),
        _ => {
            println!("{HELP}");
            return Ok(());
        }
    };
    let length = seconds.as_nanos() as u64;
    println!("시간의 단위는 마이크로초입니다.\n");
    println!("| 무엇을 | 넘겨준 횟수 | p50 | p99 | p99.9 | 최대 | 프로세스마다 차례의 수 |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | --- |");
    for count in [2, 4, 8] {
        let (lock, until) = (Lock::new((0, 0))?, now()? + length);
        let spawn = |_| Process::spawn(on_lock, (lock.clone(), until));
        let processes = (0..count).map(spawn).collect::<Result<_, _>>()?;
        report(&format!("락, 프로세스 {count}"), join_all(processes)?);
    }
    for (places, count) in [(1, 4), (2, 6)] {
        let semaphore = Semaphore::new(places)?;
        let (stamp, until) = (Shared::new(AtomicU64::new(0))?, now()? + length);
        let spawn = |_| Process::spawn(on_semaphore, (semaphore.clone(), stamp.clone(), until));
        let processes = (0..count).map(spawn).collect::<Result<_, _>>()?;
        report(&format!("세마포어 {places}자리, 프로세스 {count}"), join_all(processes)?);
    }
    for count in [1, 3] {
        let (queue, until) = (Queue::new()?, now()? + length);
        let spawn = |_| Process::spawn(from_queue, (queue.clone(),));
        let processes = (0..count).map(spawn).collect::<Result<_, _>>()?;
        while now()? < until {
            queue.put(&now()?)?;
            work(HOLD);
        }
        queue.close()?;
        report(&format!("큐, 꺼내는 쪽 {count}"), join_all(processes)?);
    }
    let ((inbox, outbox), until) = (pipe()?, now()? + length);
    let processes = vec![Process::spawn(from_pipe, (inbox,))?];
    to_pipe(&outbox, until)?;
    drop(outbox);
    report("파이프", join_all(processes)?);
    Ok(())
}
