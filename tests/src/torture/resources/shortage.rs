//! 얻을 수 없는 것들: 디스크립터, 프로세스, 메모리, 임시 파일.

mod descriptors;
mod memory;
mod processes;
mod temporary;

use std::fmt::Display;

use anyhow::{Result, ensure};
use ipc_channel::ipc::IpcSharedMemory;
use ipc_core::Process;
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use pipe::pipe;

use crate::torture::Round;

/// 차례마다 네 가지를 번갈아 해 봅니다. 어느 것이든 자식 안에서 하므로, 한도는 이 프로세스에 남지 않습니다.
pub fn round(round: &mut Round) -> Result<()> {
    let (kind, turn) = (round.number % 4, round.number / 4);
    let seed = round.random.u64(..);
    match kind {
        0 => {
            let limits = descriptors::LIMITS;
            let turn = if round.long { turn } else { round.random.u32(..) };
            let limit = limits.start() + u64::from(turn) % (limits.end() - limits.start() + 1);
            Process::spawn(descriptors::exhaust, (limit, seed))?.join()?;
        }
        1 => Process::spawn(processes::exhaust, (seed,))?.join()?,
        2 => {
            let (inbox, outbox) = pipe()?;
            let child = Process::spawn(memory::exhaust, (inbox,))?;
            memory::send_to(&outbox)?;
            child.join()?;
        }
        _ => Process::spawn(temporary::work_without, (turn,))?.join()?,
    }
    Ok(())
}

/// 배우는 사람이 읽을 수 있는 에러인지 봅니다.
fn in_korean(error: impl Display) -> Result<()> {
    let message = format!("{error:#}");
    let hangul = message.chars().any(|letter| ('가'..='힣').contains(&letter));
    ensure!(hangul, "한국어로 알리지 않는 에러입니다: {message}");
    Ok(())
}

/// 시작하다 만 것까지, 자식이 하나도 남지 않았는지 봅니다.
fn no_children(after: &str) -> Result<()> {
    let children = waitpid(None, Some(WaitPidFlag::WNOHANG));
    ensure!(children == Err(Errno::ECHILD), "{after}: 자식이 남았습니다({children:?})");
    Ok(())
}

/// 디스크립터가 모자랄 때까지 공유 메모리를 만듭니다.
fn foreign_memory() -> Result<()> {
    std::panic::set_hook(Box::new(|_| {}));
    let limit = *descriptors::LIMITS.start();
    descriptors::set_limit(limit)?;
    let _kept: Vec<_> = (0..limit).map(|_| IpcSharedMemory::from_byte(0, 4096)).collect();
    Ok(())
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    Ok(Process::spawn(foreign_memory, ())?.join()?)
}
