//! CPython의 테스트에 있는 것 가운데, 다른 파일에 없던 것들.

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::Process;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pool::{Pool, PoolError};
use tests::procfs::{all_gone, children};
use tests::wait::{ONE_SECOND, timed};
use tests::{ensure_eq, ensure_matches};

fn square(n: u64) -> u64 {
    n * n
}

/// `good`개를 낸 뒤 패닉하는 입력. 화면을 어지럽히지 않으려고 훅을 호출하지 않는 방법으로 패닉합니다.
fn failing_input(good: u64) -> impl Iterator<Item = u64> {
    (0..1000).inspect(move |&n| {
        if n == good {
            std::panic::resume_unwind(Box::new("입력의 패닉"))
        }
    })
}

/// 입력 반복자가 패닉하면 그 패닉이 호출한 쪽으로 나오고, 풀은 계속 씁니다.
pub fn panicking_input_leaves_the_pool_usable() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(1).build()?;
    for good in [0, 0, 3] {
        let map = || pool.map(square, failing_input(good));
        ensure!(catch_unwind(map).is_err(), "패닉이 사라졌습니다");
        let mut iterators = [Some(pool.imap(square, failing_input(good))), None];
        iterators[1] = Some(pool.imap_unordered(square, failing_input(good)));
        for iterator in iterators.into_iter().flatten() {
            let drain = || iterator.for_each(drop);
            ensure!(catch_unwind(AssertUnwindSafe(drain)).is_err(), "패닉이 사라졌습니다");
        }
        ensure_eq!(pool.map(square, 0..10)?, (0..10).map(square).collect::<Vec<_>>());
    }
    Ok(())
}

pub fn imap_in_chunks_ends_once() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(100).build()?;
    let mut results = pool.imap(square, 0..1000);
    for n in 0..1000 {
        ensure_eq!(results.next().transpose()?, Some(square(n)));
    }
    ensure_eq!((results.next().is_none(), results.next().is_none()), (true, true));
    let mut any: Vec<u64> = pool.imap_unordered(square, 0..1000).collect::<Result<_, _>>()?;
    any.sort_unstable();
    ensure_eq!(any, (0..1000).map(square).collect::<Vec<_>>());
    Ok(())
}

/// 긴 일이 많이 밀려 있어도 바로 끝납니다.
pub fn terminate_among_long_tasks() -> Result<()> {
    let pool = Pool::new(3)?;
    let long = || sleep(Duration::from_secs(600));
    let tasks = (0..1000).map(|_| pool.apply_async(long, ())).collect::<Result<Vec<_>, _>>()?;
    drop(tasks);
    let workers = pool.worker_ids();
    let ((), took) = timed(|| pool.terminate());
    ensure!(took < ONE_SECOND, "{took:?}이나 걸렸습니다");
    all_gone(&workers, ONE_SECOND)
}

fn fail_at_length(n: u32) -> Result<u32> {
    anyhow::bail!("{n}: {}", "x".repeat(1 << 20))
}

/// 큰 실패가 여럿이어도 닫고 기다리는 데 막히지 않습니다.
pub fn large_errors_from_every_worker() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(1).build()?;
    let outcome = pool.map(fail_at_length, [0, 1]);
    ensure_matches!(outcome.map_err(|error| error.to_string().len() > 1 << 20), Err(true));
    pool.close();
    pool.join();
    Ok(())
}

/// 작업자마다 한 묶음만 하는 풀을, 맡긴 일이 끝나기 전에 닫습니다. 0은 1로 봅니다.
pub fn early_close_with_short_lives() -> Result<()> {
    for lives in [1, 0] {
        let pool = Pool::builder().workers(3).max_tasks_per_child(lives).build()?;
        let slow = |n: u64| {
            sleep(Duration::from_millis(30));
            n * n
        };
        let tasks = (0..6).map(|n| pool.apply_async(slow, (n,))).collect::<Result<Vec<_>, _>>()?;
        pool.close();
        for (n, task) in (0..).zip(tasks) {
            ensure_eq!(task.get()?, square(n));
        }
        pool.join();
    }
    Ok(())
}

fn forget_a_pool() -> Result<Vec<u32>> {
    let pool = Pool::new(2)?;
    ensure_eq!(pool.map(square, 0..10)?.len(), 10);
    let workers = pool.worker_ids();
    forget(pool);
    Ok(workers)
}

/// 버리지 않은 풀의 작업자도 프로그램과 함께 끝납니다.
pub fn forgotten_pool_ends_with_the_process() -> Result<()> {
    all_gone(&Process::spawn(forget_a_pool, ())?.join()?, ONE_SECOND)
}

fn pool_without_descriptors(spare: u64) -> Result<Vec<u32>> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let open = std::fs::read_dir("/proc/self/fd")?.count() as u64;
    setrlimit(Resource::RLIMIT_NOFILE, open + spare, most)?;
    match Pool::new(5) {
        // 하나라도 띄웠으면 그들로 일합니다.
        Ok(pool) => ensure_eq!(pool.map(square, 0..10)?.len(), 10),
        Err(error) => ensure_matches!(error, PoolError::Start(_)),
    }
    setrlimit(Resource::RLIMIT_NOFILE, open + 20, most)?;
    children(std::process::id())
}

/// 작업자를 다 띄우지 못해도, 띄운 것이 남지 않습니다.
pub fn started_workers_do_not_leak() -> Result<()> {
    for spare in 0..20 {
        ensure_eq!(Process::spawn(pool_without_descriptors, (spare,))?.join()?, Vec::<u32>::new());
    }
    Ok(())
}

/// 코어보다 훨씬 많은 작업자. 책상에 볼 것이 있음을 알리는 비트(예순넷)보다도 많습니다.
pub fn large_pool() -> Result<()> {
    let pool = Pool::new(100)?;
    ensure_eq!(pool.map(square, 0..1000)?.iter().sum::<u64>(), 332_833_500);
    let squares = pool.imap_unordered(square, 0..1000).collect::<Result<Vec<u64>, _>>()?;
    ensure_eq!(squares.iter().sum::<u64>(), 332_833_500);
    Ok(())
}

pub fn default_worker_count() -> Result<()> {
    let pool = Pool::builder().build()?;
    ensure_eq!(pool.worker_ids().len(), available_parallelism()?.get());
    Ok(())
}
