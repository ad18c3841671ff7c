//! 끝은 옮겨 다니고, 사라지면 상대가 압니다.

use std::time::Duration;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use pipe::{ChannelError, Duplex, Receiver, Sender, duplex, pipe};
use tests::children::{expect_killed, sleep_forever, wait_asleep};
use tests::wait::{ONE_SECOND, PATIENCE, timed};
use tests::{ensure_eq, ensure_matches};

pub fn end_comes_after_drop() -> Result<()> {
    let (inbox, outbox) = pipe::<u8>()?;
    outbox.send(&1)?;
    drop(outbox);
    // 먼저 보낸 것은 남아 있습니다.
    ensure_eq!(inbox.recv()?, 1);
    for _ in 0..2 {
        ensure_matches!(inbox.recv(), Err(ChannelError::Disconnected));
    }
    ensure_eq!(inbox.iter().count(), 0);

    let (left, right) = duplex::<u8, u8>()?;
    drop(right);
    ensure_matches!(left.recv(), Err(ChannelError::Disconnected));
    ensure_matches!(left.send(&1), Err(ChannelError::Disconnected));
    Ok(())
}

fn send_and_exit(outbox: Sender<u8>) {
    let _ = outbox.send(&7);
    std::process::exit(3);
}

pub fn end_comes_after_exit() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let sender = Process::spawn(send_and_exit, (outbox,))?;
    ensure_eq!(inbox.recv_timeout(PATIENCE)?, 7);
    ensure_matches!(inbox.recv_timeout(ONE_SECOND), Err(ChannelError::Disconnected));
    ensure_matches!(sender.join(), Err(ProcessError::Exited { code: 3, .. }));
    Ok(())
}

fn send_and_sleep(outbox: Sender<u8>) -> Result<()> {
    outbox.send(&1)?;
    sleep_forever();
    Ok(())
}

/// 파이썬에서는 형제 프로세스가 끝을 물려받아, 송신자가 죽어도 끝이 오지 않을 수 있습니다.
pub fn end_comes_after_kill_among_siblings() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let elder = Process::spawn(sleep_forever, ())?;
    let sender = Process::spawn(send_and_sleep, (outbox,))?;
    let younger = Process::spawn(sleep_forever, ())?;
    ensure_eq!(inbox.recv_timeout(PATIENCE)?, 1);
    wait_asleep(&elder)?;
    wait_asleep(&younger)?;
    sender.kill();
    ensure_matches!(inbox.recv_timeout(ONE_SECOND), Err(ChannelError::Disconnected));
    expect_killed(sender.join())?;
    ensure_eq!((elder.is_running(), younger.is_running()), (true, true));
    for sibling in [elder, younger] {
        sibling.kill();
        expect_killed(sibling.join())?;
    }
    Ok(())
}

/// 받을 때마다 알리고, 시키는 만큼 받은 뒤에는 받지 않습니다.
fn receive_some(conn: Duplex<(), String>, count: u32) -> Result<()> {
    for _ in 0..count {
        conn.recv()?;
        conn.send(&())?;
    }
    sleep_forever();
    Ok(())
}

/// 받는 쪽이 큰 메시지들 사이에서 죽습니다. 그 뒤의 보내기는 곧 에러가 됩니다.
pub fn sender_learns_of_a_dead_receiver() -> Result<()> {
    let text = "x".repeat(8 << 20);
    let (left, right) = duplex::<String, ()>()?;
    let receiver = Process::spawn(receive_some, (right, 2))?;
    for _ in 0..2 {
        left.send(&text)?;
        left.recv_timeout(PATIENCE)?;
    }
    left.send(&text)?;
    receiver.kill();
    expect_killed(receiver.join())?;
    let (result, took) = timed(|| left.send(&text));
    ensure_matches!(result, Err(ChannelError::Disconnected));
    ensure_eq!(took < ONE_SECOND, true);
    ensure_matches!(left.recv(), Err(ChannelError::Disconnected));
    Ok(())
}

/// 끝을 받아, 그 끝으로 일합니다.
fn work_through(ends: Receiver<(Receiver<u32>, Sender<u32>)>) -> Result<u32> {
    let mut jobs = 0;
    for pair in ends.iter() {
        let (questions, answers) = pair?;
        for question in questions.iter() {
            answers.send(&(question? * 2))?;
        }
        jobs += 1;
    }
    Ok(jobs)
}

pub fn ends_travel_through_pipes() -> Result<()> {
    let (ends_inbox, ends) = pipe()?;
    let worker = Process::spawn(work_through, (ends_inbox,))?;
    for round in 0..3 {
        let (questions_inbox, questions) = pipe()?;
        let (answers, answers_outbox) = pipe()?;
        let pair = (questions_inbox, answers_outbox);
        ends.send(&pair)?;
        drop(pair); // 보낸 것은 사본입니다. 남은 끝을 버려야 상대가 유일한 주인입니다.
        questions.send(&round)?;
        ensure_eq!(answers.recv_timeout(PATIENCE)?, round * 2);
        drop(questions);
        ensure_matches!(answers.recv_timeout(ONE_SECOND), Err(ChannelError::Disconnected));
    }
    drop(ends);
    ensure_eq!(worker.join()?, 3);
    Ok(())
}

/// 아무도 읽지 않은 메시지에 실린 끝도, 그 파이프가 사라지면 닫힙니다.
pub fn unread_end_is_closed() -> Result<()> {
    let (ends_inbox, ends) = pipe::<Sender<u8>>()?;
    let (inbox, outbox) = pipe::<u8>()?;
    ends.send(&outbox)?;
    drop(outbox);
    ensure_matches!(inbox.recv_timeout(Duration::ZERO), Err(ChannelError::Timeout));
    drop(ends_inbox);
    ensure_matches!(inbox.recv_timeout(ONE_SECOND), Err(ChannelError::Disconnected));
    Ok(())
}
