//! 테스트가 끝난 뒤 남은 것을 찾습니다: 자식 프로세스(좀비도), 열린 디스크립터, 스레드, 임시 파일.
//!
//! `/dev/shm`은 다른 프로그램도 쓰므로 개수를 세지 않습니다. 대신 예제의 프로세스가 그 아래의 파일을 열거나 매핑하지
//! 않는지 봅니다(`breaking.rs`).

use std::collections::BTreeSet;
use std::env::temp_dir;
use std::ffi::OsString;
use std::fs::read_dir;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, wait, waitid};

use crate::procfs::{children, signal};
use crate::wait::until;

/// 테스트를 시작할 때의 모습.
pub struct Snapshot {
    descriptors: usize,
    threads: usize,
    temporary: BTreeSet<OsString>,
}

impl Snapshot {
    pub fn take() -> Result<Snapshot> {
        no_children()?;
        let (descriptors, threads) = (descriptors()?, threads()?);
        Ok(Snapshot { descriptors, threads, temporary: temporary()? })
    }

    /// 시작할 때와 다른 것이 있으면 에러입니다.
    ///
    /// 남은 자식은 알린 뒤에 회수해, 다음 테스트까지 실패하지 않게 합니다.
    pub fn check(&self) -> Result<()> {
        no_children().inspect_err(|_| clear())?;
        let open = descriptors()?;
        ensure!(
            open == self.descriptors,
            "열린 디스크립터가 {}개에서 {open}개로 바뀌었습니다",
            self.descriptors
        );
        let left: Vec<_> = temporary()?.difference(&self.temporary).cloned().collect();
        ensure!(left.is_empty(), "임시 폴더에 남은 것이 있습니다: {left:?}");
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

/// 남은 자식을 모두 끝내고 회수합니다.
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

/// 임시 폴더에 있는 것들. 이 프로그램만의 폴더입니다(`harness.rs`).
fn temporary() -> Result<BTreeSet<OsString>> {
    read_dir(temp_dir())?.map(|entry| Ok(entry?.file_name())).collect()
}
