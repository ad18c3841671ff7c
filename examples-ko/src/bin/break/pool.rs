//! 11.3 Pool: 항목 하나를 계산하던 작업자를 죽입니다.

use std::process::id;
use std::thread::park;

use anyhow::{Result, ensure};
use ipc_core::Process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pool::{Cause, Pool};
use queue::Queue;

use crate::stage::{Experiment, Fate, say};

pub const EXPERIMENT: Experiment = Experiment {
    name: "pool",
    title: "11.3 Pool",
    what: "작업자 넷이 0부터 9까지를 제곱합니다. 5를 맡은 작업자를 계산하는 도중에 죽입니다.",
    ours,
    twin: include_str!("pool-twin.py"),
    fate: Fate::Hangs,
    rust: "Rust에서는 그 항목만 Err가 되고, 나머지 결과는 받으며, 풀은 작업자를 새로 채웁니다.",
    python: "파이썬에서는 map()이 오지 않을 결과를 영원히 기다립니다.",
};

fn ours() -> Result<()> {
    let started = Queue::new()?;
    // try_map은 결과를 기다리므로, 죽이는 일은 다른 프로세스가 합니다.
    let killer = Process::spawn(killer, (started.clone(),))?;
    let pool = Pool::new(4)?;
    say("부모", "try_map()을 호출합니다.");
    let results = pool.try_map(square, (0..10).map(|n| (n, started.clone())))?;
    killer.join()?;

    let values: Vec<u32> = results.iter().flatten().copied().collect();
    say("부모", format!("받은 결과 {}개: {values:?}", values.len()));
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    for error in &errors {
        say("부모", format!("항목의 Err: {error}"));
    }
    ensure!(values == [0, 1, 4, 9, 16, 36, 49, 64, 81], "살아남은 결과가 다릅니다");
    ensure!(matches!(&errors[..], [error] if matches!(error.cause, Cause::WorkerDied(_))));

    let again = pool.map(|n: u32| n * n, 0..10)?;
    say("부모", format!("같은 풀로 다시 map(), 작업자 {}명: {again:?}", pool.worker_ids().len()));
    ensure!(again[5] == 25 && pool.worker_ids().len() == 4, "풀이 채워지지 않았습니다");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn square(n: u32, started: Queue<u32>) -> Result<u32> {
    if n == 5 {
        say("작업자", "5를 계산하기 시작했습니다.");
        started.put(&id())?;
        loop {
            park();
        }
    }
    Ok(n * n)
}

fn killer(started: Queue<u32>) -> Result<()> {
    let worker = started.get()?; // 5를 계산하고 있습니다.
    say("죽이는 쪽", format!("작업자(PID {worker})에 SIGKILL을 보냅니다."));
    Ok(kill(Pid::from_raw(i32::try_from(worker)?), Signal::SIGKILL)?)
}
