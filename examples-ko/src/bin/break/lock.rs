//! 11.7 Lock: 락을 쥐고 값을 반쯤 바꾼 프로세스를 죽입니다.

use anyhow::{Result, bail, ensure};
use ipc_core::Process;
use lock::{Lock, LockError};
use pipe::{Sender, pipe};

use crate::stage::{Experiment, Fate, kill, report_and_wait, say};

pub const EXPERIMENT: Experiment = Experiment {
    name: "lock",
    title: "11.7 Lock",
    what: "합이 언제나 100인 두 칸을 락이 지킵니다. 락을 쥐고 30을 옮기던 프로세스를 도중에 죽입니다.",
    ours,
    twin: include_str!("lock-twin.py"),
    fate: Fate::Hangs,
    rust: "Rust에서는 다음 프로세스가 누가 죽었는지 통보받고, 값을 고쳐 계속합니다.",
    python: "파이썬에서는 락이 잠긴 채로 남아 다음 프로세스가 영원히 기다립니다.",
};

fn ours() -> Result<()> {
    let accounts = Lock::new([100, 0])?;
    let (moment, report) = pipe()?;
    let holder = Process::spawn(holder, (accounts.clone(), report))?;
    moment.recv()?; // 쥔 쪽이 락을 획득했습니다.
    let (calling, report) = pipe()?;
    let next = Process::spawn(next, (accounts.clone(), report))?;
    calling.recv()?;

    let death = kill(holder, "쥔 쪽")?;
    next.join()?;
    say("부모", format!("join()의 Err: {death}"));
    let accounts = *accounts.acquire()?;
    say("부모", format!("나도 락을 획득했습니다. 값은 {accounts:?}입니다."));
    ensure!(accounts == [70, 30], "고친 값이 아닙니다");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn holder(accounts: Lock<[i32; 2]>, report: Sender<()>) -> Result<()> {
    let mut accounts = accounts.acquire()?;
    accounts[0] -= 30;
    say("쥔 쪽", format!("락을 쥐고 30을 뺐습니다. 값은 {:?}입니다.", *accounts));
    report_and_wait(&report)
}

fn next(accounts: Lock<[i32; 2]>, calling: Sender<()>) -> Result<()> {
    say("다음 차례", "acquire()를 호출합니다.");
    calling.send(&())?;
    // ANCHOR: recover
    match accounts.acquire() {
        Err(error @ LockError::OwnerDied { .. }) => {
            say("다음 차례", format!("acquire()의 Err: {error}"));
        }
        Err(error) => return Err(error.into()),
        Ok(_) => bail!("쥔 쪽이 죽은 것을 알려 주지 않았습니다"),
    }
    // 에러를 받은 것만으로는 락을 쥐지 않습니다. recover()로 넘겨받아 값을 먼저 살펴봅니다.
    let died = accounts.recover()?;
    say("다음 차례", format!("recover()로 넘겨받은 값은 {:?}입니다.", *died));
    let mut accounts = died.repair();
    accounts[1] = 100 - accounts[0];
    say("다음 차례", format!("못다 한 덧셈을 해서 값을 {:?} 상태로 고치고 계속합니다.", *accounts));
    // ANCHOR_END: recover
    Ok(())
}
