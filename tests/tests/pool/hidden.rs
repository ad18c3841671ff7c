//! 작업자의 죽음을 가리거나 끝을 미루는 작업: 손수 `fork`한 손자, 닫힌 채널.

use std::sync::atomic::Ordering::SeqCst;
use std::thread::park;

use anyhow::{Result, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork};
use pool::{Cause, ItemError, Pool};
use tests::children::die_by;
use tests::procfs::{alive, all_gone, signal};
use tests::wait::PATIENCE;
use tests::{Counter, counter, ensure_eq};

/// 작업자의 디스크립터를 모두 물려받은 손자를 두고 죽습니다.
fn fork_and_die(grandchild: Counter) {
    // SAFETY: 자식은 할당도 락도 없이 잠들기만 합니다.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => loop {
            nix::unistd::pause();
        },
        Ok(ForkResult::Parent { child }) => {
            grandchild.store(child.as_raw() as u32, SeqCst);
            die_by(Signal::SIGKILL);
        }
        Err(_) => {}
    }
}

fn died_alone(results: Vec<Result<u32, ItemError>>, at: usize) -> Result<String> {
    let mut how = None;
    for (index, result) in results.into_iter().enumerate() {
        match result {
            Err(ItemError { cause: Cause::WorkerDied(text), .. }) if index == at => {
                how = Some(text);
            }
            other => ensure_eq!(other, Ok(index as u32)),
        }
    }
    how.ok_or_else(|| anyhow::anyhow!("인덱스 {at}의 항목이 실패해야 합니다"))
}

fn number_or_fork(grandchild: Counter, n: u32) -> u32 {
    if n == 3 {
        fork_and_die(grandchild);
    }
    n
}

/// 손자가 채널을 쥐고 있어 끊김이 보이지 않아도, 죽음은 보입니다.
pub fn grandchild_keeps_the_channel_open() -> Result<()> {
    let (pool, grandchild) = (Pool::builder().workers(2).chunk_size(2).build()?, counter()?);
    let items = (0..6).map(|n| (grandchild.clone(), n));
    let how = died_alone(pool.try_map(number_or_fork, items)?, 3)?;
    ensure!(how.ends_with("SIGKILL(9)"), "{how}");
    let pid = grandchild.load(SeqCst);
    ensure!(alive(pid)?, "손자가 있어야 뜻이 있는 테스트입니다");
    ensure_eq!(pool.map(u32::pow, [(2, 3)])?, [8]);
    signal(pid, Signal::SIGKILL)?;
    all_gone(&[pid], PATIENCE)
}

/// 채널을 닫고 끝나지 않습니다.
fn number_or_close(n: u32) -> u32 {
    if n == 3 {
        let fds = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        let numbers: Vec<i32> =
            fds.filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect();
        for number in numbers.into_iter().filter(|number| *number > 2) {
            let _ = nix::unistd::close(number);
        }
        loop {
            park();
        }
    }
    n
}

/// 아직 살아 있는 작업자가 적어 둔 것은 믿을 수 없으므로, 먼저 끝냅니다.
pub fn worker_that_closed_its_channel_is_ended() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(2).build()?;
    let before = pool.worker_ids();
    let how = died_alone(pool.try_map(number_or_close, 0..6)?, 3)?;
    ensure!(how.ends_with("SIGKILL(9)"), "{how}");
    let Some(pid) = before.iter().find(|pid| how.contains(&format!("PID {pid},"))) else {
        bail!("{before:?} 가운데 하나여야 합니다: {how}")
    };
    ensure_eq!(alive(*pid)?, false);
    ensure_eq!(pool.map(u32::pow, [(2, 3)])?, [8]);
    Ok(())
}
