//! 가짜 터미널(pty): 80칸 24줄의 터미널에서 프로그램을 실행하고, 사람이 보게 될 화면을 읽습니다.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::termios::tcgetattr;
use nix::unistd::Pid;
use vt100::{Parser, Screen};

use crate::wait::until;

/// 가장 작은 터미널.
const ROWS: u16 = 24;
const COLUMNS: u16 = 80;
/// 위로 밀려 올라간 줄과 80칸을 넘은 부분까지 볼 수 있게, 읽은 것은 더 큰 화면에 그립니다.
const LARGE: NonZero<u16> = NonZero::new(1000).unwrap();
/// 프로그램이 끝나거나 무엇을 출력하기를 기다리는 시간. 바쁜 컴퓨터에서도 넉넉한 값입니다.
const LIMIT: Duration = Duration::from_secs(120);

/// 터미널에서 실행 중인 프로그램.
pub struct Terminal {
    child: Child,
    /// 키보드와 화면이 있는 쪽.
    keyboard: File,
    /// 프로그램의 쪽. 열어 두어야 프로그램이 끝난 뒤에도 설정을 볼 수 있습니다.
    line: Option<File>,
    /// 시작할 때의 설정.
    modes: String,
    written: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

/// 프로그램이 끝난 뒤의 터미널.
pub struct Left {
    pub status: ExitStatus,
    /// 프로그램이 쓴 바이트 그대로.
    pub bytes: Vec<u8>,
    pub screen: Screen,
    /// 설정(에코, 줄 단위 입력 따위)이 시작할 때와 같은지.
    pub modes_kept: bool,
}

impl Terminal {
    /// `command`를 새 터미널에서 실행합니다. 그 터미널의 Ctrl-C를 받습니다.
    pub fn start(command: &Command) -> Result<Terminal> {
        let (keyboard, line) = pair()?;
        let modes = modes(&line)?;
        // 셸은 백그라운드로 시작한 명령이 SIGINT를 무시하게 하고, 그 자식들도 물려받습니다. 터미널의 프로그램은 그렇지 않습니다.
        // SAFETY: 처리기를 설치하지 않고 기본 동작으로 되돌리기만 합니다.
        unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }?;
        // 셸이 하듯이, 새 세션에서 이 터미널을 제 것으로 삼고 그 프로그램이 됩니다.
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        let child = session
            .env("TERM", "xterm-256color")
            .stdin(line.try_clone()?)
            .stdout(line.try_clone()?)
            .stderr(line.try_clone()?)
            .spawn()
            .context("setsid(util-linux)를 실행하지 못했습니다")?;
        drop(session);
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut screen, sink) = (keyboard.try_clone()?, written.clone());
        let reader = spawn(move || {
            let mut bytes = [0; 4096];
            // 프로그램의 쪽이 모두 닫히면 EIO입니다.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend(&bytes[..count]);
            }
        });
        Ok(Terminal { child, keyboard, line: Some(line), modes, written, reader: Some(reader) })
    }

    fn bytes(&self) -> Vec<u8> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `text`가 화면에 나올 때까지 기다립니다. 곧 지워질 것이어도 됩니다.
    pub fn wait_for(&self, text: &str) -> Result<()> {
        until(&format!("화면에 '{text}'가 나오기"), LIMIT, || {
            Ok(String::from_utf8_lossy(&self.bytes()).contains(text))
        })
    }

    /// Ctrl-C를 누릅니다.
    pub fn interrupt(&mut self) -> Result<()> {
        Ok(self.keyboard.write_all(b"\x03")?)
    }

    /// 프로그램이 끝나고 그 자식들도 모두 끝날 때까지 기다립니다.
    pub fn finish(mut self) -> Result<Left> {
        let mut status = None;
        until("프로그램이 끝나기", LIMIT, || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })?;
        until("프로그램의 자식들도 끝나기", LIMIT, || {
            Ok(session(self.child.id())?.is_empty())
        })?;
        let line = self.line.take().context("이미 닫았습니다")?;
        let modes_kept = modes(&line)? == self.modes;
        drop(line);
        let _ = self.reader.take().map(JoinHandle::join);
        let bytes = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut parser = Parser::new(LARGE, LARGE, 0);
        parser.process(&bytes);
        let status = status.context("종료 상태가 없습니다")?;
        Ok(Left { status, bytes, screen: parser.screen().clone(), modes_kept })
    }
}

/// 실패한 테스트의 프로그램이 남아 있지 않게 합니다.
impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            for process in session(self.child.id()).unwrap_or_default() {
                let _ = kill(Pid::from_raw(process as i32), Signal::SIGKILL);
            }
            let _ = self.child.wait();
        }
    }
}

/// 새 터미널의 양쪽. 함께 시작하는 다른 프로그램이 물려받으면 이 프로그램이 끝나도 닫히지 않습니다.
fn pair() -> Result<(File, File)> {
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None)?;
    for side in [&pty.master, &pty.slave] {
        fcntl(side, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    Ok((pty.master.into(), pty.slave.into()))
}

impl Left {
    /// 화면의 줄들.
    pub fn lines(&self) -> Vec<String> {
        self.screen.contents().lines().map(str::to_owned).collect()
    }
}

/// 터미널의 설정.
fn modes(line: &File) -> Result<String> {
    Ok(format!("{:?}", tcgetattr(line)?))
}

/// 세션에 남은 프로세스들. 좀비는 뺍니다.
fn session(leader: u32) -> Result<Vec<u32>> {
    let mut members = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // 괄호에 든 이름 뒤로 상태, 부모, 그룹, 세션이 이어집니다.
        let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = fields.split(' ').collect();
        if fields[0] != "Z" && fields[3] == leader.to_string() {
            members.extend(entry.file_name().to_string_lossy().parse::<u32>());
        }
    }
    Ok(members)
}
