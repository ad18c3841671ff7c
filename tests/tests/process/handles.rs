//! 핸들로 하는 일: 기다리기, 살펴보기, 끝내기, 버리기.

use std::io::{Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use anyhow::Result;
use ipc_core::build::Descriptor;
use ipc_core::{Process, ProcessError, wait_any};
use nix::libc;
use nix::unistd::dup2_stderr;
use pipe::{Receiver, pipe};
use tests::children::{expect_killed, sleep_forever};
use tests::procfs::{alive, wait_state};
use tests::wait::{ONE_SECOND, PATIENCE, keeps_deadline, timed, until};
use tests::{ensure_eq, ensure_matches};

/// 받은 값을 그대로 반환합니다. 테스트가 끝나는 때를 정할 수 있습니다.
fn echo(inbox: Receiver<u32>) -> Result<u32> {
    Ok(inbox.recv()?)
}

pub fn join_timeout_then_success() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let mut process = Process::spawn(echo, (inbox,))?;
    ensure_matches!(
        process.join_timeout(Duration::from_millis(20)),
        Err(ProcessError::Timeout { .. })
    );
    outbox.send(&7)?;
    ensure_eq!(process.join_timeout(PATIENCE)?, 7);
    Ok(())
}

pub fn join_twice_is_an_error() -> Result<()> {
    let mut process = Process::spawn(|| 1u8, ())?;
    ensure_eq!(process.join_timeout(PATIENCE)?, 1);
    ensure_matches!(process.join_timeout(PATIENCE), Err(ProcessError::AlreadyJoined { .. }));
    ensure_matches!(process.join(), Err(ProcessError::AlreadyJoined { .. }));
    Ok(())
}

pub fn is_running_follows_the_child() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let mut process = Process::spawn(echo, (inbox,))?;
    ensure_eq!(process.is_running(), true);
    outbox.send(&1)?;
    until("자식이 끝나기", PATIENCE, || Ok(!process.is_running()))?;
    ensure_eq!(process.join_timeout(PATIENCE)?, 1);
    ensure_eq!(process.is_running(), false);
    Ok(())
}

pub fn terminate_and_kill() -> Result<()> {
    let gentle = Process::spawn(sleep_forever, ())?;
    gentle.terminate();
    ensure_matches!(gentle.join(), Err(ProcessError::Killed { signal: libc::SIGTERM, .. }));
    let forced = Process::spawn(sleep_forever, ())?;
    forced.kill();
    expect_killed(forced.join())
}

pub fn signals_after_the_end_do_nothing() -> Result<()> {
    let mut process = Process::spawn(|| 5u8, ())?;
    // 끝났지만 아직 회수하지 않은 동안과, 회수한 뒤입니다.
    until("자식이 끝나기", PATIENCE, || Ok(!process.is_running()))?;
    process.terminate();
    process.kill();
    ensure_eq!(process.join_timeout(PATIENCE)?, 5);
    process.terminate();
    process.kill();
    Ok(())
}

pub fn drop_kills_and_reaps() -> Result<()> {
    let process = Process::spawn(sleep_forever, ())?;
    let pid = process.id();
    wait_state(pid, 'S')?;
    let ((), took) = timed(|| drop(process));
    // 반환된 뒤에는 좀비조차 없습니다.
    ensure_eq!(tests::procfs::state(pid)?, None);
    ensure_eq!(took < ONE_SECOND, true);
    ensure_eq!(alive(pid)?, false);
    Ok(())
}

/// 표준 에러를 `file`로 바꾸고, 자식들을 저마다 다르게 버립니다.
fn drop_in_every_way(file: Descriptor) -> Result<u32> {
    dup2_stderr(&file)?;
    let sleeper = || Process::spawn(sleep_forever, ());
    let mut finished = Process::spawn(|| (), ())?;
    finished.join_timeout(PATIENCE)?;
    drop(finished);
    let ended = Process::spawn(|| (), ())?;
    until("자식이 끝나기", PATIENCE, || Ok(!ended.is_running()))?;
    drop(ended);
    for end in [Process::kill, Process::terminate] {
        let process = sleeper()?;
        end(&process);
        drop(process);
    }
    let forgotten = sleeper()?;
    let pid = forgotten.id();
    drop(forgotten);
    Ok(pid)
}

/// 조인하지 않고 버려 끝낸 자식만 한 줄로 알립니다. 이미 끝났거나 일부러 끝낸 것은 알리지 않습니다.
pub fn dropping_a_running_process_says_so() -> Result<()> {
    let mut file = tempfile::tempfile()?;
    let handle = Descriptor::from(OwnedFd::from(file.try_clone()?));
    let pid = Process::spawn(drop_in_every_way, (handle,))?.join()?;
    let mut said = String::new();
    file.rewind()?;
    file.read_to_string(&mut said)?;
    ensure_eq!(said.lines().count(), 1);
    for told in [&*format!("PID {pid}"), "sleep_forever", "join()", "kill()"] {
        ensure_eq!(said.contains(told), true);
    }
    Ok(())
}

pub fn wait_any_finds_the_first_to_end() -> Result<()> {
    let (first_inbox, first) = pipe()?;
    let (second_inbox, second) = pipe()?;
    let mut processes =
        vec![Process::spawn(echo, (first_inbox,))?, Process::spawn(echo, (second_inbox,))?];
    let sleeper = Process::spawn(sleep_forever, ())?;
    second.send(&2)?;
    ensure_eq!(wait_any(&processes, Some(PATIENCE))?, Some(1));
    ensure_eq!(processes.swap_remove(1).join()?, 2);
    first.send(&1)?;
    // 값의 타입이 달라도 함께 기다릴 수 있습니다.
    let mixed = [&sleeper as &dyn AsFd, &processes[0]];
    ensure_eq!(wait_any(&mixed, Some(PATIENCE))?, Some(1));
    ensure_eq!(processes.swap_remove(0).join()?, 1);
    sleeper.kill();
    expect_killed(sleeper.join())
}

pub fn wait_any_keeps_its_deadline() -> Result<()> {
    let mut sleeper = vec![Process::spawn(sleep_forever, ())?];
    for limit in [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(50)] {
        keeps_deadline(limit, || {
            ensure_eq!(wait_any(&sleeper, Some(limit))?, None);
            Ok(())
        })?;
    }
    let nobody: [Process<()>; 0] = [];
    ensure_eq!(wait_any(&nobody, Some(Duration::ZERO))?, None);
    let sleeper = sleeper.remove(0);
    sleeper.kill();
    expect_killed(sleeper.join())
}
