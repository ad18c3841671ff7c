//! 프로세스 하나에 시그널을 쉴 새 없이 보냅니다.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::libc::c_int;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::Counter;
use crate::procfs::signal;

static SEEN: OnceLock<Counter> = OnceLock::new();

extern "C" fn on_signal(_: c_int) {
    // 아토믹을 읽고 더할 뿐이어서, 처리기 안에서 해도 안전합니다.
    if let Some(seen) = SEEN.get() {
        seen.fetch_add(1, SeqCst);
    }
}

/// 이 프로세스에 닿은 시그널을 `seen`에 셉니다. 시그널마다 커널 호출이 EINTR로 끊깁니다(SA_RESTART를 켜지 않습니다).
pub fn count_signals(seen: &Counter) -> Result<()> {
    SEEN.set(seen.clone()).ok().context("한 번만 정합니다")?;
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
    // SAFETY: 처리기는 아토믹만 만집니다.
    unsafe { sigaction(Signal::SIGUSR1, &action) }?;
    Ok(())
}

/// `work`를 하는 동안 `victim`에 `pause`마다 시그널을 보냅니다.
pub fn pestered(victim: u32, pause: Duration, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let stop = AtomicBool::new(false);
    scope(|scope| {
        let pest = scope.spawn(|| {
            while !stop.load(SeqCst) {
                let _ = signal(victim, Signal::SIGUSR1);
                sleep(pause);
            }
        });
        let outcome = work();
        stop.store(true, SeqCst);
        let _ = pest.join();
        outcome
    })
}
