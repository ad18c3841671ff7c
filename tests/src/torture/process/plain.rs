//! 부모를 따라 죽지 않는 평범한 자식입니다. 시험이 실패할 줄 아는지 보는 데 씁니다.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, setpgid};

use crate::ensure_matches;
use crate::procfs::{all_gone, children, signal};
use crate::wait::{ONE_SECOND, PATIENCE, until};

/// 다른 그룹에 평범한 자식을 두고 잡니다.
fn plain_parent() -> Result<()> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    Command::new("sleep").arg("600").process_group(0).status()?;
    Ok(())
}

/// 부모를 `end`로 끝내면 평범한 자식도 끝나야 합니다. 남으면 에러입니다.
pub fn child_must_end(end: fn(u32) -> Result<()>) -> Result<()> {
    let parent = Process::spawn(plain_parent, ())?;
    until("평범한 자식이 시작하기", PATIENCE, || Ok(!children(parent.id())?.is_empty()))?;
    let child = children(parent.id())?;
    end(parent.id())?;
    ensure_matches!(parent.join(), Err(ProcessError::Killed { .. }));
    let outcome = all_gone(&child, ONE_SECOND);
    if outcome.is_err() {
        for &pid in &child {
            signal(pid, Signal::SIGKILL)?;
        }
        all_gone(&child, PATIENCE)?;
    }
    outcome
}
