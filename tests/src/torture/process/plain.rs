//! 부모를 따라 죽지 않는 평범한 자식입니다. 테스트가 실패할 줄 아는지 보는 데 씁니다.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpgid, setpgid};

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
    let mut child = Vec::new();
    // 막 태어난 자식은 아직 부모의 그룹에 있습니다.
    until("평범한 자식이 제 그룹을 갖기", PATIENCE, || {
        child = children(parent.id())?;
        let leads = |pid: &u32| {
            getpgid(Some(Pid::from_raw(*pid as i32)))
                .is_ok_and(|group| group.as_raw() == *pid as i32)
        };
        Ok(!child.is_empty() && child.iter().all(leads))
    })?;
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
