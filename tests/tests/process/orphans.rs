//! 부모가 `SIGKILL`로 죽으면, 멈춰 있던(`SIGSTOP`) 자식도 1초 안에 끝납니다. 다른 자식들은 `tests/src/torture/process/parents.rs`에 있습니다.

use std::process::id;

use anyhow::Result;
use ipc_core::Process;
use nix::sys::signal::Signal;
use pipe::{Sender, pipe};
use tests::children::{expect_killed, sleep_forever};
use tests::procfs::{all_gone, signal, wait_state};
use tests::wait::{ONE_SECOND, PATIENCE};

fn sleeper(outbox: Sender<u32>) -> Result<()> {
    outbox.send(&id())?;
    sleep_forever();
    Ok(())
}

/// 자식을 만들고 자기 PID를 알린 뒤 잡니다.
fn parent_of_sleeper(outbox: Sender<u32>, childs: Sender<u32>) -> Result<()> {
    let _child = Process::spawn(sleeper, (childs,))?;
    sleeper(outbox)
}

pub fn stopped() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let (childs_inbox, childs) = pipe()?;
    let parent = Process::spawn(parent_of_sleeper, (outbox, childs))?;
    inbox.recv_timeout(PATIENCE)?;
    let child = childs_inbox.recv_timeout(PATIENCE)?;
    signal(child, Signal::SIGSTOP)?;
    wait_state(child, 'T')?;
    parent.kill();
    expect_killed(parent.join())?;
    all_gone(&[child], ONE_SECOND)
}
