//! 넣은 일이 모두 끝났는지, 또는 끝날 수 없게 되었는지 압니다.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::Process;
use ipc_core::build::MutexError;
use nix::sys::signal::Signal;
use queue::{JoinableQueue, MAX_TASKS, QueueError};
use tests::children::{arrive_and_sleep, die_by, expect_killed, wait_count};
use tests::harness::random;
use tests::wait::{ONE_SECOND, PATIENCE, keeps_deadline, timed};
use tests::{Counter, counter, ensure_eq, ensure_matches};

/// 닫힐 때까지 일을 꺼내 마칩니다.
fn work(queue: JoinableQueue<u32>, finished: Counter) -> Result<()> {
    for task in queue.iter() {
        let task = task?;
        finished.fetch_add(1, SeqCst);
        task.done();
    }
    Ok(())
}

pub fn join_waits_for_every_task() -> Result<()> {
    let (queue, finished) = (JoinableQueue::new()?, counter()?);
    queue.join()?; // 넣은 것이 없으면 기다리지 않습니다.
    let workers = (0..4)
        .map(|_| Ok(Process::spawn(work, (queue.clone(), finished.clone()))?))
        .collect::<Result<Vec<_>>>()?;
    for round in 1..=20 {
        (0..10).try_for_each(|number| queue.put(&number))?;
        queue.join()?;
        ensure_eq!(finished.load(SeqCst), 10 * round);
    }
    queue.close()?;
    workers.into_iter().try_for_each(|worker| Ok(worker.join()?))
}

pub fn join_timeout_keeps_its_deadline() -> Result<()> {
    let queue = JoinableQueue::new()?;
    queue.put(&1u32)?;
    let waits = || -> Result<()> {
        for limit in [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(120)] {
            keeps_deadline(limit, || {
                ensure_matches!(queue.join_timeout(limit), Err(QueueError::Timeout));
                Ok(())
            })?;
        }
        Ok(())
    };
    waits()?; // 아직 꺼내지 않은 일
    let held = Process::spawn(hold, (queue.clone(), counter()?))?;
    wait_taken(&queue)?;
    waits()?; // 꺼냈지만 마치지 않은 일
    held.kill();
    expect_killed(held.join())
}

fn wait_taken(queue: &JoinableQueue<u32>) -> Result<()> {
    tests::wait::until("꺼내기", PATIENCE, || Ok(queue.is_empty()))
}

fn hold(queue: JoinableQueue<u32>, arrived: Counter) -> Result<()> {
    let _task = queue.get()?;
    arrive_and_sleep(&arrived)
}

/// 파이썬의 `join()`은 여기서 영원히 기다립니다.
pub fn holder_killed() -> Result<()> {
    let (queue, arrived) = (JoinableQueue::new()?, counter()?);
    (0..3).try_for_each(|number| queue.put(&number))?;
    let holder = Process::spawn(hold, (queue.clone(), arrived.clone()))?;
    wait_count("꺼내기", &arrived, 1)?;
    queue.get()?.done();
    holder.kill();
    expect_killed(holder.join())?;
    let (outcome, took) = timed(|| queue.join());
    ensure_matches!(outcome, Err(QueueError::Unfinished { count: 1 }));
    ensure!(took < ONE_SECOND, "{took:?} 뒤에야 알았습니다");
    // 남은 일은 이어서 할 수 있지만, 잃은 일은 잃은 채입니다.
    queue.get()?.done();
    ensure_matches!(queue.join(), Err(QueueError::Unfinished { count: 1 }));
    Ok(())
}

pub fn dropped_task_is_unfinished() -> Result<()> {
    let queue = JoinableQueue::<u32>::new()?;
    (0..3u32).try_for_each(|number| queue.put(&number))?;
    drop(queue.get()?);
    queue.try_get()?.done();
    queue.get_timeout(PATIENCE)?.done();
    ensure_matches!(queue.join_timeout(PATIENCE), Err(QueueError::Unfinished { count: 1 }));
    Ok(())
}

pub fn join_while_holding_is_an_error() -> Result<()> {
    let queue = JoinableQueue::<u32>::new()?;
    queue.put(&1u32)?;
    let task = queue.get()?;
    ensure_matches!(queue.join(), Err(QueueError::Mutex(MutexError::AlreadyHeld)));
    task.done();
    Ok(queue.join()?)
}

pub fn too_many_tasks_at_once() -> Result<()> {
    let queue = JoinableQueue::<u32>::new()?;
    (0..=MAX_TASKS as u32).try_for_each(|number| queue.put(&number))?;
    let mut held = (0..MAX_TASKS).map(|_| queue.get()).collect::<Result<Vec<_>, _>>()?;
    ensure_matches!(queue.get().map(|task| *task), Err(QueueError::TooManyTasks));
    held.remove(0).done();
    // 거절당한 일은 큐에 남아 있었습니다.
    let last = queue.get()?;
    ensure_eq!(*last, MAX_TASKS as u32);
    held.into_iter().chain([last]).for_each(queue::Task::done);
    Ok(queue.join()?)
}

/// 정해진 수만큼 마친 뒤, 다음 일을 쥔 채 죽습니다.
fn work_then_die(queue: JoinableQueue<u32>, finished: Counter, tasks: u32) -> Result<()> {
    for _ in 0..tasks {
        let task = queue.get()?;
        finished.fetch_add(1, SeqCst);
        task.done();
    }
    let _task = queue.get()?;
    die_by(Signal::SIGKILL);
    Ok(())
}

/// 여럿이 죽어도 남은 쪽이 나머지를 마치고, 잃은 수는 쥔 채 죽은 수와 같습니다.
pub fn survivors_finish_the_rest() -> Result<()> {
    const TASKS: u32 = 500;
    const DEATHS: u32 = 5;
    let mut random = random("survivors_finish_the_rest")?;
    let (queue, finished) = (JoinableQueue::new()?, counter()?);
    (0..TASKS).try_for_each(|number| queue.put(&number))?;
    let dying = (0..DEATHS)
        .map(|_| {
            let args = (queue.clone(), finished.clone(), random.u32(0..TASKS / (2 * DEATHS)));
            Ok(Process::spawn(work_then_die, args)?)
        })
        .collect::<Result<Vec<_>>>()?;
    dying.into_iter().try_for_each(|process| expect_killed(process.join()))?;
    let survivor = Process::spawn(work, (queue.clone(), finished.clone()))?;
    queue.close()?;
    survivor.join()?;
    ensure_eq!(finished.load(SeqCst), TASKS - DEATHS);
    ensure_matches!(queue.join(), Err(QueueError::Unfinished { count: DEATHS }));
    Ok(())
}
