//! 자식 프로세스가 하는 일: `main`의 첫 줄에서 작업을 받아 실행하고 종료합니다.
//!
//! 자식은 같은 프로그램을 같은 명령행 인수로 다시 실행한 것입니다. 자식이라는 것은 환경 변수 [`MARK`]로만 알립니다. 거기에는
//! 부모와 이어진 소켓의 디스크립터 번호와 아이노드(inode) 번호가 적혀 있습니다. 번호만 보고 믿으면, 이 변수를 물려받은 손자가
//! 엉뚱한 파일을 소켓으로 여깁니다. 표준 입력은 처음부터 비어 있으므로(`/dev/null`), `init()` 앞의 `read_line`도 곧바로 끝납니다.

use std::any::Any;
use std::ffi::CString;
use std::fs;
use std::io::{self, stdout};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use rustix::event::PollFlags;
use rustix::fs::fstat;
use rustix::io::{FdFlags, fcntl_setfd};
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::error::ChannelError;
use crate::message::Message;
use crate::task::{RemoteFn, Task, zero_sized};
use crate::timeline;
use crate::wait::{after, wait_ready};

/// 자식임을 알리는 환경 변수. 값은 `디스크립터:아이노드`입니다.
pub const MARK: &str = "IPC_CORE_CHILD";
/// 자식으로 시작하지 못했을 때의 종료 코드.
const CANNOT_START: i32 = 2;
/// 입출력 이벤트를 `SIGIO` 대신 어느 시그널로 알릴지 정하는 명령(fcntl(2)). libc 크레이트에 아직 없습니다.
const F_SETSIG: libc::c_int = 10;

static INITIALIZED: AtomicBool = AtomicBool::new(false);
/// 표준 출력이 닫히면 패닉하지 않고 조용히 끝납니다([`end_with_closed_output`]).
static QUIET: AtomicBool = AtomicBool::new(false);

/// 부모가 자식에게 보내는 첫 메시지.
#[derive(Serialize, Deserialize)]
pub struct Start {
    /// [`run`]의 위치.
    pub run: RemoteFn<fn(Channel) -> i32>,
    /// 작업의 이름. `ps -o comm`에 보입니다.
    pub task: String,
    pub quiet: bool,
}

/// 자식이 부모에게 보내는 첫 메시지: `init()`에 이르러 작업을 받았습니다.
#[derive(Serialize, Deserialize)]
pub struct Started;

/// 자식이 부모에게 보내는 마지막 메시지.
#[derive(Serialize, Deserialize)]
pub enum Report<T> {
    Done(T),
    Failed(String),
    Panicked(String),
}

/// `main`의 첫 줄에서 호출합니다. 파이썬의 `if __name__ == "__main__":`에 해당합니다.
///
/// 자식 프로세스는 같은 프로그램을 처음부터 다시 실행한 것입니다. 자식에서 이 함수는 맡은 작업을 실행하고
/// 프로세스를 끝내므로 반환하지 않습니다. 부모에서는 `SIGCHLD`를 무시하도록 물려받은 것만 되돌리고 반환합니다. 이 줄보다
/// 앞에 있는 코드는 자식에서도 실행된다는 점에 유의하십시오.
///
/// 자식의 명령행 인수와 표준 출력, 표준 에러는 부모와 같고, 표준 입력은 비어 있습니다(`/dev/null`).
pub fn init() {
    if INITIALIZED.swap(true, Relaxed) {
        return;
    }
    stop_ignoring_children();
    timeline::start();
    let Some(socket) = inherited_socket() else {
        std::mem::forget(timeline::live()); // main이 끝나는 때는 여기서 알 수 없습니다.
        return;
    };
    let code = match enter(socket) {
        Ok(code) => code,
        // 시작하는 동안 부모가 죽었습니다. 알릴 곳도, 할 일도 없습니다.
        Err(ChannelError::Disconnected) => CANNOT_START,
        Err(error) => {
            eprintln!("자식 프로세스로 시작하지 못했습니다: {error}");
            CANNOT_START
        }
    };
    exit(code);
}

/// [`init`]이 호출되었는지 봅니다.
pub fn initialized() -> bool {
    INITIALIZED.load(Relaxed)
}

/// 표준 출력이 닫히면(`| head`) 패닉하지 않고 `yes`처럼 조용히 끝나게 합니다. 이 뒤로 시작하는 자식도 그렇습니다.
///
/// Rust는 `SIGPIPE`를 무시하고 시작하므로 `println!`이 패닉합니다. 이 함수는 기본 동작으로 되돌립니다. 그러면 닫힌 파이프에 쓰는
/// 다른 곳(예: `ChildStdin`)에서도 에러를 받는 대신 끝나므로, 예제 프로그램만 호출합니다.
pub fn end_with_closed_output() {
    QUIET.store(true, Relaxed);
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: 처리기를 설치하지 않고 기본 동작으로 되돌리기만 합니다.
    let _ = unsafe { sigaction(Signal::SIGPIPE, &default) };
}

/// [`end_with_closed_output`]을 호출했는지 봅니다.
pub fn is_quiet() -> bool {
    QUIET.load(Relaxed)
}

/// 자식이 실패했을 때, 표준 출력이 닫혔으면 `SIGPIPE`로 조용히 끝냅니다. 그 자식은 닫힌 출력에 쓰다 죽었거나, 그렇게 죽은 상대를
/// 만난 것입니다.
pub fn end_if_output_closed() {
    let closed = || wait_ready(stdout(), PollFlags::ERR, after(Duration::ZERO)).unwrap_or(false);
    if is_quiet() && closed() {
        let _ = nix::sys::signal::raise(Signal::SIGPIPE);
    }
}

/// `SIGCHLD`를 무시하도록 물려받았으면 되돌립니다. 무시하는 동안은 커널이 자식을 바로 지워, 어떻게 끝났는지 알 수
/// 없습니다.
fn stop_ignoring_children() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: 처리기를 설치하지 않고 기본 동작으로 되돌리기만 합니다.
    let Ok(before) = (unsafe { sigaction(Signal::SIGCHLD, &default) }) else { return };
    if !matches!(before.handler(), SigHandler::SigIgn) {
        // SAFETY: 방금까지 쓰이던 처리 방법을 그대로 복원합니다.
        let _ = unsafe { sigaction(Signal::SIGCHLD, &before) };
    }
}

/// 부모가 이 프로세스에 물려준 소켓. 자식이 아니면 `None`입니다.
fn inherited_socket() -> Option<OwnedFd> {
    // 시간이 적게 드는 쪽을 먼저 봅니다. 자식이 아니면 여기서 반환합니다.
    std::env::var_os(MARK)?;
    // 실행될 때 받은 환경만 믿습니다. `set_var`로 바꾼 것은 여기에 보이지 않습니다.
    let environment = fs::read("/proc/self/environ").unwrap_or_else(|error| {
        // 자식일 수 있는데 확인하지 못했습니다. 프로그램을 처음부터 실행하면 자식이 또 자식을 만들 수 있으므로 끝냅니다.
        eprintln!(
            "자식 프로세스인지 확인하지 못했습니다(/proc/self/environ: {error}). 실행 파일에 읽기 권한이 있는지 확인하십시오"
        );
        exit(CANNOT_START)
    });
    let mark = environment
        .split(|byte| *byte == 0)
        .find_map(|entry| std::str::from_utf8(entry).ok()?.strip_prefix(MARK)?.strip_prefix('='))?;
    let (fd, inode) = mark.split_once(':')?;
    let (fd, inode) = (fd.parse::<RawFd>().ok().filter(|fd| *fd > 2)?, inode.parse::<u64>().ok()?);
    // SAFETY: 번호를 확인하는 동안만 빌립니다. 열려 있지 않으면 커널이 EBADF를 반환할 뿐입니다.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    if fstat(borrowed).ok()?.st_ino != inode {
        return None;
    }
    // 이 프로세스가 띄우는 다른 프로그램은 물려받지 않게 합니다.
    fcntl_setfd(borrowed, FdFlags::CLOEXEC).ok()?;
    // SAFETY: 실행될 때 부모가 이 프로세스에 준 디스크립터이고 아이노드가 같습니다. 프로그램이 시작된 뒤에 만들어진 주인이 있을 수
    // 없으며, `init`은 한 번만 여기에 이르므로 이 값이 유일한 주인입니다. 환경 변수를 지어내 이 프로그램을 *실행하는* 것은 실행 전의
    // 일이며, `LD_PRELOAD`를 주는 것과 같이 Rust의 보장 밖입니다.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn enter(socket: OwnedFd) -> Result<i32, ChannelError> {
    let control = Channel::from_socket(socket);
    let start: Start = control.recv(None)?;
    if start.quiet {
        end_with_closed_output();
    }
    control.send(&Started, None)?;
    die_with_parent(&control)?;
    // 이름을 붙이지 못해도 일에는 지장이 없습니다.
    let name = start.task.rsplit("::").next().unwrap_or_default();
    let _ = CString::new(name).map(|name| rustix::thread::set_name(&name));
    timeline::set_task(name);
    let _life = timeline::live();
    // SAFETY: 소켓의 반대쪽 끝은 부모만 갖습니다. 부모는 이 실행 파일이며, `Start`에는 `run`을 `RemoteFn::new`로 잰 값만 담습니다.
    // `Start`는 이 크레이트 밖에서 만들 수 없는 타입입니다.
    Ok(unsafe { start.run.call(control) })
}

/// 부모가 죽으면 이 프로세스도 `SIGKILL`로 끝나게 합니다.
///
/// 소켓의 반대쪽 끝은 부모만 가지므로, 부모가 어떻게 죽든 커널이 그 끝을 닫습니다. "무슨 일이 생기면 나에게 `SIGKILL`을
/// 보내라"고 걸어 둡니다(`O_ASYNC`와 `F_SETSIG`). 지켜보는 스레드가 필요 없고, 자식이 자고 있든 계산에 빠져 있든 멈춰
/// 있든 끝납니다. 자식이 죽으면 그 자식의 자식에게도 같은 일이 이어집니다. 다만 작업이 `std::process::Command`로 띄운 다른
/// 프로그램은 이 소켓이 없으므로 남습니다. 그런 프로그램은 작업이 스스로 기다리거나 끝내야 합니다.
///
/// 부모는 자식을 띄우기 전에 보낼 것을 다 보내 둡니다. `Start`를 받은 뒤에 올 수 있는 것은 인수와 끊김뿐이고, 인수는 이미 와 있습니다.
///
/// `prctl(PR_SET_PDEATHSIG)`는 쓰지 않습니다. 부모 프로세스가 아니라 자식을 만든 *스레드*가 끝날 때 시그널을 보내기 때문입니다.
fn die_with_parent(control: &Channel) -> io::Result<()> {
    use std::os::fd::AsFd;
    let commands = [
        (libc::F_SETOWN, std::process::id() as libc::c_int),
        (F_SETSIG, libc::SIGKILL),
        (libc::F_SETFL, libc::O_ASYNC),
    ];
    for (command, argument) in commands {
        // SAFETY: 열린 디스크립터에 정수 인수를 주는 명령들이며, 메모리를 건드리지 않습니다.
        if unsafe { libc::fcntl(control.as_fd().as_raw_fd(), command, argument) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    // 걸기 전에 죽었을 수 있으므로 한 번 확인합니다.
    if wait_ready(control, PollFlags::HUP, after(Duration::ZERO))? {
        return Err(rustix::io::Errno::PIPE.into());
    }
    Ok(())
}

/// 자식에서 작업 하나를 실행하고 종료 코드를 반환합니다. 부모는 이 함수의 위치를 보냅니다.
pub fn run<F: Task<Args, M>, Args: Message, M>(control: Channel) -> i32 {
    let work = || -> anyhow::Result<()> {
        let args = control.recv(None)?;
        // SAFETY: 이 함수의 위치는 `Process::spawn`이 `F`의 값을 받은 뒤에만 보냅니다.
        let value = unsafe { zero_sized::<F>() }.call(args)?;
        Ok(control.send(&Report::Done(value), None)?)
    };
    let (code, report) = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return 0,
        Ok(Err(error)) => (1, Report::Failed(format!("{error:#}"))),
        Err(payload) => (101, Report::Panicked(panic_message(&*payload))),
    };
    // 부모가 사라졌다면 알릴 곳도 없습니다.
    let _ = control.send::<Report<F::Value>>(&report, None);
    code
}

/// 패닉이 남긴 말.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "문자열이 아닌 값으로 패닉했습니다".to_owned())
}
