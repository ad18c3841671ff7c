//! 시작(start): 함수 하나를 새 프로세스에서 실행합니다.
//!
//! 자식은 `fork`로 복제하지 않고 같은 프로그램을 다시 실행해 만듭니다. `fork`는 다른 스레드가 쥔 락을 잠긴 채로
//! 복제해 멈출 수 있고, 열린 파이프를 모두 물려주어 EOF가 오지 않게 할 수 있으며, 클로저가 바꾼 변수가 복사본이라는
//! 것을 숨깁니다. 이 가운데 첫째 이유(스레드) 때문에 파이썬도 3.14부터 `fork`를 기본에서 뺐습니다.
//!
//! 부모와 자식은 소켓 한 쌍으로 이어집니다. 부모는 작업의 위치와 인수를 *먼저* 써 두고 자식을 띄우므로, 연결을
//! 기다리는 단계가 없습니다. 자식의 쪽 소켓은 `posix_spawn`이 자식에게만 물려줍니다. 다른 스레드가 같은 때에 띄우는 자식에게는
//! 가지 않습니다.
//!
//! 자식은 PID가 아니라 pidfd로 기다리고, 시그널을 보내고, 회수합니다. 누가 먼저 회수한 자식의 PID는 다른 프로세스의 것이 될 수 있습니다.

use std::any::type_name;
use std::env::{args_os, vars_os};
use std::ffi::{CString, OsStr, OsString};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno as NixErrno;
use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::stat::Mode;
use rustix::event::PollFlags;
use rustix::fs::fstat;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};

use crate::channel::Channel;
use crate::child::{self, MARK, Report, Start, Started};
use crate::error::{ChannelError, ProcessError, signal_name};
use crate::kernel;
use crate::message::Message;
use crate::task::{RemoteFn, Task};
use crate::timeline::{SpanKind, ended, waiting};
use crate::wait::{Deadline, after, wait_ready};

/// 함수 하나를 실행하는 자식 프로세스입니다. 파이썬의 `multiprocessing.Process`에 해당합니다.
///
/// `std::thread::JoinHandle`처럼 [`join`](Process::join)이 함수의 값을 반환합니다. 다른 점은 셋입니다. 인수와
/// 값은 복사되어 건너가고, 자식이 죽어도 부모는 죽지 않고 `Err`를 받으며, 조인하지 않고 버리면 자식을 끝냅니다
/// (고아도 좀비도 남지 않습니다). 부모가 죽으면 자식도 끝납니다.
///
/// 아직 실행 중인 자식을 조인하지 않고 버리면 표준 에러에 한 줄로 알립니다. 일부러 끝내는 것이면 [`kill`](Process::kill)이나
/// [`terminate`](Process::terminate)를 먼저 호출하십시오. 그때는 알리지 않습니다.
///
/// ```
/// use ipc_core::Process;
///
/// fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// fn main() -> anyhow::Result<()> {
///     ipc_core::init();
///     let process = Process::spawn(add, (2, 3))?;
///     assert_eq!(process.join()?, 5);
///     Ok(())
/// }
/// ```
#[must_use = "버리면 자식 프로세스를 바로 끝냅니다. join으로 결과를 확인하십시오"]
#[derive(Debug)]
pub struct Process<T> {
    child: Child,
    /// 자식의 결과가 오는 길. 이쪽이 닫히면 자식은 강제로 종료됩니다.
    control: Channel,
    task: &'static str,
    joined: bool,
    /// 호출한 쪽이 끝내려고 시그널을 보냈습니다.
    ended_on_purpose: AtomicBool,
    value: PhantomData<fn() -> T>,
}

impl<T: Message> Process<T> {
    /// `task`를 새 프로세스에서 `args`로 호출합니다. 파이썬의 `Process(target=task, args=args)`와 `start()`입니다.
    ///
    /// `task`는 이름이 있는 함수나 바깥 변수를 캡처하지 않은 클로저이고, `args`는 그 인수입니다. 인수가 여럿이면 튜플로, 없으면
    /// `()`로 줍니다. `F`, `Args`, `M`은 컴파일러가 알아내므로 적을 일이 없습니다.
    ///
    /// `args`는 직렬화되어 건너가고 부모에서는 사라집니다. 파이프의 한쪽을 건네면 그것은 부모에 남지 않습니다. 자식이
    /// 실제로 시작하기를 기다리지 않고 반환합니다. 어느 스레드에서나, 자식 안에서도 호출할 수 있습니다.
    ///
    /// # Errors
    ///
    /// [`ProcessError::NotInitialized`], [`ProcessError::OtherObject`], [`ProcessError::Start`], 인수를 직렬화하지 못하면
    /// [`ProcessError::Channel`]. 실패하면 시작한 것은 모두 회수합니다.
    pub fn spawn<F, Args, M>(task: F, args: Args) -> Result<Process<T>, ProcessError>
    where
        F: Task<Args, M, Value = T>,
        Args: Message,
    {
        let _zero_sized = task; // 함수는 타입만으로 정해지므로(task.rs의 zero_sized) 값은 보내지 않습니다.
        let task = type_name::<F>();
        if !child::initialized() {
            return Err(ProcessError::NotInitialized);
        }
        kernel::check()?;
        let run = RemoteFn::new(child::run::<F, Args, M>);
        let run = run.ok_or(ProcessError::OtherObject { task })?;
        let (control, childs_end) = Channel::pair()?;
        let start = Start { run, task: task.to_owned(), quiet: child::is_quiet() };
        control.send(&start, None)?;
        control.send(&args, None)?;
        drop(args);
        let child = Child::start(childs_end.as_fd()).map_err(ProcessError::Start)?;
        let ended_on_purpose = AtomicBool::new(false);
        Ok(Process { child, control, task, joined: false, ended_on_purpose, value: PhantomData })
    }

    /// 끝나기를 기다려 함수의 값을 반환합니다.
    ///
    /// # Errors
    ///
    /// 작업이 실패하면 [`ProcessError::Failed`], 패닉하면 [`ProcessError::Panicked`], 값 없이 끝나면
    /// [`ProcessError::Exited`], 시그널로 죽으면 [`ProcessError::Killed`], 작업을 시작하기도 전에 끝나면
    /// [`ProcessError::EndedBeforeInit`].
    #[must_use = "자식의 실패를 놓치지 않도록 Result를 확인하십시오"]
    pub fn join(mut self) -> Result<T, ProcessError> {
        self.finish(None)
    }

    /// [`join`](Process::join)과 같지만 `timeout`까지만 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`ProcessError::Timeout`]이며 자식은 계속 실행됩니다. 결과를 받은 뒤에 다시 호출하면
    /// [`ProcessError::AlreadyJoined`].
    #[must_use = "자식의 실패를 놓치지 않도록 Result를 확인하십시오"]
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, ProcessError> {
        self.finish(after(timeout))
    }

    fn finish(&mut self, deadline: Deadline) -> Result<T, ProcessError> {
        let process = self.to_string();
        if self.joined {
            return Err(ProcessError::AlreadyJoined { process });
        }
        let id = || u64::from(self.id());
        let waited = waiting(SpanKind::Process, id, || self.child.wait_ended(deadline));
        if !waited.map_err(ChannelError::Io)? {
            return Err(ProcessError::Timeout { process });
        }
        let ending = self.child.reap();
        self.joined = true;
        // 자식이 보낸 것은 끝나기 전에 보낸 것뿐이므로, 이제 와 있거나 영영 오지 않습니다.
        let started = self.control.recv::<Started>(after(Duration::ZERO)).is_ok();
        let report = match self.control.recv::<Report<T>>(after(Duration::ZERO)) {
            Ok(report) => Some(report),
            Err(ChannelError::Disconnected | ChannelError::Timeout) => None,
            Err(error) => return Err(error.into()),
        };
        let outcome = match (ending, report) {
            (Ending::Signaled(signal), _) => Err(ProcessError::Killed { process, signal }),
            // 다른 코드가 먼저 회수했어도 값은 와 있습니다.
            (Ending::Exited(0) | Ending::Unknown, Some(Report::Done(value))) => Ok(value),
            (_, Some(Report::Failed(message))) => Err(ProcessError::Failed { process, message }),
            (_, Some(Report::Panicked(message))) => {
                Err(ProcessError::Panicked { process, message })
            }
            (Ending::Unknown, None) => Err(ProcessError::Reaped { process }),
            (Ending::Exited(_), None) if !started => {
                Err(ProcessError::EndedBeforeInit { process, how: ending.to_string() })
            }
            (Ending::Exited(code), _) => Err(ProcessError::Exited { process, code }),
        };
        if outcome.is_err() {
            child::end_if_output_closed();
        }
        outcome
    }
}

impl<T> Process<T> {
    /// 자식의 PID.
    pub fn id(&self) -> u32 {
        self.child.pid.as_raw_pid() as u32
    }

    /// 아직 실행 중인지 봅니다. 기다리지 않습니다.
    pub fn is_running(&self) -> bool {
        !self.joined && matches!(self.child.wait_ended(after(Duration::ZERO)), Ok(false))
    }

    /// `SIGTERM`을 보내 끝내 달라고 요청합니다. 이미 끝났으면 아무 일도 없습니다.
    pub fn terminate(&self) {
        self.end(Signal::TERM);
    }

    /// `SIGKILL`로 바로 끝냅니다. 이미 끝났으면 아무 일도 없습니다.
    pub fn kill(&self) {
        self.end(Signal::KILL);
    }

    fn end(&self, signal: Signal) {
        self.ended_on_purpose.store(true, Relaxed);
        let _ = pidfd_send_signal(&self.child.pidfd, signal);
    }
}

/// 끝나면 읽을 수 있게 되는 디스크립터입니다. [`wait_any`](crate::wait_any)나 `poll`에 쓰십시오.
impl<T> AsFd for Process<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.pidfd.as_fd()
    }
}

/// 작업의 이름과 PID. 예: `lock::work(PID 4242)`.
impl<T> fmt::Display for Process<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(PID {})", self.task, self.id())
    }
}

impl<T> Drop for Process<T> {
    fn drop(&mut self) {
        if self.joined {
            return;
        }
        if self.is_running() && !self.ended_on_purpose.load(Relaxed) {
            // 표준 에러가 닫혀 있어도 패닉하지 않게, eprintln! 대신 씁니다.
            use io::Write;
            let _ = writeln!(
                io::stderr(),
                "{self} 프로세스를 조인하지 않고 버려서 강제로 끝냈습니다. 끝나기를 기다리려면 join()을, 일부러 끝내려면 kill()을 호출하십시오"
            );
        }
        let _ = pidfd_send_signal(&self.child.pidfd, Signal::KILL);
        if self.child.wait_ended(None).is_ok() {
            self.child.reap();
        }
    }
}

/// 어떻게 끝났는지.
#[derive(Clone, Copy)]
enum Ending {
    Exited(i32),
    Signaled(i32),
    /// 다른 코드가 먼저 회수했습니다.
    Unknown,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited(code) => write!(f, "종료 코드 {code}"),
            Ending::Signaled(signal) => f.write_str(&signal_name(*signal)),
            Ending::Unknown => f.write_str("알 수 없음"),
        }
    }
}

/// 커널이 보는 자식.
#[derive(Debug)]
struct Child {
    pid: Pid,
    /// 끝나면 읽을 수 있게 되는 디스크립터. PID와 달리 다른 프로세스를 가리키게 되지 않습니다.
    pidfd: OwnedFd,
}

impl Child {
    /// 이 프로그램을 다시 실행하고 `socket`을 물려줍니다.
    fn start(socket: BorrowedFd) -> io::Result<Child> {
        // 표준 출력이 닫힌 프로그램에서는 소켓이 0에서 2번에 놓일 수 있습니다. 자식은 그 번호를 표준 입출력으로 쓰므로 옮깁니다.
        let moved =
            (socket.as_raw_fd() <= 2).then(|| fcntl_dupfd_cloexec(socket, 3)).transpose()?;
        let socket = moved.as_ref().map_or(socket, |moved| moved.as_fd());
        let mark = format!("{}:{}", socket.as_raw_fd(), fstat(socket)?.st_ino);
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
        // 같은 번호로 복제하면 그 자식에서만 CLOEXEC이 풀립니다(posix_spawn_file_actions_adddup2(3)).
        actions.add_dup2(socket.as_raw_fd(), socket.as_raw_fd())?;
        // 시그널을 막아 두거나 SIGPIPE를 무시하던 것을 물려주지 않습니다(std::process::Command와 같습니다).
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_flags(
            PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
        )?;
        attributes.set_sigmask(&SigSet::empty())?;
        attributes.set_sigdefault(&SigSet::from(NixSignal::SIGPIPE))?;
        let (arguments, environment) = (c_strings(args_os()), environment(mark.as_ref()));
        let spawned =
            posix_spawn(c"/proc/self/exe", &actions, &attributes, &arguments, &environment);
        let pid = spawned.map_err(|errno: NixErrno| io::Error::from(errno))?;
        Child::of(Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidData)?)
    }

    /// 방금 시작한 자식 `pid`.
    fn of(pid: Pid) -> io::Result<Child> {
        // 그 사이 종료된 자식을 다른 코드가 회수했으면, 이 PID는 없거나 벌써 다른 프로세스의 것입니다. 자식인지는 회수하지 않고 봅니다.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let opened = pidfd_open(pid, PidfdFlags::empty())
            .and_then(|pidfd| waitid(WaitId::PidFd(pidfd.as_fd()), look).map(|_| pidfd));
        match opened {
            Ok(pidfd) => Ok(Child { pid, pidfd }),
            // 보낸 값은 와 있으므로, 언제나 종료된 것으로 보이는 디스크립터(쓰는 쪽이 닫힌 파이프)를 대신 갖습니다. 남의 프로세스에
            // 시그널을 보내거나 그것을 기다리지 않습니다.
            Err(Errno::SRCH | Errno::CHILD) => {
                let (ended, _) = pipe_with(PipeFlags::CLOEXEC)?;
                Ok(Child { pid, pidfd: ended })
            }
            Err(errno) => {
                if waitid(WaitId::Pid(pid), look).is_ok() {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
                }
                Err(errno.into())
            }
        }
    }

    /// 끝나기를 기다립니다. 제한 시간이 먼저 지나면 `false`입니다.
    fn wait_ended(&self, deadline: Deadline) -> io::Result<bool> {
        wait_ready(&self.pidfd, PollFlags::IN, deadline)
    }

    /// 끝난 자식을 회수합니다.
    fn reap(&self) -> Ending {
        let status = loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Err(Errno::INTR) => {}
                ended => break ended.ok().flatten(),
            }
        };
        ended(self.pid.as_raw_pid() as u32);
        let Some(status) = status else { return Ending::Unknown };
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, Some(signal)) => Ending::Signaled(signal),
            (None, None) => Ending::Unknown,
        }
    }
}

/// 자식의 환경: 이 프로세스의 환경에 [`MARK`]를 더한 것.
fn environment(mark: &OsStr) -> Vec<CString> {
    let inherited = vars_os().filter(|(name, _)| name != MARK);
    let all = inherited.chain([(MARK.into(), mark.to_owned())]);
    c_strings(all.map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        name
    }))
}

fn c_strings(strings: impl Iterator<Item = OsString>) -> Vec<CString> {
    // 운영체제에서 온 문자열이라 중간에 0이 없습니다.
    strings.filter_map(|string| CString::new(string.into_vec()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 자식의 PID가 `pidfd_open`보다 먼저 다른 프로세스의 것이 된 때와 같습니다.
    #[test]
    fn a_stranger_is_not_taken_for_a_child() -> io::Result<()> {
        let stranger = rustix::process::getppid().ok_or(io::ErrorKind::NotFound)?;
        let child = Child::of(stranger)?;
        assert!(child.wait_ended(after(Duration::ZERO))?, "남의 프로세스가 끝나기를 기다립니다");
        assert_eq!(pidfd_send_signal(&child.pidfd, Signal::CONT), Err(Errno::BADF));
        assert!(matches!(child.reap(), Ending::Unknown));
        Ok(())
    }
}
