//! 여섯 실험이 함께 쓰는 것: 실험의 모양, 한 줄 출력하기, 죽일 순간을 알리기, 죽이기.

use std::fmt::Display;
use std::fs::read_to_string;
use std::process::id;
use std::thread::{park, sleep};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ipc_core::{Process, ProcessError};
use nix::sys::signal::Signal;
use pipe::Sender;

/// 실험 하나.
pub struct Experiment {
    /// `break` 뒤에 적는 이름.
    pub name: &'static str,
    pub title: &'static str,
    /// 누구를 언제 죽이는지.
    pub what: &'static str,
    /// Rust 쪽. 기대와 다른 것을 보면 `Err`입니다.
    pub ours: fn() -> Result<()>,
    /// 같은 일을 하는 파이썬 소스.
    pub twin: &'static str,
    /// 파이썬에서 일어날 것으로 예상하는 일. 정말 그런지는 그때마다 확인합니다.
    pub fate: Fate,
    /// 정리하는 줄의 앞쪽과, 파이썬이 `fate`대로였을 때의 뒤쪽.
    pub rust: &'static str,
    pub python: &'static str,
}

/// 쥔 프로세스가 죽은 뒤 파이썬 프로그램의 운명.
#[derive(Clone, Copy)]
pub enum Fate {
    /// 끝나지 않습니다.
    Hangs,
    /// 아무 일도 없었던 것처럼 종료 코드 0으로 끝납니다.
    Ends,
}

/// 누가 하는 말인지 앞에 적어 한 줄을 출력합니다.
pub fn say(who: &str, text: impl Display) {
    println!("Process ID: {} - {who}: {text}", id());
}

/// 자식에서 호출합니다. 지금이 죽일 순간이라고 알리고, 죽을 때까지 잠듭니다.
pub fn report_and_wait(report: &Sender<()>) -> Result<()> {
    report.send(&())?;
    loop {
        park();
    }
}

/// 부모에서 호출합니다. `SIGKILL`로 죽이고 회수해, `join`이 알려 준 에러를 반환합니다.
pub fn kill(victim: Process<()>, role: &str) -> Result<ProcessError> {
    say("부모", format!("{role}(PID {})에 SIGKILL을 보냅니다.", victim.id()));
    victim.kill();
    match victim.join() {
        Err(error @ ProcessError::Killed { signal, .. }) => {
            ensure!(signal == Signal::SIGKILL as i32, "다른 시그널로 죽었습니다: {error}");
            Ok(error)
        }
        Err(error) => bail!("SIGKILL로 죽지 않았습니다: {error}"),
        Ok(()) => bail!("죽이기 전에 끝났습니다"),
    }
}

/// 프로세스가 커널 안에서 잠들 때까지 기다립니다. 기다리는 호출에 들어갔는지는 밖에서 이렇게만 알 수 있습니다.
pub fn wait_asleep(pid: u32) -> Result<()> {
    loop {
        let stat = read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, fields) = stat.rsplit_once(") ").context("/proc의 stat 형식이 다릅니다")?;
        if fields.starts_with('S') {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
}
