//! 자식 프로세스의 한살이: `main`의 첫 줄에서 작업을 받아 실행하고 끝납니다.

use std::any::Any;
use std::env::args_os;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::channel::{Channel, ChannelError};
use crate::codec::Handle;
use crate::lifeline;
use crate::task::{Output, RemoteFn, Task, summon};

/// 자식임을 알리는 첫 인수. `ps`에서 어느 프로세스가 무슨 작업인지 보이도록 그 뒤에 작업의 이름이 옵니다.
pub const CHILD_MARK: &str = "--ipc-core-child";
/// 자식으로 시작하지 못했을 때의 종료 코드.
const CANNOT_START: i32 = 2;

static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// 부모가 자식에게 보내는 첫 메시지.
#[derive(Serialize, Deserialize)]
pub struct Start {
    pub run: RemoteFn<Channel, i32>,
    pub lifeline: Handle,
}

/// 자식이 부모에게 보내는 마지막 메시지.
#[derive(Serialize, Deserialize)]
pub enum Outcome<T> {
    Done(T),
    Failed(String),
    Panicked(String),
}

/// `main`의 첫 줄에서 부릅니다. 파이썬의 `if __name__ == "__main__":`에 해당합니다.
///
/// 자식 프로세스는 같은 프로그램을 처음부터 다시 실행한 것입니다. 자식에서 이 함수는 맡은 작업을 실행하고
/// 프로세스를 끝내므로 돌아오지 않습니다. 부모에서는 아무 일도 하지 않고 돌아옵니다. 이 줄보다 앞에 있는
/// 코드는 자식에서도 실행된다는 점에 유의하십시오.
///
/// 자식의 표준 입력은 비어 있고(`/dev/null`), 표준 출력과 에러는 부모와 같습니다.
pub fn init() {
    stop_ignoring_children();
    INITIALIZED.store(true, Relaxed);
    if args_os().nth(1).is_some_and(|argument| argument == CHILD_MARK) {
        let code = match enter() {
            Ok(code) => code,
            // 시작하는 동안 부모가 죽었습니다. 알릴 곳도, 할 일도 없습니다.
            Err(ChannelError::Disconnected) => CANNOT_START,
            Err(error) => {
                eprintln!("자식 프로세스로 시작하지 못했습니다: {error}");
                eprintln!("`{CHILD_MARK}`는 Process::spawn만 쓰는 인수입니다. 빼고 실행하십시오");
                CANNOT_START
            }
        };
        exit(code);
    }
}

/// [`init`]이 불렸는지 봅니다.
pub fn initialized() -> bool {
    INITIALIZED.load(Relaxed)
}

/// `SIGCHLD`를 무시하도록 물려받았으면 되돌립니다. 무시하는 동안은 커널이 자식을 거두어 버려, 어떻게 끝났는지 알 수
/// 없습니다.
fn stop_ignoring_children() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: 처리기를 설치하지 않고 기본 동작으로 되돌리기만 합니다.
    let Ok(before) = (unsafe { sigaction(Signal::SIGCHLD, &default) }) else { return };
    if !matches!(before.handler(), SigHandler::SigIgn) {
        // SAFETY: 방금까지 쓰이던 것을 그대로 돌려놓습니다.
        let _ = unsafe { sigaction(Signal::SIGCHLD, &before) };
    }
}

fn enter() -> Result<i32, ChannelError> {
    let control = take_control()?;
    let start: Start = control.recv(None)?;
    if !lifeline::arm(start.lifeline.into_fd()).map_err(ChannelError::Io)? {
        return Err(ChannelError::Disconnected);
    }
    Ok(start.run.call(&control))
}

/// 표준 입력 자리로 물려받은 소켓을 옮기고, 그 자리는 `/dev/null`로 채웁니다.
fn take_control() -> io::Result<Channel> {
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
    Ok(Channel::from(control))
}

/// 자식에서 작업 하나를 실행하고 종료 코드를 돌려줍니다. 부모는 이 함수의 위치를 보냅니다.
pub fn run<F, Args, Mark, Kind>(control: &Channel) -> i32
where
    F: Task<Args, Mark, Output: Output<Kind>>,
    Args: DeserializeOwned + 'static,
{
    type Value<F, Args, Mark, Kind> = <<F as Task<Args, Mark>>::Output as Output<Kind>>::Value;
    let work = || -> anyhow::Result<()> {
        let args = control.recv::<Args>(None)?;
        let value = summon::<F>().call(args).into_result()?;
        Ok(control.send(&Outcome::Done(value), None)?)
    };
    let (code, outcome): (i32, Outcome<Value<F, Args, Mark, Kind>>) =
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => return 0,
            Ok(Err(error)) => (1, Outcome::Failed(format!("{error:#}"))),
            Err(payload) => (101, Outcome::Panicked(panic_message(&*payload))),
        };
    // 부모가 사라졌다면 알릴 곳도 없습니다.
    let _ = control.send(&outcome, None);
    code
}

/// 패닉이 남긴 말.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "문자열이 아닌 값으로 패닉했습니다".to_owned()
    }
}
