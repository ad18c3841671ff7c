//! 약속을 지키지 못하는 것으로 알려진 상대들입니다. 테스트가 실패할 줄 아는지 보는 데 씁니다.
//!
//! [`naive_map`]은 작업자의 죽음을 모르는 풀입니다. 작업자들은 소켓 하나에서 항목을 꺼내고 다른 하나에 결과를
//! 씁니다. 부모도 네 끝을 모두 쥐고 있어서, 작업자가 죽어도 끝(EOF)이 오지 않습니다. CPython의 풀이 이렇게 멈춥니다.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use anyhow::{Result, bail, ensure};
use ipc_core::build::Descriptor;
use ipc_core::{Process, ProcessError};
use pipe::pipe;
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::strike;
use crate::children::quiet_panic;
use crate::foreign::{STUCK, sender_stays_stuck};
use crate::procfs::{children, nobody_left, wait_state};
use crate::wait::ONE_SECOND;

const WORKERS: usize = 2;
const ITEMS: u32 = 100;
/// 불행이 닥치는 항목.
const UNLUCKY: u32 = 50;
/// 큰 결과의 크기.
const LARGE: usize = 64 << 20;

/// 작업자 하나에 닥치는 일.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Misfortune {
    KilledComputing,
    KilledWriting,
    KilledIdle,
    Exits,
    CannotRead,
}

/// 불행이 닥쳐도 호출은 끝나야 합니다. 멈추면 에러입니다.
pub fn must_end(misfortune: Misfortune) -> Result<()> {
    let desk = Desk::new()?;
    let (inbox, start) = pipe()?;
    let mut pool = Process::spawn(naive_map, (misfortune, desk.clone(), inbox))?;
    if misfortune == Misfortune::KilledIdle {
        desk.wait_calls(WORKERS as u32)?;
        for worker in children(pool.id())? {
            wait_state(worker, 'S')?;
            strike(worker)?;
        }
    }
    start.send(&())?;
    if matches!(misfortune, Misfortune::KilledComputing | Misfortune::KilledWriting) {
        strike(desk.victim()?)?;
    }
    let outcome = pool.join_timeout(STUCK);
    drop(pool);
    nobody_left(ONE_SECOND)?;
    match outcome {
        Err(ProcessError::Timeout { .. }) => bail!("map이 {STUCK:?} 안에 반환되지 않았습니다"),
        _ => Ok(()),
    }
}

fn naive_map(misfortune: Misfortune, desk: Desk, start: pipe::Receiver<()>) -> Result<()> {
    let (tasks, workers_tasks) = UnixStream::pair()?;
    let (results, workers_results) = UnixStream::pair()?;
    let share = |end: &UnixStream| anyhow::Ok(Descriptor::from(OwnedFd::from(end.try_clone()?)));
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let ends = (share(&workers_tasks)?, share(&workers_results)?);
        workers.push(Process::spawn(naive_worker, (ends, misfortune, desk.clone()))?);
    }
    start.recv()?;
    for n in 0..ITEMS {
        (&tasks).write_all(&n.to_ne_bytes())?;
    }
    let expected = (0..ITEMS).map(|n| size_of_result(misfortune, n)).sum::<usize>();
    let mut received = vec![0; 1 << 20];
    let mut left = expected;
    while left > 0 {
        let length = left.min(received.len());
        left -= (&results).read(&mut received[..length])?;
    }
    Ok(())
}

fn size_of_result(misfortune: Misfortune, n: u32) -> usize {
    if n == UNLUCKY && misfortune == Misfortune::KilledWriting { LARGE } else { 4 }
}

fn naive_worker(ends: (Descriptor, Descriptor), misfortune: Misfortune, desk: Desk) -> Result<()> {
    let (mut tasks, mut results) =
        (UnixStream::from(OwnedFd::from(ends.0)), UnixStream::from(OwnedFd::from(ends.1)));
    Desk::sit(desk)?;
    Desk::called();
    loop {
        let mut item = [0; 4];
        tasks.read_exact(&mut item)?;
        let n = u32::from_ne_bytes(item);
        let mut result = vec![0; size_of_result(misfortune, n)];
        if n == UNLUCKY {
            match misfortune {
                Misfortune::KilledComputing => Desk::wait_for_death(),
                Misfortune::KilledWriting => {
                    // 반만 쓰고, 나머지를 쓰기 전에 죽습니다.
                    let rest = result.split_off(LARGE / 2);
                    results.write_all(&result)?;
                    Desk::wait_for_death();
                    result = rest;
                }
                Misfortune::Exits => std::process::exit(0),
                Misfortune::CannotRead => quiet_panic("읽지 못합니다"),
                Misfortune::KilledIdle => {}
            }
        }
        results.write_all(&result)?;
    }
}

/// 큰 메시지를 받던 쪽이 죽으면 보내는 쪽은 에러를 받아야 합니다. 멈추면 에러입니다.
pub fn ipc_channel_send_must_end() -> Result<()> {
    ensure!(!sender_stays_stuck()?, "send가 {STUCK:?} 안에 반환되지 않았습니다");
    Ok(())
}
