//! 프로세스를 시작하고 끝내기.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ipc_core::{Process, ProcessError};
use nix::sys::wait::{WaitPidFlag, waitpid};
use tests::children::sleep_forever;
use tests::ensure_eq;
use tests::procfs::alive;
use tests::wait::{PATIENCE, timed, until};

pub const HELPER: &str = env!("CARGO_BIN_EXE_field_helper");

pub fn arguments_are_the_same() -> Result<()> {
    let strange = ["arguments", "", "빈칸이 든 인수", "--help", "-x", "'\"\\", "\u{1f980}"];
    let output = Command::new(HELPER).args(strange).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

pub fn reading_before_init_ends_at_once() -> Result<()> {
    let mut child = Command::new(HELPER)
        .arg("stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // 입력을 닫지 않습니다. 자식이 같은 입력을 기다린다면 끝나지 않습니다.
    let mut input = child.stdin.take().context("표준 입력")?;
    writeln!(input, "부모의 줄")?;
    let (output, took) = timed(|| child.wait_with_output());
    drop(input);
    let output = output?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(took < PATIENCE, "끝나기까지 {took:?}가 걸렸습니다");
    let text = String::from_utf8(output.stdout)?;
    ensure_eq!(text.matches("[부모의 줄]").count(), 1);
    ensure_eq!(text.matches("[]").count(), 3); // 자식 하나와 작업자 둘.
    Ok(())
}

fn seven() -> u32 {
    7
}

/// 다른 스레드가 자식을 모두 회수하는 프로그램.
fn with_a_reaper() -> Result<u32> {
    let stop = AtomicBool::new(false);
    scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                let _ = waitpid(None, Some(WaitPidFlag::WNOHANG));
            }
        });
        let work = || -> Result<u32> {
            let mut sum = 0;
            for _ in 0..50 {
                sum += Process::spawn(seven, ())?.join()?;
            }
            // 시작해 두고 버린 것과, 값 없이 끝난 것도 멈추지 않습니다.
            drop(Process::spawn(seven, ())?);
            let gone = Process::spawn(|| -> () { std::process::exit(3) }, ())?;
            match gone.join() {
                Err(ProcessError::Reaped { .. } | ProcessError::Exited { code: 3, .. }) => {}
                other => bail!("{other:?}"),
            }
            let killed = Process::spawn(sleep_forever, ())?;
            killed.kill();
            ensure!(killed.join().is_err());
            Ok(sum)
        };
        let outcome = work();
        stop.store(true, SeqCst);
        outcome
    })
}

pub fn value_survives_another_reaper() -> Result<()> {
    ensure_eq!(Process::spawn(with_a_reaper, ())?.join()?, 350);
    Ok(())
}

/// 다른 코드가 회수한 자식의 PID를 다른 프로세스가 갖게 한 뒤, 자식의 핸들을 버립니다. 그 프로세스는 살아 있어야 합니다.
fn reuse_a_pid() -> Result<bool> {
    for _ in 0..20 {
        let mut process = Process::spawn(seven, ())?;
        let pid = process.id();
        until("자식이 끝나기", PATIENCE, || Ok(!alive(pid)?))?;
        waitpid(nix::unistd::Pid::from_raw(pid as i32), None)?; // 이 크레이트가 아닌 코드가 회수합니다.
        // 다음에 만들 PID를 정합니다. 루트가 아니면 정하지 못합니다.
        if std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).is_err() {
            ensure_eq!(process.join()?, 7);
            return Ok(false);
        }
        let mut stranger = Command::new("sleep").arg("1000").spawn()?;
        if stranger.id() != pid {
            // 그 사이 다른 프로세스가 그 번호를 가졌습니다. 다시 해 봅니다.
            stranger.kill()?;
            stranger.wait()?;
            ensure_eq!(process.join_timeout(PATIENCE)?, 7);
            continue;
        }
        process.terminate();
        process.kill();
        ensure!(!process.is_running(), "남의 프로세스를 자기 자식으로 봅니다");
        drop(process);
        sleep(Duration::from_millis(20));
        let survived = stranger.try_wait()?.is_none();
        stranger.kill()?;
        stranger.wait()?;
        ensure!(survived, "남의 프로세스를 죽였습니다");
        return Ok(true);
    }
    bail!("같은 PID를 다시 만들지 못했습니다")
}

pub fn drop_never_signals_a_stranger() -> Result<()> {
    if !Process::spawn(reuse_a_pid, ())?.join()? {
        eprintln!("루트가 아니어서 PID를 정하지 못했습니다. 값이 오는 것만 보았습니다");
    }
    Ok(())
}
