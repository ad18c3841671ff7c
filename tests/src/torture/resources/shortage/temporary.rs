//! 임시 파일을 만들 수 없습니다. 아무것도 임시 파일을 쓰지 않으므로 모두 그대로 됩니다.

use std::env::set_var;

use anyhow::{Result, ensure};
use ipc_core::Process;
use lock::Lock;
use pipe::{Duplex, duplex};
use pool::Pool;
use queue::Queue;
use semaphore::Semaphore;

use crate::ensure_eq;
use crate::wait::PATIENCE;

/// `turn`마다 다른 이유로 임시 파일을 만들 수 없게 하고, 모든 것을 한 번씩 써 봅니다.
pub fn work_without(turn: u32) -> Result<()> {
    let folder = match turn % 3 {
        0 => "/없는/폴더".to_string(),
        // 소켓의 경로는 108바이트를 넘지 못합니다.
        1 => format!("/tmp/{}", "x".repeat(145)),
        // 있지만, 루트도 파일을 만들 수 없는 곳입니다.
        _ => "/proc".to_string(),
    };
    ensure!(tempfile::tempfile_in(&folder).is_err(), "{folder}에 임시 파일이 만들어집니다");
    // SAFETY: 자식은 스레드가 하나뿐이어서, 환경 변수를 함께 읽는 스레드가 없습니다.
    unsafe { set_var("TMPDIR", folder) };

    let (left, right) = duplex::<String, usize>()?;
    let stage = (Queue::new()?, Lock::new(0)?, Semaphore::new(1)?);
    let child = Process::spawn(use_everything, (right, stage.clone()))?;
    for size in [1, 1 << 20] {
        left.send(&"x".repeat(size))?;
        ensure_eq!(left.recv_timeout(PATIENCE)?, size);
    }
    drop(left);
    ensure_eq!(stage.0.get_timeout(PATIENCE)?, 1);
    child.join()?;
    ensure_eq!(*stage.1.acquire()?, 1);
    let pool = Pool::new(2)?;
    ensure_eq!(pool.map(|n: u32| n + 1, 0..3)?, [1, 2, 3]);
    pool.join();
    Ok(())
}

fn use_everything(
    conn: Duplex<usize, String>,
    (queue, lock, semaphore): (Queue<u32>, Lock<u32>, Semaphore),
) -> Result<()> {
    for text in conn.iter() {
        conn.send(&text?.len())?;
    }
    let _permit = semaphore.acquire()?;
    *lock.acquire()? += 1;
    // 자식의 자식도 됩니다.
    ensure_eq!(Process::spawn(|n: u32| n + 1, (1,))?.join()?, 2);
    Ok(queue.put(&1)?)
}
