//! 파이프의 끝 여럿과 프로세스를 함께 기다립니다.

use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::Result;
use ipc_core::{Process, wait_any};
use pipe::{ChannelError, Receiver, Sender, pipe};
use tests::children::{expect_killed, sleep_forever};
use tests::harness::random;
use tests::wait::PATIENCE;
use tests::{ensure_eq, ensure_matches};

const ROUNDS: u32 = 10;

fn send_numbers(outbox: Sender<(u32, u32)>, who: u32, pauses: Vec<u64>) -> Result<()> {
    for (number, pause) in (0..).zip(pauses) {
        std::thread::sleep(Duration::from_millis(pause));
        outbox.send(&(who, number))?;
    }
    Ok(())
}

/// 넷이 저마다 보내는 것을 한자리에서 받습니다. 끝난 것부터 빠집니다.
fn receive_from_all(slow: bool) -> Result<()> {
    let mut random = random("receive_from_all")?;
    let (mut inboxes, mut senders) = (Vec::new(), Vec::new());
    for who in 0..4u32 {
        let (inbox, outbox) = pipe()?;
        let pauses = (0..ROUNDS).map(|_| if slow { random.u64(0..20) } else { 0 }).collect();
        senders.push(Process::spawn(send_numbers, (outbox, who, pauses))?);
        inboxes.push(inbox);
    }
    let mut received = Vec::new();
    while !inboxes.is_empty() {
        let Some(ready) = wait_any(&inboxes, Some(PATIENCE))? else {
            anyhow::bail!("아무도 보내지 않습니다")
        };
        match inboxes[ready].recv() {
            Err(ChannelError::Disconnected) => drop(inboxes.swap_remove(ready)),
            message => received.push(message?),
        }
    }
    received.sort();
    ensure_eq!(received, (0..4).flat_map(|w| (0..ROUNDS).map(move |n| (w, n))).collect::<Vec<_>>());
    senders.into_iter().try_for_each(|sender| Ok(sender.join()?))
}

pub fn ends_are_waited_for_together() -> Result<()> {
    receive_from_all(false)
}

pub fn slow_ends_are_waited_for_together() -> Result<()> {
    receive_from_all(true)
}

fn wait_then_end(gate: Receiver<()>) -> Result<()> {
    Ok(gate.recv()?)
}

/// 프로세스의 끝, 받을 값, 상대의 죽음을 한 번에 기다립니다.
pub fn ends_and_processes_mix() -> Result<()> {
    let (gate, open) = pipe()?;
    let child = Process::spawn(wait_then_end, (gate,))?;
    let (inbox, outbox) = pipe::<i32>()?;
    let (lonely, others_end) = pipe::<u32>()?;
    let victim = Process::spawn(|_end: Sender<u32>| sleep_forever(), (others_end,))?;
    let waits = [&child as &dyn AsFd, &inbox, &lonely];
    ensure_eq!(wait_any(&waits, Some(Duration::ZERO))?, None);
    outbox.send(&7)?;
    ensure_eq!(wait_any(&waits, Some(PATIENCE))?, Some(1));
    ensure_eq!(inbox.recv()?, 7);
    victim.kill();
    expect_killed(victim.join())?;
    ensure_eq!(wait_any(&waits, Some(PATIENCE))?, Some(2));
    ensure_matches!(lonely.recv(), Err(ChannelError::Disconnected));
    open.send(&())?;
    ensure_eq!(wait_any(&waits[..2], Some(PATIENCE))?, Some(0));
    Ok(child.join()?)
}
