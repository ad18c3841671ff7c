//! 시험이 끝난 뒤 남은 것을 찾습니다: 자식 프로세스(좀비도), 열린 디스크립터, 스레드.

use std::fs::read_dir;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, wait, waitid};

use crate::procfs::{children, signal};
use crate::wait::until;

/// 시험을 시작할 때의 모습.
pub struct Snapshot {
    descriptors: usize,
    threads: usize,
}

impl Snapshot {
    pub fn take() -> Result<Snapshot> {
        no_children()?;
        Ok(Snapshot { descriptors: descriptors()?, threads: threads()? })
    }

    /// 시작할 때와 다른 것이 있으면 에러입니다.
    ///
    /// 남은 자식은 알린 뒤에 거두어, 다음 시험까지 실패하지 않게 합니다.
    pub fn check(&self) -> Result<()> {
        no_children().inspect_err(|_| clear())?;
        let open = descriptors()?;
        ensure!(
            open == self.descriptors,
            "열린 디스크립터가 {}개에서 {open}개로 바뀌었습니다",
            self.descriptors
        );
        // 끝난 스레드가 목록에서 사라지는 데는 잠깐 걸립니다.
        until("스레드가 모두 끝나기", Duration::from_secs(5), || {
            Ok(threads()? == self.threads)
        })
    }
}

/// 좀비까지 포함해 자식이 하나도 없어야 합니다.
fn no_children() -> Result<()> {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::All, look) {
        Err(Errno::ECHILD) => Ok(()),
        Ok(status) => bail!("자식 프로세스가 남았습니다({status:?})"),
        Err(errno) => bail!("자식 프로세스를 확인하지 못했습니다({errno})"),
    }
}

/// 남은 자식을 모두 끝내고 거두어들입니다.
fn clear() {
    // 자식이 죽으면 그 자식의 자식들이 이 프로세스에 맡겨집니다. 하나도 없을 때까지 되풀이합니다.
    loop {
        let left = children(std::process::id()).unwrap_or_default();
        if left.is_empty() {
            return;
        }
        for pid in left {
            let _ = signal(pid, Signal::SIGKILL);
        }
        let _ = wait();
    }
}

/// 이 프로세스에 열린 디스크립터의 수.
fn descriptors() -> Result<usize> {
    Ok(read_dir("/proc/self/fd")?.count())
}

fn threads() -> Result<usize> {
    Ok(read_dir("/proc/self/task")?.count())
}
