//! 값을 반환하지 못한 자식은 이유마다 다른, 이름 있는 에러가 됩니다.

use anyhow::{Context, Result, bail};
use ipc_core::{Process, ProcessError, signal_name};
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::waitpid;
use pipe::{Receiver, pipe};
use tests::children::{OVERFLOWED, die_by, quiet_panic};
use tests::{ensure_eq, ensure_matches};

fn panic_message<T>(result: Result<T, ProcessError>) -> Result<String> {
    match result {
        Err(ProcessError::Panicked { message, .. }) => Ok(message),
        Err(other) => bail!("Panicked여야 하는데 {other:?}입니다"),
        Ok(_) => bail!("패닉한 작업이 값을 반환했습니다"),
    }
}

pub fn panics_keep_their_message() -> Result<()> {
    let text = Process::spawn(|| -> u8 { quiet_panic("문자열 조각") }, ())?;
    ensure_eq!(panic_message(text.join())?, "문자열 조각");
    let owned = Process::spawn(|n: u8| -> u8 { quiet_panic(format!("{n}번")) }, (3,))?;
    ensure_eq!(panic_message(owned.join())?, "3번");
    let number = Process::spawn(|| -> u8 { quiet_panic(42u64) }, ())?;
    ensure_eq!(panic_message(number.join())?, "문자열이 아닌 값으로 패닉했습니다");
    Ok(())
}

fn fails_deeply() -> Result<u32> {
    Err(anyhow::anyhow!("뿌리")).context("가운데").context("바깥")
}

pub fn errors_keep_their_chain() -> Result<()> {
    let process = Process::spawn(fails_deeply, ())?;
    let name = process.to_string();
    let error = process.join().err().context("실패한 작업이 값을 반환했습니다")?;
    ensure_matches!(&error, ProcessError::Failed { message, .. } if message == "바깥: 가운데: 뿌리");
    // 메시지에는 작업의 이름과 PID가 있습니다.
    ensure_eq!(error.to_string().contains(&name), true);
    Ok(())
}

fn exit_with(code: i32) -> u32 {
    std::process::exit(code)
}

pub fn exit_codes() -> Result<()> {
    // 0으로 끝나도 값은 없습니다.
    for wanted in [0, 1, 2, 3, 101, 255] {
        ensure_matches!(
            Process::spawn(exit_with, (wanted,))?.join(),
            Err(ProcessError::Exited { code, .. }) if code == wanted
        );
    }
    Ok(())
}

fn die(signal: i32) -> Result<()> {
    die_by(Signal::try_from(signal)?);
    Ok(())
}

pub fn signals_are_named() -> Result<()> {
    for wanted in [Signal::SIGSEGV, Signal::SIGTERM, Signal::SIGKILL, Signal::SIGABRT] {
        let error = Process::spawn(die, (wanted as i32,))?.join().err();
        ensure_matches!(
            &error,
            Some(ProcessError::Killed { signal, .. }) if *signal == wanted as i32
        );
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        ensure_eq!(message.contains(&signal_name(wanted as i32)), true);
    }
    ensure_matches!(
        Process::spawn(|| -> u8 { std::process::abort() }, ())?.join(),
        Err(ProcessError::Killed { signal: libc::SIGABRT, .. })
    );
    Ok(())
}

fn bottomless(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 512]);
    if here[0] == u64::MAX { 0 } else { bottomless(depth + 1).wrapping_add(here[0]) }
}

pub fn stack_overflow_is_reported() -> Result<()> {
    ensure_matches!(
        Process::spawn(bottomless, (0,))?.join(),
        Err(ProcessError::Killed { signal, .. }) if signal == OVERFLOWED as i32
    );
    Ok(())
}

fn start_and_join(gate: Receiver<()>) -> Result<u32> {
    gate.recv()?;
    Ok(Process::spawn(|| 7, ())?.join()?)
}

fn on_child(handler: SigHandler) -> Result<()> {
    // SAFETY: 처리기를 설치하지 않고, 무시하거나 기본 동작으로 되돌리기만 합니다.
    unsafe { signal(Signal::SIGCHLD, handler) }?;
    Ok(())
}

fn ignore_and_start() -> Result<u32> {
    let (gate, open) = pipe()?;
    on_child(SigHandler::SigIgn)?;
    let child = Process::spawn(start_and_join, (gate,))?;
    on_child(SigHandler::SigDfl)?;
    open.send(&())?;
    Ok(child.join()?)
}

/// `SIGCHLD`를 무시하는 프로그램이 띄워도, 자식이 어떻게 끝났는지 압니다.
pub fn ignored_sigchld_is_not_inherited() -> Result<()> {
    ensure_eq!(Process::spawn(ignore_and_start, ())?.join()?, 7);
    Ok(())
}

/// 아무 자식이나 회수하는 코드가 먼저 회수해도 값은 그대로 옵니다. 값이 없으면 그 이유를 적은 에러입니다.
pub fn reaped_by_others() -> Result<()> {
    let with_value = Process::spawn(|| 7, ())?;
    waitpid(None, None)?;
    ensure_eq!(with_value.join()?, 7);
    let without_value = Process::spawn(exit_with, (3,))?;
    waitpid(None, None)?;
    // 회수한 뒤의 시그널은 다른 프로세스에 가지 않습니다.
    without_value.kill();
    ensure_eq!(without_value.is_running(), false);
    let error = without_value.join().err();
    ensure_matches!(&error, Some(ProcessError::Reaped { .. }));
    ensure_eq!(error.is_some_and(|error| error.to_string().contains("waitpid(-1)")), true);
    Ok(())
}
