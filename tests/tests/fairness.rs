//! 공평함: 오래 기다린 쪽에게 차례가 돌아가는지 봅니다.
//!
//! 어느 기본 요소도 정확한 순서를 약속하지 않습니다. 다만 놓자마자 다시 얻으려는 프로세스가 다른 프로세스를 굶기지는 않아야
//! 합니다. 시간은 컴퓨터의 속도와 바쁨에 따라 다르므로, 한 바퀴(모두가 한 번씩 하는 데 걸리는 평균 시간)에 비추어 봅니다.
//!
//! 실행: `cargo test -p tests --test fairness`

use std::sync::atomic::Ordering::SeqCst;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use ipc_core::{Process, wait_any};
use lock::Lock;
use pipe::{Sender, pipe};
use queue::Queue;
use semaphore::Semaphore;
use tests::asleep::all_asleep;
use tests::children::wait_count;
use tests::wait::{PATIENCE, until};
use tests::{Counter, counter};

/// 차례를 쥐고 있는 시간.
const HOLD: Duration = Duration::from_millis(10);
/// 다투는 시간.
const RUN: Duration = Duration::from_secs(2);

/// 함께 시작하고 함께 끝내는 신호.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Gate {
    ready: Counter,
    open: Counter,
    over: Counter,
}

impl Gate {
    fn new() -> Result<Gate> {
        Ok(Gate { ready: counter()?, open: counter()?, over: counter()? })
    }

    /// 자식: 준비를 알리고 시작을 기다립니다.
    fn enter(&self) -> Result<()> {
        self.ready.fetch_add(1, SeqCst);
        until("시작하기", PATIENCE, || Ok(self.open.load(SeqCst) != 0))
    }

    fn is_over(&self) -> bool {
        self.over.load(SeqCst) != 0
    }

    /// 부모: 모두 준비되면 시작하고, [`RUN`] 뒤에 끝냅니다.
    fn run(&self, processes: u32) -> Result<()> {
        wait_count("모두 준비하기", &self.ready, processes)?;
        self.open.store(1, SeqCst);
        sleep(RUN);
        self.over.store(1, SeqCst);
        Ok(())
    }
}

/// 프로세스 하나가 얻은 차례의 수, 가장 길었던 기다림, 가장 오래 쥐고 있던 시간.
type Share = (u32, Duration, Duration);

fn take_turns(gate: &Gate, mut turn: impl FnMut() -> Result<Duration>) -> Result<Share> {
    gate.enter()?;
    let mut share = (0, Duration::ZERO, Duration::ZERO);
    while !gate.is_over() {
        let start = Instant::now();
        let waited = turn()?;
        let held = start.elapsed().saturating_sub(waited);
        share = (share.0 + 1, share.1.max(waited), share.2.max(held));
    }
    Ok(share)
}

fn on_lock(lock: Lock<u64>, gate: Gate, pause: bool) -> Result<Share> {
    take_turns(&gate, || {
        let start = Instant::now();
        let mut guard = lock.acquire()?;
        let waited = start.elapsed();
        *guard += 1;
        if pause {
            sleep(HOLD);
        } else {
            while start.elapsed() < waited + Duration::from_micros(20) {}
        }
        Ok(waited)
    })
}

fn on_semaphore(semaphore: Semaphore, gate: Gate) -> Result<Share> {
    take_turns(&gate, || {
        let start = Instant::now();
        let _permit = semaphore.acquire()?;
        let waited = start.elapsed();
        sleep(HOLD);
        Ok(waited)
    })
}

/// 모두가 평균의 절반은 얻어야 하고, 한 번의 기다림이 열두 바퀴(적어도 1초)를 넘지 않아야 합니다.
///
/// 쥔 쪽이 쥔 채로 오래 멈추었다면(바쁜 컴퓨터, 멈춘 가상 머신) 그만큼은 차례의 잘못이 아닙니다.
fn shared_evenly(processes: Vec<Process<Share>>, places: u32, gate: &Gate) -> Result<()> {
    let count = processes.len() as u32;
    gate.run(count)?;
    let joined = processes.into_iter().map(Process::join);
    let shares: Vec<Share> = joined.collect::<Result<_, _>>()?;
    let total: u32 = shares.iter().map(|share| share.0).sum();
    let mean = f64::from(total) / f64::from(count);
    let round = RUN.mul_f64(f64::from(count) / f64::from(total.max(1)));
    let stalled = shares.iter().map(|share| share.2).max().unwrap_or_default();
    let limit = (12 * round).max(RUN / 2) + 2 * stalled;
    eprintln!("자리 {places}, 프로세스 {count}: 한 바퀴 {round:?}, {shares:?}");
    for (turns, waited, _) in &shares {
        ensure!(f64::from(*turns) >= mean / 2.0, "차례가 고르지 않습니다: 평균 {mean}, {shares:?}");
        ensure!(*waited <= limit, "한 바퀴가 {round:?}인데 {waited:?}를 기다렸습니다: {shares:?}");
    }
    Ok(())
}

fn lock_among(count: u32) -> Result<()> {
    let (lock, gate) = (Lock::new(0)?, Gate::new()?);
    let spawn = |_| Process::spawn(on_lock, (lock.clone(), gate.clone(), true));
    shared_evenly((0..count).map(spawn).collect::<Result<_, _>>()?, 1, &gate)
}

/// 차례가 짧을 때는 효율을 위해 몰아 하더라도, 오래 굶지는 않습니다.
fn short_turns_starve_nobody() -> Result<()> {
    let (lock, gate) = (Lock::new(0)?, Gate::new()?);
    let spawn = |_| Process::spawn(on_lock, (lock.clone(), gate.clone(), false));
    let processes: Vec<_> = (0..4).map(spawn).collect::<Result<_, _>>()?;
    gate.run(4)?;
    let joined = processes.into_iter().map(Process::join);
    let shares: Vec<Share> = joined.collect::<Result<_, _>>()?;
    eprintln!("짧은 차례: {shares:?}");
    for (turns, waited, _) in &shares {
        ensure!(*turns > 0 && *waited < RUN / 2, "굶었습니다: {shares:?}");
    }
    Ok(())
}

fn acquire_when_told(lock: Lock<u32>, told: Counter, arrived: Counter) -> Result<()> {
    for round in 1..=HANDOVERS {
        wait_count("말을 듣기", &told, round)?;
        arrived.fetch_add(1, SeqCst);
        *lock.acquire()? += 1;
    }
    Ok(())
}

const HANDOVERS: u32 = 60;

/// 놓는 쪽은 오래 기다린 쪽이 얻는 대로 떠납니다. 정해 둔 시간을 다 기다리지 않습니다.
fn releasing_waits_only_until_taken() -> Result<()> {
    let (lock, told, arrived) = (Lock::new(0)?, counter()?, counter()?);
    let args = (lock.clone(), told.clone(), arrived.clone());
    let child = Process::spawn(acquire_when_told, args)?;
    let mut times = Vec::new();
    for round in 1..=HANDOVERS {
        let guard = lock.acquire()?;
        told.store(round, SeqCst);
        wait_count("상대가 기다리기", &arrived, round)?;
        all_asleep(&[child.id()])?;
        let start = Instant::now();
        drop(guard);
        times.push(start.elapsed());
        until("상대가 얻었다 놓기", PATIENCE, || Ok(*lock.acquire()? == round))?;
    }
    child.join()?;
    times.sort_unstable();
    let quick = times[times.len() / 4];
    ensure!(quick < Duration::from_micros(700), "놓는 데 {quick:?}가 걸립니다: {times:?}");
    Ok(())
}

fn semaphore_among(places: u32, count: u32) -> Result<()> {
    let (semaphore, gate) = (Semaphore::new(places as usize)?, Gate::new()?);
    let spawn = |_| Process::spawn(on_semaphore, (semaphore.clone(), gate.clone()));
    shared_evenly((0..count).map(spawn).collect::<Result<_, _>>()?, places, &gate)
}

/// 다섯 그룹이 각자 자기 락이나 세마포어를 두고 다툽니다. 쥔 프로세스도 잠들어 있으므로, 동시에 실행해도 서로 느려지지 않습니다.
///
/// 둘째와 다섯째는 한 바퀴가 다시 살펴보는 간격(50ms)보다 깁니다.
fn everyone_gets_a_turn() -> Result<()> {
    let groups: [fn() -> Result<()>; 5] = [
        || lock_among(4),
        || lock_among(12),
        || semaphore_among(2, 6),
        || semaphore_among(1, 4),
        || semaphore_among(2, 16),
    ];
    scope(|scope| {
        let running = groups.map(|group| scope.spawn(group));
        running
            .into_iter()
            .try_for_each(|group| group.join().map_err(|_| anyhow!("한 그룹이 패닉했습니다"))?)
    })
}

fn put_small(queue: Queue<Vec<u8>>, gate: Gate) -> Result<()> {
    gate.enter()?;
    while !gate.is_over() {
        queue.put(&vec![1; 1000])?;
    }
    Ok(())
}

fn get_all(queue: Queue<Vec<u8>>, gate: Gate) -> Result<()> {
    gate.enter()?;
    for item in queue.iter() {
        drop(item?);
    }
    Ok(())
}

/// 작은 항목이 쉴 새 없이 들어오는 좁은 큐에도 큰 항목이 들어갑니다.
fn large_item_among_small_ones() -> Result<()> {
    let (queue, gate) = (Queue::with_capacity(64 * 1024)?, Gate::new()?);
    let spawn = |_| Process::spawn(put_small, (queue.clone(), gate.clone()));
    let small: Vec<_> = (0..2).map(spawn).collect::<Result<_, _>>()?;
    let getter = Process::spawn(get_all, (queue.clone(), gate.clone()))?;
    let mut slowest = Duration::ZERO;
    scope(|scope| {
        let run = scope.spawn(|| gate.run(3));
        until("시작하기", PATIENCE, || Ok(gate.open.load(SeqCst) != 0))?;
        while !gate.is_over() {
            let start = Instant::now();
            queue.put_timeout(&vec![2; 40_000], PATIENCE)?;
            slowest = slowest.max(start.elapsed());
        }
        run.join().map_err(|_| anyhow!("패닉"))?
    })?;
    small.into_iter().try_for_each(Process::join)?;
    queue.close()?;
    getter.join()?;
    eprintln!("큰 항목의 가장 느린 put: {slowest:?}");
    ensure!(slowest < Duration::from_secs(1), "큰 항목을 넣는 데 {slowest:?}가 걸렸습니다");
    Ok(())
}

fn wait_any_picks_both() -> Result<()> {
    let (first, to_first) = pipe::<u32>()?;
    let (second, to_second) = pipe::<u32>()?;
    to_first.send(&1)?;
    to_second.send(&2)?;
    let mut picked = [0; 2];
    for _ in 0..1000 {
        let index = wait_any(&[&first, &second], Some(PATIENCE))?;
        picked[index.ok_or_else(|| anyhow!("준비된 것이 있습니다"))?] += 1;
    }
    ensure!(picked.iter().all(|count| *count >= 400), "고르지 않습니다: {picked:?}");
    Ok(())
}

fn keep_sending(outbox: Sender<u32>) -> Result<()> {
    loop {
        if outbox.send(&0).is_err() {
            return Ok(()); // 받는 쪽이 그만두었습니다.
        }
    }
}

/// 두 쪽이 쉴 새 없이 보내면 양쪽에서 비슷하게 받습니다.
fn wait_any_among_busy_senders() -> Result<()> {
    let (first, to_first) = pipe()?;
    let (second, to_second) = pipe()?;
    let senders = [to_first, to_second].map(|outbox| Process::spawn(keep_sending, (outbox,)));
    until("두 쪽이 모두 보내기", PATIENCE, || {
        Ok(first.poll(Duration::ZERO)? && second.poll(Duration::ZERO)?)
    })?;
    let (inboxes, mut both, mut picked) = ([first, second], 0, [0; 2]);
    while both < 1000 {
        // 한쪽만 준비된 때는 고를 것이 없습니다.
        let ready = inboxes[0].poll(Duration::ZERO)? && inboxes[1].poll(Duration::ZERO)?;
        let index = wait_any(&inboxes, Some(PATIENCE))?;
        let index = index.ok_or_else(|| anyhow!("보내는 쪽이 멈추었습니다"))?;
        inboxes[index].recv()?;
        if ready {
            both += 1;
            picked[index] += 1;
        }
    }
    drop(inboxes);
    for sender in senders {
        sender?.join()?;
    }
    ensure!(picked.iter().all(|count| *count >= 300), "고르지 않습니다: {picked:?}");
    Ok(())
}

fn main() {
    ipc_core::init();
    tests::harness::run_in_turn(tests::trials![
        everyone_gets_a_turn,
        short_turns_starve_nobody,
        releasing_waits_only_until_taken,
        large_item_among_small_ones,
        wait_any_picks_both,
        wait_any_among_busy_senders,
    ]);
}
