//! 디스크립터가 모자랄 때까지 만듭니다.

use std::any::Any;
use std::ops::RangeInclusive;

use anyhow::{Context, Result, ensure};
use ipc_core::Process;
use ipc_core::build::Channel;
use lock::Lock;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pipe::pipe;
use pool::Pool;
use queue::Queue;
use semaphore::Semaphore;

use super::{in_korean, no_children};
use crate::children::sleep_forever;
use crate::procfs::open_count;
use crate::wait::PATIENCE;

/// 해 보는 한도들.
pub const LIMITS: RangeInclusive<u64> = 24..=64;
/// 뒤섞어 만들고 버리는 횟수.
const SHUFFLES: u32 = 60;

type Kept = Box<dyn Any>;
type Make = fn() -> Result<Kept>;

/// 디스크립터가 드는 것들. 되거나 에러가 되어야 합니다.
const KINDS: [(&str, Make); 9] = [
    ("파이프", || Ok(Box::new(pipe::<u8>()?))),
    ("큐", || Ok(Box::new(Queue::<u8>::with_capacity(64)?))),
    ("락", || Ok(Box::new(Lock::new(0u8)?))),
    ("세마포어", || Ok(Box::new(Semaphore::new(2)?))),
    ("프로세스", || {
        let process = Process::spawn(sleep_forever, ())?;
        // 끝난 것도 버릴 때까지 디스크립터를 쥡니다. 일부러 끝내 두면 버릴 때 알리지 않습니다.
        process.kill();
        Ok(Box::new(process))
    }),
    ("풀", || Ok(Box::new(Pool::new(3)?))),
    ("일하는 풀", || {
        let pool = Pool::new(2)?;
        ensure!(pool.map(|n: u32| n + 1, 0..4)? == [1, 2, 3, 4], "결과가 다릅니다");
        Ok(Box::new(pool))
    }),
    ("큰 메시지", || {
        let (inbox, outbox) = pipe::<String>()?;
        outbox.send(&"x".repeat(100_000))?;
        ensure!(inbox.recv_timeout(PATIENCE)?.len() == 100_000, "내용이 다릅니다");
        Ok(Box::new(inbox))
    }),
    ("끝이 든 메시지", || {
        let (inbox, outbox) = pipe::<Channel>()?;
        let (end, _other) = Channel::pair()?;
        outbox.send(&end)?;
        Ok(Box::new(inbox.recv_timeout(PATIENCE)?))
    }),
];

/// 앞으로 열 수 있는 번호의 한도.
pub fn set_limit(limit: u64) -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, limit, hard)?)
}

pub fn exhaust(limit: u64, seed: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    set_limit(limit)?;
    let before = open_count();
    ensure!(before < LIMITS.start() / 2, "시작할 때 이미 {before}개가 열려 있습니다");
    for (name, make) in KINDS {
        let made = fill(limit, make).with_context(|| format!("한도 {limit}, {name}"))?;
        // 작업자마다 디스크립터가 드는 풀만은 낮은 한도에서 하나도 만들지 못할 수 있습니다.
        ensure!(made > 0 || name.ends_with('풀'), "한도 {limit}: {name}도 만들지 못했습니다");
        ensure!(open_count() == before, "한도 {limit}, {name}: 디스크립터가 샜습니다");
        no_children(name)?;
    }
    let mut kept = Vec::new();
    for _ in 0..SHUFFLES {
        let (name, make) = KINDS[random.usize(0..KINDS.len())];
        match make() {
            Ok(made) => kept.push(made),
            Err(error) => {
                in_korean(error).with_context(|| format!("한도 {limit}, {name}"))?;
                // 무엇이든 하나를 버리고 다시 해 봅니다.
                if !kept.is_empty() {
                    kept.swap_remove(random.usize(0..kept.len()));
                }
            }
        }
    }
    drop(kept);
    ensure!(open_count() == before, "한도 {limit}, 뒤섞은 뒤: 디스크립터가 샜습니다");
    no_children("뒤섞은 뒤")
}

/// 에러가 될 때까지 만듭니다. 만든 수를 반환합니다.
fn fill(limit: u64, make: Make) -> Result<usize> {
    let mut kept = Vec::new();
    for _ in 0..=limit {
        match make() {
            Ok(made) => kept.push(made),
            Err(error) => {
                in_korean(error)?;
                return Ok(kept.len());
            }
        }
    }
    anyhow::bail!("한도를 넘어 {}개를 만들었습니다", kept.len())
}
