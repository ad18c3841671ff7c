//! 11.4 Process: 맡은 계산을 하던 자식을 죽입니다.

use anyhow::{Result, bail, ensure};
use ipc_core::{Process, ProcessError};
use pipe::{Sender, pipe};

use crate::stage::{Experiment, Fate, report_and_wait, say};

pub const EXPERIMENT: Experiment = Experiment {
    name: "process",
    title: "11.4 Process",
    what: "부모가 자식에게 일을 맡기고 join()으로 기다립니다. 자식이 일을 시작했을 때 죽입니다.",
    ours,
    twin: include_str!("process-twin.py"),
    fate: Fate::Ends,
    rust: "Rust에서는 join()이 Err로 누가 어떻게 죽었는지 알려 줍니다.",
    python: "파이썬에서는 join()이 None을 반환하고, 프로그램은 모두 완료했다고 출력한 뒤 종료 코드 0으로 끝납니다.",
};

fn ours() -> Result<()> {
    let (moment, report) = pipe()?;
    let child = Process::spawn(task, (report,))?;
    moment.recv()?; // 자식이 일을 시작했습니다.

    let pid = child.id();
    say("부모", format!("자식(PID {pid})에 SIGKILL을 보냅니다."));
    child.kill();
    match child.join() {
        Err(error @ ProcessError::Killed { .. }) => {
            say("부모", format!("join()의 Err: {error}"));
            ensure!(error.to_string().contains(&pid.to_string()), "누구인지 알려 주지 않았습니다");
        }
        other => bail!("죽은 자식의 join()이 {other:?}입니다"),
    }
    say("부모", "나는 살아 있고, 실패한 것을 압니다.");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn task(report: Sender<()>) -> Result<()> {
    say("자식", "일을 시작했습니다.");
    report_and_wait(&report)
}
