//! 마지막 송신자가 사라지면 끝이 옵니다.

use std::process::exit;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ipc_core::{Process, ProcessError, wait_any};
use nix::sys::signal::Signal;
use pipe::{ChannelError, Receiver, Sender, pipe};
use serde::{Deserialize, Serialize};

use crate::children::{die_by, quiet_panic, sleep_forever, wait_asleep};
use crate::ensure_matches;
use crate::procfs::{all_gone, children};
use crate::torture::Round;
use crate::wait::{ONE_SECOND, PATIENCE, SLACK};

/// 송신자가 사라지는 방법.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Way {
    /// 가만히 있다가 밖에서 죽임을 당합니다.
    KilledIdle,
    /// 쉬지 않고 보내다가 밖에서 죽임을 당합니다.
    KilledSending,
    /// 끝을 건네받은 손자가 마지막 송신자이고, 그 부모가 죽임을 당합니다.
    KilledParent,
    Return,
    Exit,
    Panic,
    Abort,
}

const WAYS: [Way; 7] = [
    Way::KilledIdle,
    Way::KilledSending,
    Way::KilledParent,
    Way::Return,
    Way::Exit,
    Way::Panic,
    Way::Abort,
];

/// 한 번 보내고, 정해진 대로 사라집니다.
fn send_and_vanish(outbox: Sender<u32>, way: Way) -> Result<()> {
    if let Way::KilledParent = way {
        return Ok(Process::spawn(send_and_vanish, (outbox, Way::KilledIdle))?.join()?);
    }
    outbox.send(&1)?;
    match way {
        Way::KilledSending => loop {
            outbox.send(&2)?;
        },
        Way::KilledIdle | Way::KilledParent => sleep_forever(),
        Way::Return => {}
        Way::Exit => exit(3),
        Way::Panic => quiet_panic("보내고 패닉"),
        Way::Abort => die_by(Signal::SIGABRT),
    }
    Ok(())
}

pub fn round(round: &mut Round) -> Result<()> {
    let way = WAYS[round.number as usize % WAYS.len()];
    let mut fastest = Duration::MAX;
    // 컴퓨터가 바쁘면 죽는 것 자체가 늦으므로, 세 번까지 다시 재어 가장 빠른 것으로 판단합니다.
    for _ in 0..3 {
        let took = until_end(way, &mut round.random)?;
        fastest = fastest.min(took);
        if took <= SLACK {
            round.landed();
            return Ok(());
        }
    }
    anyhow::bail!("{way:?}: 끝이 {fastest:?} 만에 왔습니다")
}

/// 송신자가 사라지고 끝이 오기까지 걸린 시간.
fn until_end(way: Way, random: &mut fastrand::Rng) -> Result<Duration> {
    let mut siblings = Vec::new();
    for _ in 0..random.usize(1..3) {
        siblings.push(Process::spawn(sleep_forever, ())?);
    }
    let (inbox, outbox) = pipe()?;
    siblings.push(Process::spawn(sleep_forever, ())?);
    let sender = Process::spawn(send_and_vanish, (outbox, way))?;
    for _ in 0..random.usize(1..3) {
        siblings.push(Process::spawn(sleep_forever, ())?);
    }
    ensure!(inbox.recv_timeout(PATIENCE)? == 1, "첫 값이 다릅니다");
    for sibling in &siblings {
        wait_asleep(sibling)?;
    }
    let grandchildren = children(sender.id()).unwrap_or_default();
    let killed = matches!(way, Way::KilledIdle | Way::KilledSending | Way::KilledParent);
    let took = if killed {
        let start = Instant::now();
        sender.kill();
        drain(&inbox)?;
        start.elapsed()
    } else {
        // 스스로 끝나는 송신자는 이미 끝났거나 끝나는 중입니다.
        wait_gone(&sender)?;
        let start = Instant::now();
        drain(&inbox)?;
        start.elapsed()
    };
    all_gone(&grandchildren, ONE_SECOND)?;
    ensure!(siblings.iter().all(Process::is_running), "형제가 먼저 끝났습니다");
    // 그냥 버리면 형제마다 조인하지 않았다는 알림이 나옵니다.
    siblings.iter().for_each(Process::kill);
    match (way, sender.join()) {
        (Way::Return, Ok(()))
        | (Way::Exit, Err(ProcessError::Exited { code: 3, .. }))
        | (Way::Panic, Err(ProcessError::Panicked { .. }))
        | (Way::Abort, Err(ProcessError::Killed { .. })) => Ok(took),
        (_, Err(ProcessError::Killed { .. })) if killed => Ok(took),
        (way, ended) => anyhow::bail!("{way:?}: 다르게 끝났습니다: {ended:?}"),
    }
}

fn drain(inbox: &Receiver<u32>) -> Result<()> {
    loop {
        match inbox.recv_timeout(ONE_SECOND) {
            Ok(_) => {}
            Err(ChannelError::Disconnected) => return Ok(()),
            Err(error) => return Err(error).context("끝이 오지 않습니다"),
        }
    }
}

fn wait_gone(process: &Process<()>) -> Result<()> {
    let gone = wait_any(&[process], Some(PATIENCE))?;
    ensure!(gone.is_some(), "송신자가 끝나지 않습니다");
    Ok(())
}

/// 파이썬의 `fork`처럼, 디스크립터를 형제가 물려받는 파이프.
pub fn inherited(_: &mut Round) -> Result<()> {
    let (reader, writer) = nix::unistd::pipe()?;
    let sibling = Process::spawn(sleep_forever, ())?;
    wait_asleep(&sibling)?;
    drop(writer);
    let ended = wait_any(&[&reader], Some(ONE_SECOND))?;
    sibling.kill();
    ensure_matches!(sibling.join(), Err(ProcessError::Killed { .. }));
    ensure!(ended.is_some(), "마지막 송신자가 사라지고 {ONE_SECOND:?} 뒤에도 끝이 오지 않습니다");
    Ok(())
}
