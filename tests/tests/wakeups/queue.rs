//! 큐에서 항목이나 공간을 기다리는 프로세스.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ipc_core::Process;
use nix::sys::signal::Signal;
use pipe::{Receiver, pipe};
use queue::{JoinableQueue, Queue, QueueError};
use semaphore::Semaphore;
use tests::children::expect_killed;
use tests::procfs::{signal, wait_state};
use tests::{Counter, counter, ensure_eq, ensure_matches};

use crate::{arrive, end_soon, longest, nobody_waited_long, soon, wait_all_asleep};

const LONG: Duration = Duration::from_secs(30);

fn take(queue: Queue<u32>, arrived: Counter) -> Result<u32> {
    arrive(&arrived);
    Ok(queue.get()?)
}

fn take_with_deadline(queue: Queue<u32>, arrived: Counter) -> Result<u32> {
    arrive(&arrived);
    Ok(queue.get_timeout(LONG)?)
}

/// 모두 잠든 사이에 항목을 그만큼 넣으면, 모두 하나씩 꺼냅니다.
pub fn getters() -> Result<()> {
    for count in [1_u32, 2, 4, 16] {
        for round in 0..3 {
            let (queue, arrived) = (Queue::new()?, counter()?);
            let spawn = |_| match round {
                0 => Process::spawn(take_with_deadline, (queue.clone(), arrived.clone())),
                _ => Process::spawn(take, (queue.clone(), arrived.clone())),
            };
            let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
            wait_all_asleep(&processes, &arrived)?;
            let start = Instant::now();
            for item in 0..count {
                if round == 2 { queue.try_put(&item)? } else { queue.put(&item)? }
            }
            let mut taken = end_soon(start, processes)?;
            taken.sort_unstable();
            ensure_eq!(taken, (0..count).collect::<Vec<_>>());
        }
    }
    Ok(())
}

fn give(queue: Queue<u32>, item: u32, arrived: Counter) -> Result<()> {
    arrive(&arrived);
    Ok(queue.put(&item)?)
}

pub fn putters() -> Result<()> {
    for count in [1_u32, 2, 6, 15] {
        let (queue, arrived) = (Queue::with_maxsize(1)?, counter()?);
        queue.put(&u32::MAX)?;
        let spawn = |item| Process::spawn(give, (queue.clone(), item, arrived.clone()));
        let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        wait_all_asleep(&processes, &arrived)?;
        let start = Instant::now();
        ensure_eq!(queue.try_get()?, u32::MAX); // 하나만 꺼내면 하나만 들어갑니다.
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(soon("넣은 것을 꺼내기", || Ok(queue.get_timeout(LONG)?))?);
        }
        end_soon(start, processes)?;
        taken.sort_unstable();
        ensure_eq!(taken, (0..count).collect::<Vec<_>>());
    }
    Ok(())
}

fn give_text(queue: Queue<Vec<u8>>, size: u32, arrived: Counter) -> Result<()> {
    arrive(&arrived);
    Ok(queue.put(&vec![7; size as usize])?)
}

/// 큰 항목은 여러 번 꺼내야 들어갑니다. 그때마다 깨어나 살펴봅니다.
pub fn large_putter() -> Result<()> {
    let (queue, arrived) = (Queue::with_capacity(64 * 1024)?, counter()?);
    let mut small = 0;
    while queue.try_put(&vec![1; 4000]).is_ok() {
        small += 1;
    }
    let large = Process::spawn(give_text, (queue.clone(), 50_000, arrived.clone()))?;
    let processes = vec![large];
    wait_all_asleep(&processes, &arrived)?;
    let start = Instant::now();
    for _ in 0..small {
        ensure_eq!(queue.try_get()?.len(), 4000);
    }
    ensure_eq!(soon("큰 것을 꺼내기", || Ok(queue.get_timeout(LONG)?))?.len(), 50_000);
    end_soon(start, processes)?;
    Ok(())
}

/// 닫혔다는 말을 들으면 참입니다.
fn hears_closing(queue: Queue<u32>, put: bool, arrived: Counter) -> Result<bool> {
    arrive(&arrived);
    let outcome = if put { queue.put(&1) } else { queue.get().map(drop) };
    Ok(matches!(outcome, Err(QueueError::Disconnected)))
}

fn closing(put: bool) -> Result<()> {
    for count in [1, 2, 5, 16] {
        let (queue, arrived) = (Queue::with_maxsize(1)?, counter()?);
        if put {
            queue.put(&0)?;
        }
        let spawn = |_| Process::spawn(hears_closing, (queue.clone(), put, arrived.clone()));
        let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        wait_all_asleep(&processes, &arrived)?;
        let start = Instant::now();
        soon("닫기", || Ok(queue.close()?))?;
        ensure_eq!(end_soon(start, processes)?, vec![true; count]);
    }
    Ok(())
}

pub fn closing_wakes_getters() -> Result<()> {
    closing(false)
}

pub fn closing_wakes_putters() -> Result<()> {
    closing(true)
}

/// 잠든 채 죽은 쪽은 다른 쪽의 깨우기를 가져가지 않습니다. 차례를 쥔 채 공간을 기다리다 죽은 쪽의 차례는 다음 쪽이 넘겨받습니다.
pub fn killed_putter_and_getter() -> Result<()> {
    let (queue, arrived) = (Queue::with_maxsize(1)?, counter()?);
    queue.put(&100)?;
    let mut processes = vec![Process::spawn(give, (queue.clone(), 0, arrived.clone()))?];
    wait_all_asleep(&processes, &arrived)?; // 이 프로세스가 차례를 쥡니다.
    for item in 1..3 {
        processes.push(Process::spawn(give, (queue.clone(), item, arrived.clone()))?);
    }
    wait_all_asleep(&processes, &arrived)?;
    let start = Instant::now();
    let holder = processes.remove(0);
    holder.kill();
    expect_killed(holder.join())?;
    let mut taken = vec![queue.try_get()?];
    for _ in 0..2 {
        taken.push(soon("넣은 것을 꺼내기", || Ok(queue.get_timeout(LONG)?))?);
    }
    end_soon(start, processes)?;
    taken.sort_unstable();
    ensure_eq!(taken, vec![1, 2, 100]);

    let (queue, arrived) = (Queue::new()?, counter()?);
    let spawn = |_| Process::spawn(take, (queue.clone(), arrived.clone()));
    let mut processes: Vec<_> = (0..3).map(spawn).collect::<Result<_, _>>()?;
    wait_all_asleep(&processes, &arrived)?;
    let victim = processes.remove(0);
    victim.kill();
    expect_killed(victim.join())?;
    let start = Instant::now();
    queue.put(&1)?;
    queue.put(&2)?;
    end_soon(start, processes)?;
    Ok(())
}

/// 스레드가 쥘 수 있는 만큼 다 쥐어, 꺼내려고 하면 에러가 됩니다.
fn take_with_full_hands(queue: JoinableQueue<u32>, arrived: Counter) -> Result<bool> {
    let places = Semaphore::new(semaphore::MAX_PLACES)?;
    let _permits = (0..places.places()).map(|_| places.acquire()).collect::<Result<Vec<_>, _>>()?;
    arrive(&arrived);
    Ok(queue.get().is_err())
}

fn take_task(queue: JoinableQueue<u32>, arrived: Counter) -> Result<bool> {
    arrive(&arrived);
    let task = queue.get()?;
    let found = *task == 7;
    task.done();
    Ok(found)
}

/// 깨어났지만 에러로 나가는 쪽은, 가져가지 않은 항목을 기다리는 다음 쪽을 깨웁니다.
pub fn failing_getter_passes_on() -> Result<()> {
    let (queue, arrived) = (JoinableQueue::new()?, counter()?);
    // 먼저 잠든 쪽이 먼저 깨어납니다.
    let mut processes =
        vec![Process::spawn(take_with_full_hands, (queue.clone(), arrived.clone()))?];
    wait_all_asleep(&processes, &arrived)?;
    processes.push(Process::spawn(take_task, (queue.clone(), arrived.clone()))?);
    wait_all_asleep(&processes, &arrived)?;
    let start = Instant::now();
    queue.put(&7)?;
    ensure_eq!(end_soon(start, processes)?, vec![true, true]);
    Ok(())
}

fn join_queue(queue: JoinableQueue<u32>, arrived: Counter) -> Result<()> {
    arrive(&arrived);
    Ok(queue.join()?)
}

pub fn joiners() -> Result<()> {
    for count in [1, 2, 5] {
        let (queue, arrived) = (JoinableQueue::new()?, counter()?);
        for item in 0..3 {
            queue.put(&item)?;
        }
        let tasks = (0..3).map(|_| queue.get()).collect::<Result<Vec<_>, _>>()?;
        let spawn = |_| Process::spawn(join_queue, (queue.clone(), arrived.clone()));
        let processes: Vec<_> = (0..count).map(spawn).collect::<Result<_, _>>()?;
        wait_all_asleep(&processes, &arrived)?;
        let start = Instant::now();
        tasks.into_iter().for_each(|task| task.done());
        end_soon(start, processes)?;
    }
    // 마치지 않고 버린 것도 알려집니다.
    let (queue, arrived) = (JoinableQueue::new()?, counter()?);
    queue.put(&1)?;
    let task = queue.get()?;
    let processes = vec![Process::spawn(join_queue, (queue.clone(), arrived.clone()))?];
    wait_all_asleep(&processes, &arrived)?;
    let start = Instant::now();
    drop(task);
    if end_soon(start, processes).is_ok() || start.elapsed() > crate::SOON {
        bail!("마치지 않은 일을 제때 알리지 않았습니다");
    }
    Ok(())
}

const ROUNDS: u32 = 200;

fn keep_putting(queue: Queue<Vec<u8>>, size: u32) -> Result<Duration> {
    longest(ROUNDS, |round| Ok(queue.put(&vec![0; (size * (1 + round % 3)) as usize])?))
}

fn keep_getting(queue: Queue<Vec<u8>>) -> Result<Duration> {
    longest(ROUNDS, |_| queue.get().map(drop).map_err(Into::into))
}

fn contend(make: fn() -> Result<Queue<Vec<u8>>, QueueError>, size: u32) -> Result<()> {
    for pairs in [1, 3, 8] {
        let queue = make()?;
        let mut processes = Vec::new();
        for _ in 0..pairs {
            processes.push(Process::spawn(keep_getting, (queue.clone(),))?);
            processes.push(Process::spawn(keep_putting, (queue.clone(), size))?);
        }
        nobody_waited_long(processes)?;
        ensure_matches!(queue.try_get(), Err(QueueError::Empty));
    }
    Ok(())
}

fn echo(queue: Queue<u32>, back: Queue<u32>) -> Result<()> {
    for item in queue.iter() {
        back.put(&item?)?;
    }
    Ok(())
}

/// 상대가 막 잠들려는 찰나를 노려 알립니다. 그 찰나를 놓치면 다시는 깨어나지 않습니다.
pub fn ping_pong_at_every_moment() -> Result<()> {
    let (queue, back) = (Queue::new()?, Queue::new()?);
    let child = Process::spawn(echo, (queue.clone(), back.clone()))?;
    let mut random = tests::harness::random("ping_pong_at_every_moment")?;
    for item in 0..20_000 {
        // 잠들기 전에 깨어서 살펴보는 시간과 비슷한 동안입니다.
        let pause = Duration::from_nanos(random.u64(0..80_000));
        let start = Instant::now();
        while start.elapsed() < pause {
            std::hint::spin_loop();
        }
        queue.put(&item)?;
        ensure_eq!(soon("되돌아온 항목", || Ok(back.get_timeout(LONG)?))?, item);
    }
    queue.close()?;
    Ok(child.join()?)
}

/// 기다리는 쪽을 아무 명령에서나 멈추어 놓고 알린 뒤, 이어서 움직이게 합니다. 살펴본 뒤 잠들기 전에 멈추었더라도 깨어나야 합니다.
pub fn stopped_at_every_moment() -> Result<()> {
    let (queue, back) = (Queue::new()?, Queue::new()?);
    let child = Process::spawn(echo, (queue.clone(), back.clone()))?;
    let mut random = tests::harness::random("stopped_at_every_moment")?;
    for item in 0..5000 {
        let pause = Duration::from_nanos(random.u64(0..30_000));
        let start = Instant::now();
        while start.elapsed() < pause {
            std::hint::spin_loop();
        }
        signal(child.id(), Signal::SIGSTOP)?;
        wait_state(child.id(), 'T')?;
        queue.put(&item)?;
        signal(child.id(), Signal::SIGCONT)?;
        ensure_eq!(soon("되돌아온 항목", || Ok(back.get_timeout(LONG)?))?, item);
    }
    queue.close()?;
    Ok(child.join()?)
}

fn drain_each(inbox: Receiver<Queue<u32>>, counts: Queue<u32>) -> Result<()> {
    for queue in inbox.iter() {
        let items = queue?.iter().collect::<Result<Vec<_>, _>>()?;
        counts.put(&(items.len() as u32))?;
    }
    Ok(())
}

/// 넣고 바로 닫습니다. 꺼내는 쪽이 어느 찰나에 보더라도 항목은 닫힘보다 먼저 보입니다.
pub fn closing_hides_nothing() -> Result<()> {
    let ((inbox, outbox), counts) = (pipe()?, Queue::new()?);
    let child = Process::spawn(drain_each, (inbox, counts.clone()))?;
    let mut random = tests::harness::random("closing_hides_nothing")?;
    for _ in 0..5000 {
        let queue = Queue::with_capacity(64)?;
        outbox.send(&queue)?;
        let (start, pause) = (Instant::now(), Duration::from_nanos(random.u64(0..150_000)));
        while start.elapsed() < pause {
            std::hint::spin_loop();
        }
        queue.put(&7)?;
        queue.close()?;
        ensure_eq!(soon("다 꺼내기", || Ok(counts.get_timeout(LONG)?))?, 1);
    }
    drop(outbox);
    Ok(child.join()?)
}

/// 한 항목만 들어가는 큐. 넣을 때마다, 꺼낼 때마다 서로를 깨워야 합니다.
pub fn contention() -> Result<()> {
    contend(|| Queue::with_maxsize(1), 1)
}

/// 크기가 다른 항목 몇 개만 들어가는 큐.
pub fn contention_for_bytes() -> Result<()> {
    contend(|| Queue::with_capacity(16 * 1024), 4000)
}
