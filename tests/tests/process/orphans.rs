//! 부모가 `SIGKILL`로 죽어도 자식과 손자는 1초 안에 끝납니다.

use std::hint::spin_loop;
use std::process::id;
use std::thread::spawn;

use anyhow::{Context, Result};
use ipc_core::Process;
use nix::sys::signal::Signal;
use pipe::{Receiver, Sender, pipe};
use tests::children::{expect_killed, sleep_forever};
use tests::ensure_eq;
use tests::procfs::{all_gone, signal, wait_state};
use tests::wait::{ONE_SECOND, PATIENCE};

fn spin_forever(outbox: Sender<u32>) -> Result<()> {
    outbox.send(&id())?;
    loop {
        spin_loop();
    }
}

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

fn parent_of_spinner(outbox: Sender<u32>, childs: Sender<u32>) -> Result<()> {
    let _child = Process::spawn(spin_forever, (childs,))?;
    sleeper(outbox)
}

/// 부모를 죽이고, 알려 온 프로세스들이 모두 끝나는지 봅니다.
fn kill_parent(parent: Process<()>, pids: &[u32]) -> Result<()> {
    parent.kill();
    expect_killed(parent.join())?;
    all_gone(pids, ONE_SECOND)
}

pub fn sleeping() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let (childs_inbox, childs) = pipe()?;
    let parent = Process::spawn(parent_of_sleeper, (outbox, childs))?;
    inbox.recv_timeout(PATIENCE)?;
    kill_parent(parent, &[childs_inbox.recv_timeout(PATIENCE)?])
}

pub fn spinning() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let (childs_inbox, childs) = pipe()?;
    let parent = Process::spawn(parent_of_spinner, (outbox, childs))?;
    inbox.recv_timeout(PATIENCE)?;
    kill_parent(parent, &[childs_inbox.recv_timeout(PATIENCE)?])
}

pub fn stopped() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let (childs_inbox, childs) = pipe()?;
    let parent = Process::spawn(parent_of_sleeper, (outbox, childs))?;
    inbox.recv_timeout(PATIENCE)?;
    let child = childs_inbox.recv_timeout(PATIENCE)?;
    signal(child, Signal::SIGSTOP)?;
    wait_state(child, 'T')?;
    kill_parent(parent, &[child])
}

/// 자식, 손자, 증손자가 이어집니다. 저마다 자기 PID를 알립니다.
fn dynasty(depth: u32, outboxes: Vec<Sender<u32>>) -> Result<()> {
    let mut outboxes = outboxes;
    let own = outboxes.pop().context("보낼 끝이 없습니다")?;
    let _heir = match depth {
        0 => None,
        _ => Some(Process::spawn(dynasty, (depth - 1, outboxes))?),
    };
    sleeper(own)
}

pub fn grandchildren() -> Result<()> {
    let (inboxes, outboxes): (Vec<Receiver<u32>>, Vec<Sender<u32>>) =
        (0..4).map(|_| pipe()).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let parent = Process::spawn(dynasty, (3, outboxes))?;
    let own = parent.id();
    let mut pids = Vec::new();
    for inbox in &inboxes {
        pids.push(inbox.recv_timeout(PATIENCE)?);
    }
    pids.retain(|pid| *pid != own);
    ensure_eq!(pids.len(), 3);
    kill_parent(parent, &pids)
}

/// `PR_SET_PDEATHSIG`였다면 시작한 스레드가 끝날 때 자식도 죽습니다.
pub fn ending_thread_kills_nobody() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let starter = spawn(move || Process::spawn(|inbox: Receiver<u32>| inbox.recv().ok(), (inbox,)));
    let process = starter.join().ok().context("스레드가 패닉했습니다")??;
    wait_state(process.id(), 'S')?;
    outbox.send(&9)?;
    ensure_eq!(process.join()?, Some(9));
    Ok(())
}
