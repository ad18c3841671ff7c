//! 여러 테스트의 자식 프로세스가 함께 하는 일입니다.

use std::any::Any;
use std::fs::metadata;
use std::os::unix::fs::MetadataExt;
use std::panic::{panic_any, set_hook};
use std::sync::atomic::Ordering::SeqCst;
use std::thread::park;

use anyhow::Result;
use ipc_core::{Process, ProcessError};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, raise, signal};

use crate::Counter;
use crate::procfs::wait_state;
use crate::wait::{PATIENCE, until};

/// `main`의 스택이 넘친 프로세스를 끝내는 시그널. Rust의 핸들러는 그 이유를 적고 스스로 중단합니다. musl은 `main`의 스택을 지금까지
/// 쓴 만큼으로 알려 주어, 핸들러가 넘친 것을 알아보지 못합니다.
pub const OVERFLOWED: Signal =
    if cfg!(target_env = "musl") { Signal::SIGSEGV } else { Signal::SIGABRT };

/// 죽임을 당할 때까지 잡니다.
pub fn sleep_forever() {
    loop {
        park();
    }
}

/// 도착했음을 알리고 죽임을 당할 때까지 잡니다.
pub fn arrive_and_sleep(arrived: &Counter) -> ! {
    arrived.fetch_add(1, SeqCst);
    loop {
        park();
    }
}

/// `counter`가 `wanted` 이상이 될 때까지 기다립니다.
pub fn wait_count(what: &str, counter: &Counter, wanted: u32) -> Result<()> {
    until(what, PATIENCE, || Ok(counter.load(SeqCst) >= wanted))
}

/// 자식이 커널 안에서 잠들 때까지 기다립니다.
pub fn wait_asleep<T>(process: &Process<T>) -> Result<()> {
    wait_state(process.id(), 'S')
}

/// 화면을 어지럽히지 않고 패닉합니다.
pub fn quiet_panic(payload: impl Any + Send) -> ! {
    set_hook(Box::new(|_| {}));
    panic_any(payload)
}

/// 시그널의 기본 동작으로 죽습니다.
pub fn die_by(number: Signal) {
    // Rust는 스택 넘침을 알리려고 SIGSEGV를 처리하고 있으므로, 기본 동작으로 되돌립니다.
    // SAFETY: 처리기를 설치하지 않고 기본 동작으로 되돌리기만 합니다.
    let _ = unsafe { signal(number, SigHandler::SigDfl) };
    let _ = raise(number);
}

/// 루트라면 `user`가 됩니다. 루트에게는 적용되지 않는 한도가 있습니다.
pub fn leave_root(user: u32) -> Result<()> {
    if metadata("/proc/self")?.uid() == 0 {
        // SAFETY: 정수만 주고받는 시스템 호출이며, 이 프로세스의 사용자만 바꿉니다.
        Errno::result(unsafe { libc::setresuid(user, user, user) })?;
    }
    Ok(())
}

/// `SIGKILL`로 죽었어야 하는 자식을 회수합니다.
pub fn expect_killed<T>(result: Result<T, ProcessError>) -> Result<()> {
    match result {
        Err(ProcessError::Killed { signal: libc::SIGKILL, .. }) => Ok(()),
        Err(other) => anyhow::bail!("SIGKILL로 죽어야 하는데 다르게 끝났습니다: {other}"),
        Ok(_) => anyhow::bail!("SIGKILL로 죽어야 하는데 값을 반환했습니다"),
    }
}
