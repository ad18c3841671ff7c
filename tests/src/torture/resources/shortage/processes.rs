//! 프로세스를 더 만들 수 없을 때까지 만듭니다.
//!
//! 루트에게는 프로세스 수의 한도(`RLIMIT_NPROC`)가 적용되지 않습니다. 그래서 루트라면 아무도 쓰지 않는 사용자가 된
//! 뒤에 해 봅니다. 커널은 그 사용자의 프로세스만 셉니다.

use anyhow::{Result, ensure};
use ipc_core::{Process, ProcessError};
use nix::sys::resource::{Resource, setrlimit};
use pool::{Pool, PoolError};

use super::{in_korean, no_children};
use crate::children::{expect_killed, leave_root, sleep_forever};
use crate::ensure_matches;

pub fn exhaust(seed: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    leave_root(random.u32(1 << 20..1 << 24))?;
    // 이 프로세스까지 셉니다. 루트가 아니라면 다른 프로세스도 세므로 처음부터 거절될 수 있습니다.
    let limit = random.usize(1..9);
    setrlimit(Resource::RLIMIT_NPROC, limit as u64, limit as u64)?;
    let mut started = Vec::new();
    for _ in 0..3 {
        let refused = loop {
            match Process::spawn(sleep_forever, ()) {
                Ok(process) => started.push(process),
                Err(error) => break error,
            }
            ensure!(started.len() < limit, "한도({limit}개)를 넘어 시작했습니다");
        };
        ensure_matches!(refused, ProcessError::Start(_));
        in_korean(refused)?;
        // 하나를 회수하면 다시 하나를 시작할 수 있습니다.
        if let Some(process) = started.pop() {
            process.kill();
            expect_killed(process.join())?;
        }
    }
    started.iter().for_each(Process::kill);
    drop(started);
    no_children("프로세스")?;
    use_pool(limit)?;
    no_children("풀")
}

/// 작업자를 다 띄우지 못한 풀도, 하나라도 있으면 일합니다.
fn use_pool(limit: usize) -> Result<()> {
    match Pool::new(limit + 2) {
        Ok(pool) => {
            ensure!(pool.worker_ids().len() < limit, "한도를 넘은 작업자가 있습니다");
            let squares = pool.map(|n: u32| n * n, 0..100)?;
            ensure!(squares.iter().zip(0..).all(|(square, n)| *square == n * n), "결과가 다릅니다");
            pool.join();
            Ok(())
        }
        Err(refused @ PoolError::Start(_)) => in_korean(refused),
        Err(other) => Err(other.into()),
    }
}
