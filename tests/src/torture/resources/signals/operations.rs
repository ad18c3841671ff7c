//! 시달리는 자식이 하는 일과, 그동안 부모가 하는 일.

use std::sync::atomic::Ordering::SeqCst;

use anyhow::{Result, ensure};
use ipc_core::Process;
use pipe::Duplex;
use queue::Queue;

use super::Stage;
use crate::children::wait_count;
use crate::ensure_eq;
use crate::wait::{PATIENCE, until};

/// 잠들어 기다리는 동안 적어도 이만큼의 시그널을 받아야 합니다.
const ENOUGH: u32 = 20;
/// 이어서 되풀이하는 횟수.
const REPEATS: u32 = 2000;

pub type Task = fn(&Stage, &Duplex<u32, u32>) -> Result<()>;

/// 시달리는 자식이 하는 일과, 그동안 부모가 하는 일.
pub const OPERATIONS: [(&str, Task, Task); 5] = [
    ("send", childs_send, parents_send),
    ("recv", childs_recv, parents_recv),
    ("acquire", childs_acquire, parents_acquire),
    ("get", childs_get, parents_get),
    ("join", childs_join, parents_join),
];

/// 자식이 기다리는 동안 시그널이 충분히 닿기를 기다립니다.
pub fn wait_pestered(stage: &Stage) -> Result<()> {
    wait_count("시그널이 닿기", &stage.seen, stage.seen.load(SeqCst) + ENOUGH)
}

/// 아무도 읽지 않는 동안에는 가득 차서 잠듭니다.
pub fn childs_send(_: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    (0..REPEATS * 4).try_for_each(|number| Ok(conn.send(&number)?))
}

pub fn parents_send(stage: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    for number in 0..REPEATS * 4 {
        if number % REPEATS == 0 {
            wait_pestered(stage)?;
        }
        ensure_eq!(conn.recv_timeout(PATIENCE)?, number);
    }
    Ok(())
}

pub fn childs_recv(_: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    for number in 0..REPEATS {
        let received = match number % 3 {
            0 => conn.recv()?,
            1 => conn.recv_timeout(PATIENCE)?,
            _ => {
                ensure!(conn.poll(PATIENCE)?, "올 것이 오지 않았습니다");
                conn.recv()?
            }
        };
        ensure_eq!(received, number);
    }
    Ok(())
}

pub fn parents_recv(stage: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    for number in 0..REPEATS {
        if number % (REPEATS / 4) == 0 {
            wait_pestered(stage)?;
        }
        conn.send_timeout(&number, PATIENCE)?;
    }
    Ok(())
}

/// 락과 자리를 번갈아 얻습니다. 부모가 쥐고 있는 동안에는 잠듭니다.
pub fn childs_acquire(stage: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    conn.recv()?; // 부모가 락과 자리를 쥐었습니다.
    for _ in 0..REPEATS {
        *stage.lock.acquire()? += 1;
        drop(stage.semaphore.acquire()?);
        *stage.lock.acquire_timeout(PATIENCE)? += 1;
        drop(stage.semaphore.acquire_timeout(PATIENCE)?);
    }
    Ok(())
}

pub fn parents_acquire(stage: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    let (held, permit) = (stage.lock.acquire()?, stage.semaphore.acquire()?);
    conn.send(&1)?;
    wait_pestered(stage)?;
    drop(held);
    wait_pestered(stage)?;
    drop(permit);
    until("자식이 다 올리기", PATIENCE, || {
        drop(stage.semaphore.acquire()?);
        Ok(*stage.lock.acquire()? == REPEATS * 2)
    })
}

/// 작은 큐 하나로 주고받습니다.
pub fn childs_get(stage: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    for number in 0..REPEATS {
        let item = match number % 2 {
            0 => stage.queue.get()?,
            _ => stage.queue.get_timeout(PATIENCE)?,
        };
        ensure_eq!(item, number);
    }
    conn.send(&1)?;
    conn.recv()?;
    (0..REPEATS).try_for_each(|number| Ok(stage.queue.put(&number)?))
}

pub fn parents_get(stage: &Stage, conn: &Duplex<u32, u32>) -> Result<()> {
    for number in 0..REPEATS {
        if number % (REPEATS / 4) == 0 {
            wait_pestered(stage)?;
        }
        stage.queue.put_timeout(&number, PATIENCE)?;
    }
    ensure_eq!(conn.recv_timeout(PATIENCE)?, 1);
    conn.send(&1)?;
    // 큐가 차서 넣지 못하고 잠든 동안.
    wait_pestered(stage)?;
    for number in 0..REPEATS {
        ensure_eq!(stage.queue.get_timeout(PATIENCE)?, number);
    }
    Ok(())
}

/// 손자는 큐에 무엇이 올 때까지 끝나지 않습니다.
pub fn childs_join(stage: &Stage, _: &Duplex<u32, u32>) -> Result<()> {
    let child = Process::spawn(|queue: Queue<u32>| queue.get().ok(), (stage.queue.clone(),))?;
    ensure_eq!(child.join()?, Some(8));
    Ok(())
}

pub fn parents_join(stage: &Stage, _: &Duplex<u32, u32>) -> Result<()> {
    wait_pestered(stage)?;
    Ok(stage.queue.put_timeout(&8, PATIENCE)?)
}
