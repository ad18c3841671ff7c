//! 시그널이 쉴 새 없이 와도 기다림은 끊기지도, 길어지지도 않습니다.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::Process;
use lock::{Lock, LockError};
use pipe::{ChannelError, Duplex, duplex};
use queue::{Queue, QueueError};
use semaphore::{Semaphore, SemaphoreError};
use serde::{Deserialize, Serialize};
use tests::children::{wait_asleep, wait_count};
use tests::pestering::{count_signals, pestered};
use tests::wait::{PATIENCE, keeps_deadline};
use tests::{Counter, counter, ensure_eq, ensure_matches};

/// 기다리는 동안 적어도 이만큼의 시그널을 받아야 테스트가 뜻을 갖습니다.
const ENOUGH: u32 = 20;
const LIMIT: Duration = Duration::from_millis(50);

/// 시달리는 프로세스가 쓰는 것 모두.
#[derive(Clone, Serialize, Deserialize)]
struct Stage {
    lock: Lock<u32>,
    semaphore: Semaphore,
    empty: Queue<u32>,
    full: Queue<u32>,
    seen: Counter,
    step: Counter,
}

/// 기다림마다 하나씩. 부모는 [`ENOUGH`]번의 시그널이 닿은 뒤에 풀어 줍니다.
fn wait_in_every_way(stage: Stage, conn: Duplex<u32, u32>) -> Result<()> {
    count_signals(&stage.seen)?;
    let next = || stage.step.fetch_add(1, SeqCst);

    next();
    ensure_eq!(conn.recv()?, 1);
    next();
    ensure_eq!(*stage.lock.acquire()?, 2);
    next();
    drop(stage.semaphore.acquire()?);
    next();
    ensure_eq!(stage.empty.get()?, 4);
    next();
    stage.full.put(&5)?;
    next();
    ensure!(conn.poll(PATIENCE)?, "올 것이 오지 않았습니다");
    ensure_eq!(conn.recv_timeout(PATIENCE)?, 6);
    next();
    // 반대쪽이 읽어 줄 때까지 보냅니다.
    for number in 0..20_000 {
        conn.send(&number)?;
    }
    next();
    let child = Process::spawn(|n: u32| n + 1, (7,))?;
    ensure_eq!(child.join()?, 8);
    deadlines_hold(&stage, &conn)
}

/// 이제 아무도 풀어 주지 않습니다.
fn deadlines_hold(stage: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    stage.step.fetch_add(1, SeqCst);
    conn.recv()?; // 부모가 락과 자리를 다시 쥐었습니다.
    keeps_deadline(LIMIT, || {
        ensure_matches!(conn.recv_timeout(LIMIT), Err(ChannelError::Timeout));
        Ok(())
    })?;
    keeps_deadline(LIMIT, || {
        ensure_matches!(stage.lock.acquire_timeout(LIMIT).map(drop), Err(LockError::Timeout));
        Ok(())
    })?;
    keeps_deadline(LIMIT, || {
        ensure_matches!(
            stage.semaphore.acquire_timeout(LIMIT).map(drop),
            Err(SemaphoreError::Timeout { .. })
        );
        Ok(())
    })?;
    keeps_deadline(LIMIT, || {
        ensure_matches!(stage.empty.get_timeout(LIMIT), Err(QueueError::Timeout));
        Ok(())
    })
}

pub fn signals_are_invisible() -> Result<()> {
    let stage = Stage {
        lock: Lock::new(0)?,
        semaphore: Semaphore::new(1)?,
        empty: Queue::new()?,
        full: Queue::with_capacity(16)?,
        seen: counter()?,
        step: counter()?,
    };
    stage.full.put(&0)?;
    let (conn, childs) = duplex()?;
    let mut held = stage.lock.acquire()?;
    let permit = stage.semaphore.acquire()?;
    let victim = Process::spawn(wait_in_every_way, (stage.clone(), childs))?;
    wait_count("자식이 처리기를 설치하기", &stage.step, 1)?;

    let (pid, seen, step) = (victim.id(), &stage.seen, &stage.step);
    // 자식이 `number`번째 기다림에 든 뒤, 시그널이 충분히 닿을 때까지 풀어 주지 않습니다.
    let reached = |number: u32| -> Result<()> {
        wait_count("자식이 다음 기다림에 들기", step, number)?;
        wait_count("시그널이 닿기", seen, seen.load(SeqCst) + ENOUGH)
    };
    let drive = || -> Result<()> {
        reached(1)?;
        conn.send(&1)?;
        reached(2)?;
        *held = 2;
        drop(held);
        reached(3)?;
        drop(permit);
        reached(4)?;
        stage.empty.put(&4)?;
        reached(5)?;
        ensure_eq!((stage.full.get()?, stage.full.get_timeout(PATIENCE)?), (0, 5));
        reached(6)?;
        conn.send(&6)?;
        reached(7)?;
        for number in 0..20_000 {
            ensure_eq!(conn.recv_timeout(PATIENCE)?, number);
        }
        wait_count("자식이 마감을 재기", step, 9)?;
        let _held = stage.lock.acquire()?;
        let _permit = stage.semaphore.acquire()?;
        conn.send(&9)?;
        wait_asleep(&victim)?;
        Ok(victim.join()?)
    };
    pestered(pid, Duration::from_micros(200), drive)
}
