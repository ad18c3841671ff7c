//! 디스크립터가 모자라면 에러가 되고, 새는 것이 없습니다.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use ipc_core::build::Channel;
use ipc_core::build::after;
use ipc_core::{ChannelError, Process};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{MsgFlags, recv, send};
use pipe::{Receiver, duplex, pipe};
use queue::Queue;
use tests::children::leave_root;
use tests::procfs::open_count;
use tests::wait::{ONE_SECOND, PATIENCE, keeps_deadline, timed};
use tests::{ensure_eq, ensure_matches};

/// 여기까지만 셉니다(`open_count`).
const HIGHEST: u64 = 256;

/// 앞으로 `spare`개만 더 열 수 있게 합니다.
fn leave_room(spare: u64) -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(HIGHEST), hard)?;
    let next = std::fs::File::open("/dev/null")?.as_raw_fd();
    Ok(setrlimit(Resource::RLIMIT_NOFILE, next as u64 + spare, hard)?)
}

/// 보낼 때는 있던 자리가 받을 때 없으면, 커널은 디스크립터를 버리고 메시지만 건넵니다.
fn receive_without_room(inbox: Receiver<Channel>) -> Result<()> {
    ensure!(inbox.poll(PATIENCE)?, "메시지가 오지 않았습니다");
    leave_room(0)?;
    let before = open_count();
    let refused = inbox.recv_timeout(PATIENCE);
    ensure_eq!(open_count(), before);
    ensure_matches!(refused.map(drop), Err(ChannelError::Io(_)));
    // 자리가 나면 다음 메시지는 옵니다.
    leave_room(10)?;
    let channel = inbox.recv_timeout(PATIENCE)?;
    Ok(channel.send(&5u8, None)?)
}

pub fn descriptor_lost_on_the_way_is_an_error() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let (lost, lost_end) = Channel::pair()?;
    let (kept, kept_end) = Channel::pair()?;
    for end in [lost_end, kept_end] {
        outbox.send(&end)?;
    }
    let child = Process::spawn(receive_without_room, (inbox,))?;
    child.join()?;
    ensure_eq!(kept.recv::<u8>(after(PATIENCE))?, 5);
    match lost.recv::<u8>(after(PATIENCE)) {
        Err(ChannelError::Disconnected) => Ok(()),
        other => bail!("잃어버린 끝은 닫혀야 하는데 {other:?}입니다"),
    }
}

/// 디스크립터가 실려 오지 않은 메시지는 에러이고, 다음 메시지는 그대로 옵니다.
pub fn missing_descriptor_is_an_error() -> Result<()> {
    let (left, right) = duplex::<Channel, Channel>()?;
    let (ours, theirs) = Channel::pair()?;
    left.send(&theirs)?;
    let mut frame = [0; 4096];
    // 디스크립터를 받을 곳 없이 꺼내면 커널이 디스크립터를 버립니다.
    let length = recv(right.as_fd().as_raw_fd(), &mut frame, MsgFlags::empty())?;
    send(left.as_fd().as_raw_fd(), &frame[..length], MsgFlags::empty())?;
    ensure_matches!(right.recv_timeout(PATIENCE).map(drop), Err(ChannelError::Malformed(_)));
    left.send(&theirs)?;
    right.recv_timeout(PATIENCE)?.send(&5u8, None)?;
    ensure_eq!(ours.recv::<u8>(after(PATIENCE))?, 5);
    Ok(())
}

/// 읽지 않은 디스크립터가 이 사용자의 한도를 넘을 때까지 보냅니다.
fn too_many_in_flight() -> Result<()> {
    leave_root(54_321)?;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 32, hard)?;
    let (inbox, outbox) = pipe::<Channel>()?;
    let (end, _other) = Channel::pair()?;
    let refused = (0..100).find_map(|_| {
        let (sent, took) = timed(|| outbox.send(&end));
        sent.err().map(|error| (error, took))
    });
    let Some((error, took)) = refused else { bail!("한도를 넘어 보냈습니다") };
    let message = error.to_string();
    ensure_matches!(error, ChannelError::Io(_));
    ensure!(message.contains("읽지 않은 디스크립터"), "{message}");
    ensure!((ONE_SECOND..2 * ONE_SECOND).contains(&took), "{took:?} 만에 에러가 되었습니다");
    for limit in [Duration::ZERO, Duration::from_millis(50)] {
        keeps_deadline(limit, || {
            ensure_matches!(outbox.send_timeout(&end, limit), Err(ChannelError::Timeout));
            Ok(())
        })?;
    }
    // 하나를 읽으면 하나를 보낼 수 있습니다.
    drop(inbox.recv_timeout(PATIENCE)?);
    outbox.send(&end)?;
    Ok(())
}

/// 끝없이 기다리지 않고 1초 뒤에 에러가 됩니다.
pub fn too_many_descriptors_in_flight_is_an_error() -> Result<()> {
    Ok(Process::spawn(too_many_in_flight, ())?.join()?)
}

/// 한도를 넘겨 쓰면 커널은 프로세스를 죽이므로, 그 앞에서 에러가 되어야 합니다.
fn live_under_a_file_limit() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE)?;
    setrlimit(Resource::RLIMIT_FSIZE, 80_000, hard)?;
    let (inbox, outbox) = pipe::<String>()?;
    let refused = outbox.send(&"x".repeat(100_000)).err();
    ensure!(refused.is_some_and(|error| error.to_string().contains("ulimit -f")), "큰 메시지");
    outbox.send(&"x".repeat(70_000))?;
    ensure_eq!(inbox.recv()?.len(), 70_000);
    let refused = Queue::<u8>::new().err();
    ensure!(refused.is_some_and(|error| error.to_string().contains("ulimit -f")), "큐");
    Queue::<u8>::with_capacity(40_000).map(drop)?;
    Ok(())
}

pub fn file_limit_is_an_error() -> Result<()> {
    Ok(Process::spawn(live_under_a_file_limit, ())?.join()?)
}
