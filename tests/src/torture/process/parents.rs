//! 사례 17: 부모가 `SIGKILL`로 죽으면 자식과 손자도 1초 안에 끝납니다.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ipc_core::Process;
use ipc_core::build::Channel;
use nix::sys::signal::Signal;
use pipe::{Receiver, pipe};
use pool::Pool;
use serde::{Deserialize, Serialize};

use super::plain;
use crate::children::{arrive_and_sleep, expect_killed, sleep_forever, wait_count};
use crate::procfs::{all_gone, children, signal, wait_state};
use crate::torture::{Case, Control, Round};
use crate::wait::ONE_SECOND;
use crate::{Counter, counter, ensure_eq};

pub fn killed() -> Case {
    Case {
        number: 17,
        name: "parent_killed",
        promise: "부모가 죽으면 놀거나 자거나 돌거나 막힌 자식도 손자도 1초 안에 끝나고, 스레드가 끝나는 것으로는 아무도 죽지 않습니다",
        short: 10,
        long: 5 * 50,
        round: |round| match round.number as usize % 5 {
            4 => ending_thread(round),
            way => kill_parent(round, WAYS[way]),
        },
        control: Some(Control {
            name: "std::process::Command로 시작한 자식: 부모가 죽음",
            round: |_| plain::child_must_end(|parent| signal(parent, Signal::SIGKILL)),
        }),
    }
}

/// 부모가 죽을 때 작업자가 하던 일.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Way {
    Idle,
    Sleeping,
    Spinning,
    BlockedInSend,
}

const WAYS: [Way; 4] = [Way::Idle, Way::Sleeping, Way::Spinning, Way::BlockedInSend];
const WORKERS: usize = 2;

fn grandchild(ready: Counter) {
    arrive_and_sleep(&ready);
}

/// 작업자마다 손자를 하나씩 둡니다.
fn adopt(ready: Counter) -> Result<()> {
    let grandchild = Process::spawn(grandchild, (ready,))?;
    std::mem::forget(grandchild); // 작업자가 죽을 때까지 곁에 둡니다.
    Ok(())
}

fn occupy(way: Way, ready: Counter) -> Result<()> {
    if way == Way::Sleeping {
        arrive_and_sleep(&ready);
    }
    // 읽는 끝도 스스로 쥐고 있으므로, 부모의 죽음으로 보내기가 풀리지 않습니다.
    let (full, _unread) = Channel::pair()?;
    ready.fetch_add(1, SeqCst);
    loop {
        if way == Way::BlockedInSend {
            full.send(&0_u64, None)?;
        } else {
            std::hint::spin_loop();
        }
    }
}

fn household(way: Way, ready: Counter) -> Result<()> {
    let pool = Pool::builder().workers(WORKERS).initializer(adopt, ready.clone()).build()?;
    if way == Way::Idle {
        pool.map(|n: u32| n, 0..8)?;
        ready.fetch_add(WORKERS as u32, SeqCst);
        sleep_forever();
    }
    pool.map(occupy, [(way, ready.clone()), (way, ready)])?;
    bail!("끝나지 않아야 하는 일이 끝났습니다")
}

fn kill_parent(round: &mut Round, way: Way) -> Result<()> {
    let ready = counter()?;
    let parent = Process::spawn(household, (way, ready.clone()))?;
    wait_count("작업자와 손자가 모두 자리 잡기", &ready, 2 * WORKERS as u32)?;
    let workers = children(parent.id())?;
    ensure_eq!(workers.len(), WORKERS);
    let mut everyone = workers.clone();
    for &worker in &workers {
        everyone.extend(children(worker)?);
        let state = if way == Way::Spinning { 'R' } else { 'S' };
        wait_state(worker, state).with_context(|| format!("{way:?}"))?;
    }
    ensure_eq!(everyone.len(), 2 * WORKERS);
    sleep(Duration::from_micros(round.random.u64(0..2000)));
    let struck = Instant::now();
    parent.kill();
    expect_killed(parent.join())?;
    all_gone(&everyone, ONE_SECOND.saturating_sub(struck.elapsed()))
        .with_context(|| format!("{way:?}"))?;
    round.landed();
    Ok(())
}

/// `PR_SET_PDEATHSIG`였다면 시작한 스레드가 끝날 때 자식도 죽습니다.
fn ending_thread(round: &mut Round) -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let starter = thread::spawn(move || -> Result<_> {
        let process = Process::spawn(|inbox: Receiver<u32>| inbox.recv().ok(), (inbox,))?;
        Ok((process, Pool::new(WORKERS)?))
    });
    let (process, pool) = starter.join().ok().context("스레드가 패닉했습니다")??;
    let workers = pool.worker_ids();
    if round.random.bool() {
        wait_state(process.id(), 'S')?; // 아니면 아직 시작하는 중입니다.
    }
    outbox.send(&9)?;
    ensure_eq!(process.join()?, Some(9));
    let by = pool.map(|_: u32| std::process::id(), 0..20)?;
    ensure!(by.iter().all(|pid| workers.contains(pid)), "작업자가 바뀌었습니다: {by:?}");
    ensure_eq!(pool.worker_ids(), workers);
    Ok(())
}
