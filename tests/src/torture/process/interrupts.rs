//! 사례 18: `map` 도중의 Ctrl-C로 부모도 작업자도 1초 안에 끝납니다.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ipc_core::{Process, ProcessError};
use nix::libc;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, setpgid};
use pool::Pool;

use super::plain;
use crate::children::wait_count;
use crate::procfs::nobody_left;
use crate::torture::{Case, Control, Round};
use crate::wait::ONE_SECOND;
use crate::{Counter, counter, ensure_matches};

pub fn interrupted() -> Case {
    Case {
        number: 18,
        name: "group_interrupted",
        promise: "map 도중의 Ctrl-C로 부모는 SIGINT로 죽고, 1초 안에 아무도 남지 않습니다",
        short: 8,
        long: 100,
        round: interrupt,
        control: Some(Control {
            name: "std::process::Command로 다른 그룹에서 시작한 자식: Ctrl-C",
            round: |_| plain::child_must_end(interrupt_group),
        }),
    }
}

fn step(progress: Counter, n: u32) -> u32 {
    progress.fetch_add(1, SeqCst);
    n
}

/// 제 프로세스 그룹에서, 죽을 때까지 풀을 씁니다.
fn call_forever(way: u32, progress: Counter) -> Result<()> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    let items = || (0..200).map(|n| (progress.clone(), n));
    let builder = || Pool::builder().workers(3).chunk_size(7);
    let pool = match way {
        1 => builder().max_tasks_per_child(1).build()?, // 작업자를 바꾸는 도중에도 닿습니다.
        _ => builder().build()?,
    };
    loop {
        match way {
            2 => pool.imap_unordered(step, items()).try_for_each(|result| result.map(drop))?,
            3 => {
                let pool = builder().build()?;
                pool.map(step, items())?;
                pool.close();
                pool.join();
            }
            _ => drop(pool.map(step, items())?),
        }
    }
}

fn interrupt_group(pid: u32) -> Result<()> {
    killpg(Pid::from_raw(pid as i32), Signal::SIGINT).context("그룹에 SIGINT를 보내지 못했습니다")
}

fn interrupt(round: &mut Round) -> Result<()> {
    let progress = counter()?;
    let mut parent = Process::spawn(call_forever, (round.number % 4, progress.clone()))?;
    wait_count("계산이 그만큼 나아가기", &progress, round.random.u32(1..500))?;
    sleep(Duration::from_micros(round.random.u64(0..3000)));
    let struck = Instant::now();
    interrupt_group(parent.id())?;
    ensure_matches!(
        parent.join_timeout(ONE_SECOND),
        Err(ProcessError::Killed { signal: libc::SIGINT, .. })
    );
    nobody_left(ONE_SECOND.saturating_sub(struck.elapsed()))?;
    round.landed(); // 끝없이 호출하므로 언제나 도중입니다.
    Ok(())
}
