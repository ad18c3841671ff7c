//! 시작(start): 함수 하나를 새 프로세스에서 실행합니다.
//!
//! 자식은 `fork`로 복제하지 않고 같은 프로그램을 다시 실행해 만듭니다. `fork`는 다른 스레드가 쥔 락을 잠긴 채로
//! 복제해 멈출 수 있고, 열린 파이프를 모두 물려주어 끝(EOF)이 오지 않게 하며, 클로저가 바꾼 변수가 복사본이라는
//! 것을 숨깁니다. 파이썬도 3.14부터 같은 까닭으로 `fork`를 기본에서 뺐습니다.
//!
//! 부모와 자식은 소켓 한 쌍으로 이어집니다. 부모는 작업의 위치와 인수를 *먼저* 써 두고 자식을 띄우므로, 연결을
//! 기다리는 단계가 없습니다. 소켓은 자식의 표준 입력 자리로 건너갑니다.

use std::any::type_name;
use std::env::args_os;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command};
use std::time::Duration;
use std::{fmt, io};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::channel::{Channel, ChannelError};
use crate::child::{self, CHILD_MARK, Outcome, Start};
use crate::codec::Handle;
use crate::error::ProcessError;
use crate::futex::{Deadline, after};
use crate::lifeline;
use crate::ready::wait_ready;
use crate::task::{Output, RemoteFn, Task};

/// 함수 하나를 실행하는 자식 프로세스입니다. 파이썬의 `multiprocessing.Process`에 해당합니다.
///
/// `std::thread::JoinHandle`처럼 [`join`](Process::join)이 함수의 값을 돌려줍니다. 다른 점은 셋입니다. 인수와
/// 값은 복사되어 건너가고, 자식이 죽어도 부모는 죽지 않고 `Err`를 받으며, 조인하지 않고 버리면 자식을 끝냅니다
/// (고아도 좀비도 남지 않습니다). 부모가 죽으면 자식도 끝납니다.
///
/// ```standalone_crate
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
    /// 끝나면 읽을 수 있게 되는 디스크립터. PID와 달리 다른 프로세스를 가리키게 되지 않습니다.
    pidfd: OwnedFd,
    control: Channel,
    /// 이 끝이 닫히면 자식이 끝납니다.
    _lifeline: OwnedFd,
    task: &'static str,
    joined: bool,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned + 'static> Process<T> {
    /// `task`를 새 프로세스에서 `args`로 부릅니다. 파이썬의 `Process(target=task, args=args)`와 `start()`입니다.
    ///
    /// `args`는 직렬화되어 건너가고 부모에서는 사라집니다. 파이프의 끝을 건네면 부모에는 남지 않습니다. 자식이
    /// 실제로 시작하기를 기다리지 않고 돌아옵니다. 어느 스레드에서나, 자식 안에서도 부를 수 있습니다.
    ///
    /// # Errors
    ///
    /// [`ProcessError::NotInitialized`], [`ProcessError::Start`], 인수를 직렬화하지 못하면
    /// [`ProcessError::Channel`]. 실패하면 시작한 것은 모두 거두어들입니다.
    pub fn spawn<F, Args, Mark, Kind>(task: F, args: Args) -> Result<Process<T>, ProcessError>
    where
        F: Task<Args, Mark, Output: Output<Kind, Value = T>>,
        Args: Serialize + DeserializeOwned + 'static,
    {
        let _zero_sized = task; // 함수는 타입만으로 정해지므로(task.rs의 summon) 값은 보내지 않습니다.
        if !child::initialized() {
            return Err(ProcessError::NotInitialized);
        }
        let (control, childs_end) = Channel::pair()?;
        let (childs_lifeline, lifeline) = lifeline::new().map_err(ProcessError::Start)?;
        let run = RemoteFn::new(child::run::<F, Args, Mark, Kind>);
        control.send(&Start { run, lifeline: Handle::new(childs_lifeline) }, None)?;
        control.send(&args, None)?;
        drop(args);

        let task = type_name::<F>();
        let mut child = Command::new("/proc/self/exe")
            .arg0(args_os().next().unwrap_or_default())
            .args([CHILD_MARK, task])
            .stdin(childs_end.into_fd())
            .spawn()
            .map_err(ProcessError::Start)?;
        match open_pidfd(&child) {
            Ok(pidfd) => Ok(Process {
                child,
                pidfd,
                control,
                _lifeline: lifeline,
                task,
                joined: false,
                value: PhantomData,
            }),
            Err(error) => {
                reap(&mut child);
                Err(ProcessError::Start(error))
            }
        }
    }

    /// 끝나기를 기다려 함수의 값을 돌려줍니다.
    ///
    /// # Errors
    ///
    /// 작업이 실패하면 [`ProcessError::Failed`], 패닉하면 [`ProcessError::Panicked`], 값 없이 끝나면
    /// [`ProcessError::Exited`], 시그널로 죽으면 [`ProcessError::Killed`].
    #[must_use = "자식의 실패를 놓치지 않도록 Result를 확인하십시오"]
    pub fn join(mut self) -> Result<T, ProcessError> {
        self.finish(None)
    }

    /// [`join`](Process::join)과 같지만 `timeout`까지만 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`ProcessError::Timeout`]이며 자식은 계속 돕니다. 결과를 받은 뒤에 다시 부르면
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
        if !wait_ready(self.pidfd.as_fd(), PollFlags::POLLIN, deadline).map_err(ChannelError::Io)? {
            return Err(ProcessError::Timeout { process });
        }
        let status = self.child.wait().map_err(ChannelError::Io)?;
        self.joined = true;
        // 결과는 끝나기 전에 보낸 작은 프레임 하나이므로, 이제 와 있거나 영영 오지 않습니다.
        let outcome = self.control.recv::<Outcome<T>>(after(Duration::ZERO));
        match (status.signal(), outcome) {
            (Some(signal), _) => Err(ProcessError::Killed { process, signal }),
            (None, Ok(Outcome::Done(value))) if status.success() => Ok(value),
            (None, Ok(Outcome::Failed(message))) => Err(ProcessError::Failed { process, message }),
            (None, Ok(Outcome::Panicked(message))) => {
                Err(ProcessError::Panicked { process, message })
            }
            (
                None,
                Ok(Outcome::Done(_)) | Err(ChannelError::Disconnected | ChannelError::Timeout),
            ) => Err(ProcessError::Exited { process, code: status.code().unwrap_or_default() }),
            (None, Err(error)) => Err(error.into()),
        }
    }
}

impl<T> Process<T> {
    /// 자식의 PID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// 아직 돌고 있는지 봅니다. 기다리지 않습니다.
    pub fn is_running(&self) -> bool {
        let ended = wait_ready(self.pidfd.as_fd(), PollFlags::POLLIN, after(Duration::ZERO));
        !self.joined && matches!(ended, Ok(false))
    }

    /// `SIGTERM`을 보내 끝내기를 청합니다. 이미 끝났으면 아무 일도 없습니다.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// `SIGKILL`로 바로 끝냅니다. 이미 끝났으면 아무 일도 없습니다.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if !self.joined {
            // 거두어들이기 전의 PID는 다시 쓰이지 않으므로 다른 프로세스에 보낼 일이 없습니다.
            let _ = nix::sys::signal::kill(Pid::from_raw(self.id() as i32), signal);
        }
    }
}

/// 끝나면 읽을 수 있게 되는 디스크립터입니다. [`crate::wait_any`]나 `poll`에 쓰십시오.
impl<T> AsFd for Process<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
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
        if !self.joined {
            reap(&mut self.child);
        }
    }
}

/// 강제로 끝내고 거두어들입니다.
fn reap(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn open_pidfd(child: &Child) -> io::Result<OwnedFd> {
    // SAFETY: 정수만 주고받는 시스템 호출입니다. 아직 거두어들이지 않았으므로 PID는 우리 자식의 것입니다.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
    let fd = Errno::result(fd)? as RawFd;
    // SAFETY: 커널이 이 프로세스에 방금 연 디스크립터이고, 다른 주인이 없습니다.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
