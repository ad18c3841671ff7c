//! 실행 중인 예제 프로그램: 출력한 줄을 도착한 때와 함께 모으고, 시그널을 보내고, 종료를 기다립니다.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::ensure_eq;
use crate::transcript::Line;
use crate::wait::PATIENCE;

/// 줄마다 도착한 때를 적어 건네는 스레드를 띄웁니다.
fn follow(output: impl Read + Send + 'static) -> (Receiver<Line>, JoinHandle<()>) {
    let (sender, lines) = channel();
    let reader = spawn(move || {
        for text in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(Line { at: Instant::now(), text });
        }
    });
    (lines, reader)
}

fn collect(mut output: impl Read + Send + 'static) -> JoinHandle<String> {
    spawn(move || {
        let mut text = Vec::new();
        let _ = output.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// 실행 중인 예제 프로그램.
pub struct Running {
    child: Child,
    started: Instant,
    temporary: TempDir,
    lines: Receiver<Line>,
    seen: Vec<Line>,
    reader: JoinHandle<()>,
    errors: JoinHandle<String>,
}

/// 끝난 예제 프로그램.
#[derive(Debug)]
pub struct Finished {
    pub main: u32,
    pub lines: Vec<Line>,
    pub errors: String,
    pub status: ExitStatus,
    pub took: Duration,
}

impl Running {
    /// 새 프로세스 그룹에서, 비어 있는 임시 폴더를 주어 띄웁니다.
    pub(crate) fn start(mut program: Command) -> Result<Running> {
        let temporary = TempDir::new()?;
        // `spawn`이 반환하기 전에 프로그램이 먼저 시작할 수 있으므로, 시작하기 전부터 잽니다.
        let started = Instant::now();
        let mut child = program
            .env("TMPDIR", temporary.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (lines, reader) = follow(child.stdout.take().context("표준 출력이 없습니다")?);
        let errors = collect(child.stderr.take().context("표준 에러가 없습니다")?);
        Ok(Running { child, started, temporary, lines, seen: vec![], reader, errors })
    }

    /// `main`의 PID.
    pub fn main(&self) -> u32 {
        self.child.id()
    }

    /// 이 프로그램만 쓰는 임시 폴더.
    pub fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// 조건에 맞는 줄이 나올 때까지 읽어 그 줄을 반환합니다.
    pub fn wait_line(&mut self, wanted: impl Fn(&Line) -> bool) -> Result<Line> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = match self.next_line(deadline)? {
                Some(line) => line,
                None => bail!("기다리던 줄이 나오기 전에 끝났습니다: {:?}", self.seen),
            };
            if wanted(&line) {
                return Ok(line);
            }
        }
    }

    fn next_line(&mut self, deadline: Instant) -> Result<Option<Line>> {
        match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => bail!("출력이 멈추었습니다: {:?}", self.seen),
        }
    }

    /// 프로세스 그룹 전체에 시그널을 보냅니다. 터미널의 Ctrl-C와 같습니다.
    pub fn signal_group(&self, signal: Signal) -> Result<()> {
        Ok(killpg(Pid::from_raw(self.child.id() as i32), signal)?)
    }

    /// `main`이 끝나고 출력이 닫힐 때까지 `limit`까지 기다립니다.
    ///
    /// 자식들도 같은 출력을 쥐고 있으므로, 닫혔다는 것은 모두 끝났다는 뜻입니다.
    pub fn finish_within(mut self, limit: Duration) -> Result<Finished> {
        let deadline = Instant::now() + limit;
        let outcome = self.drain(deadline);
        if outcome.is_err() {
            let _ = self.signal_group(Signal::SIGKILL);
        }
        let main = self.child.id();
        let status = self.child.wait()?;
        let took = self.started.elapsed();
        let _ = self.reader.join();
        let errors = self.errors.join().unwrap_or_default();
        outcome?;
        let left: Vec<_> = std::fs::read_dir(self.temporary.path())?.collect();
        ensure!(left.is_empty(), "임시 폴더에 남은 것이 있습니다: {left:?}");
        Ok(Finished { main, lines: self.seen, errors, status, took })
    }

    /// 제 힘으로 끝날 때까지 기다립니다.
    pub fn finish(self) -> Result<Finished> {
        self.finish_within(PATIENCE)
    }

    fn drain(&mut self, deadline: Instant) -> Result<()> {
        while self.next_line(deadline)?.is_some() {}
        Ok(())
    }
}

impl Finished {
    /// 잘 끝났는지 봅니다: 종료 코드 0, 표준 에러는 비어 있음.
    pub fn expect_success(&self) -> Result<()> {
        ensure_eq!(self.errors, "");
        ensure!(self.status.success(), "종료 코드가 0이 아닙니다: {}", self.status);
        Ok(())
    }
}
