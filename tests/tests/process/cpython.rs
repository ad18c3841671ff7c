//! CPython의 테스트에 있는 것 가운데, 다른 파일에 없던 것들.

use std::fs::{File, read_dir};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::parent_id;
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::{close, gettid};
use pipe::{Receiver, Sender, pipe};
use serde::{Deserialize, Serialize};
use tests::children::sleep_forever;
use tests::wait::PATIENCE;
use tests::{ensure_eq, ensure_matches};

const MANY: u32 = 40;

/// 한꺼번에 많이 시작해도 저마다 끝나고, 한꺼번에 끝낼 수 있습니다.
pub fn many_at_once() -> Result<()> {
    let brief = |n: u32| std::thread::sleep(Duration::from_millis(u64::from(n % 3)));
    let quick = (0..MANY).map(|n| Process::spawn(brief, (n,))).collect::<Result<Vec<_>, _>>()?;
    for process in quick {
        process.join()?;
    }
    let slow =
        (0..MANY).map(|_| Process::spawn(sleep_forever, ())).collect::<Result<Vec<_>, _>>()?;
    slow.iter().for_each(Process::terminate);
    for process in slow {
        ensure_matches!(process.join(), Err(ProcessError::Killed { signal: libc::SIGTERM, .. }));
    }
    Ok(())
}

pub fn child_knows_its_parent() -> Result<()> {
    ensure_eq!(Process::spawn(parent_id, ())?.join()?, id());
    Ok(())
}

/// 작업은 자식의 주 스레드에서 실행됩니다.
pub fn task_runs_on_the_main_thread() -> Result<()> {
    let (process, thread) = Process::spawn(|| (id(), gettid().as_raw()), ())?.join()?;
    ensure_eq!(process as i32, thread);
    ensure_eq!(process != id(), true);
    Ok(())
}

fn count_descriptors(counts: Sender<usize>, stay: Receiver<()>) -> Result<()> {
    counts.send(&read_dir("/proc/self/fd")?.count())?;
    let _ = stay.recv();
    Ok(())
}

/// 먼저 시작한 형제가 많아도 자식이 물려받는 디스크립터는 늘지 않습니다.
pub fn later_children_inherit_no_more() -> Result<()> {
    let mut children = Vec::new();
    for _ in 0..5 {
        let (inbox, counts) = pipe()?;
        let (stay, leave) = pipe()?;
        let child = Process::spawn(count_descriptors, (counts, stay))?;
        children.push((inbox.recv_timeout(PATIENCE)?, child, leave));
    }
    let counts: Vec<usize> = children.iter().map(|(count, ..)| *count).collect();
    ensure_eq!(counts.iter().all(|count| *count == counts[0]), true);
    for (_, child, leave) in children {
        drop(leave);
        child.join()?;
    }
    Ok(())
}

/// 그 번호의 디스크립터가 열려 있는지.
fn is_open(number: i32) -> bool {
    // SAFETY: 이 함수 안에서 묻기만 합니다. 열려 있지 않으면 EBADF를 받습니다.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(fd, FcntlArg::F_GETFD).is_ok()
}

pub fn open_file_is_not_inherited() -> Result<()> {
    let file = File::open("/dev/null")?;
    let high = fcntl(&file, FcntlArg::F_DUPFD_CLOEXEC(500))?;
    ensure_eq!((is_open(file.as_raw_fd()), is_open(high)), (true, true));
    ensure_eq!(Process::spawn(is_open, (high,))?.join()?, false);
    close(high)?;
    Ok(())
}

fn without(standard: Vec<i32>) -> Result<u32> {
    standard.into_iter().try_for_each(close)?;
    Ok(Process::spawn(|| 5, ())?.join()?)
}

/// 표준 입출력이 닫힌 프로세스도 자식을 만들고 값을 반환합니다. 소켓이 그 번호에 놓여도 그렇습니다.
pub fn closed_output_does_no_harm() -> Result<()> {
    for standard in [vec![1, 2], vec![1], vec![2], vec![0], vec![0, 1, 2]] {
        let mut process = Process::spawn(without, (standard,))?;
        ensure_eq!(process.join_timeout(PATIENCE)?, 5);
    }
    Ok(())
}

static DROPPED: AtomicU32 = AtomicU32::new(0);

#[derive(Serialize, Deserialize)]
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, SeqCst);
    }
}

/// 건넨 인수는 부모에 남지 않습니다. 자식이 끝나기 전에도 그렇습니다.
pub fn arguments_leave_the_parent() -> Result<()> {
    let before = DROPPED.load(SeqCst);
    let (stay, leave) = pipe()?;
    let hold = |_counted: Counted, stay: Receiver<()>| drop(stay.recv());
    let child = Process::spawn(hold, (Counted, stay))?;
    ensure_eq!(DROPPED.load(SeqCst), before + 1);
    drop(leave);
    Ok(child.join()?)
}
