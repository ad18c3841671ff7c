//! 죽거나 도중에 그만둔 프로세스와, 그 상대가 보는 것들.

use std::process::exit;
use std::thread;

use anyhow::{Result, anyhow, bail};
use ipc_core::Process;
use lock::Lock;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use pipe::{Receiver, Sender, pipe};
use pool::Pool;
use tests::children::{arrive_and_sleep, die_by, expect_killed, sleep_forever, wait_count};
use tests::counter;
use tests::procfs::signal;

use crate::said;

pub fn task_exits() -> Result<Vec<String>> {
    let child = Process::spawn(|| -> () { exit(3) }, ())?;
    Ok(vec![said(child.join())?])
}

pub fn process_killed() -> Result<Vec<String>> {
    let child = Process::spawn(sleep_forever, ())?;
    signal(child.id(), Signal::SIGKILL)?;
    Ok(vec![said(child.join())?])
}

/// 다른 코드가 `waitpid`로 먼저 회수합니다.
pub fn reaped_by_others() -> Result<Vec<String>> {
    let child = Process::spawn(|| -> () { exit(3) }, ())?;
    waitpid(Pid::from_raw(i32::try_from(child.id())?), None)?;
    Ok(vec![said(child.join())?])
}

/// `map`이 항목을 계산하는 동안 작업자를 죽입니다.
pub fn worker_killed() -> Result<Vec<String>> {
    let (pool, arrived) = (Pool::new(1)?, counter()?);
    let worker = pool.worker_ids()[0];
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            wait_count("작업자가 항목을 계산하기", &arrived, 1)?;
            signal(worker, Signal::SIGKILL)
        });
        let outcome = pool.map(|arrived| -> () { arrive_and_sleep(&arrived) }, [arrived.clone()]);
        killer.join().map_err(|_| anyhow!("죽이는 스레드가 패닉했습니다"))??;
        Ok(vec![said(outcome)?])
    })
}

pub fn initializer_fails() -> Result<Vec<String>> {
    let refuse = || -> Result<()> { bail!("일부러 준비하지 못합니다") };
    let pool = Pool::builder().workers(1).initializer(refuse, ()).build()?;
    Ok(vec![said(pool.map(|n: u8| n, [1]))?])
}

/// 받는 쪽은 상대가 마친 뒤에, 보내는 쪽은 상대가 죽은 뒤에.
pub fn peer_gone() -> Result<Vec<String>> {
    let (inbox, outbox) = pipe::<u8>()?;
    Process::spawn(|_: Sender<u8>| (), outbox)?.join()?;
    let finished = said(inbox.recv())?;

    let (inbox, outbox) = pipe::<u8>()?;
    let receiver = Process::spawn(|_: Receiver<u8>| sleep_forever(), inbox)?;
    receiver.kill();
    expect_killed(receiver.join())?;
    Ok(vec![finished, said(outbox.send(&1))?])
}

pub fn owner_killed() -> Result<Vec<String>> {
    let die_holding = |lock: Lock<u32>| -> Result<()> {
        let _guard = lock.acquire()?;
        die_by(Signal::SIGKILL);
        bail!("죽지 않았습니다")
    };
    let lock = Lock::new(0)?;
    expect_killed(Process::spawn(die_holding, lock.clone())?.join())?;
    Ok(vec![said(lock.acquire())?])
}
