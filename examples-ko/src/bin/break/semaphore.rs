//! 11.8 Semaphore: 두 자리의 허가를 쥔 두 프로세스를 죽입니다.

use anyhow::{Context, Result};
use ipc_core::Process;
use pipe::{Sender, pipe};
use semaphore::Semaphore;

use crate::stage::{Experiment, Fate, kill, report_and_wait, say};

pub const EXPERIMENT: Experiment = Experiment {
    name: "semaphore",
    title: "11.8 Semaphore",
    what: "자리가 둘인 세마포어입니다. 두 자리를 차지한 두 프로세스를, 허가를 쥐고 있을 때 죽입니다.",
    ours,
    twin: include_str!("semaphore-twin.py"),
    fate: Fate::Hangs,
    rust: "Rust에서는 죽은 프로세스의 자리가 반납되어 다음 프로세스가 들어갑니다.",
    python: "파이썬에서는 허가 둘이 사라져, 아무도 없는데 아무도 들어가지 못합니다.",
};

fn ours() -> Result<()> {
    let semaphore = Semaphore::new(2)?;
    let mut holders = Vec::new();
    for worker_id in 1..=2 {
        let (moment, report) = pipe()?;
        holders.push(Process::spawn(holder, (semaphore.clone(), worker_id, report))?);
        moment.recv()?; // 허가를 쥐고 있습니다.
    }
    let (calling, report) = pipe()?;
    let waiter = Process::spawn(waiter, (semaphore.clone(), report))?;
    calling.recv()?;

    let mut deaths = Vec::new();
    for (index, holder) in holders.into_iter().enumerate() {
        deaths.push(kill(holder, &format!("Worker {}", index + 1))?);
    }
    waiter.join()?;
    for death in deaths {
        say("부모", format!("join()의 Err: {death}"));
    }
    let full = "자리 둘이 다 반납되지 않았습니다";
    let _both = (semaphore.try_acquire()?.context(full)?, semaphore.try_acquire()?.context(full)?);
    say("부모", "이제 두 자리를 한꺼번에 얻을 수 있습니다. 잃은 자리가 없습니다.");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn holder(semaphore: Semaphore, worker_id: u32, report: Sender<()>) -> Result<()> {
    let _permit = semaphore.acquire()?;
    say(&format!("Worker {worker_id}"), "허가를 얻어 들어갔습니다.");
    report_and_wait(&report)
}

fn waiter(semaphore: Semaphore, calling: Sender<()>) -> Result<()> {
    say("Worker 3", "acquire()를 호출합니다.");
    calling.send(&())?;
    let permit = semaphore.acquire()?;
    let pid = permit.recovered_from().context("누구의 자리였는지 알려 주지 않았습니다")?;
    say("Worker 3", format!("들어갔습니다. 프로세스(PID {pid})가 쥔 채 죽은 자리입니다."));
    Ok(())
}
