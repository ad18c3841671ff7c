//! 표준 출력.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::libc;
use tests::ensure_eq;
use tests::procfs::nobody_left;

use crate::processes::HELPER;

pub fn text_without_newline_arrives() -> Result<()> {
    for (mode, text) in [("unflushed", "줄 바꿈 없는 글"), ("unflushed-async", "하나 둘")]
    {
        for _ in 0..10 {
            let output = Command::new(HELPER).arg(mode).stdin(Stdio::null()).output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            ensure_eq!(String::from_utf8(output.stdout)?, text);
        }
    }
    Ok(())
}

/// 예제 프로그램들.
const PROGRAMS: [&str; 18] = [
    "break",
    "factorial",
    "heartbeat",
    "lock",
    "no-lock",
    "order",
    "pipe",
    "pipe-end",
    "pool",
    "process",
    "progress",
    "queue",
    "semaphore",
    "shared-histogram",
    "threads-vs-processes",
    "tour",
    "two-cooks-processes",
    "two-cooks-threads",
];

/// `| head`처럼 표준 출력을 닫아 버린 프로그램. 패닉하지 않고 조용히 끝나며, 아무도 남지 않습니다.
fn run_with_closed_output(program: &PathBuf, arguments: &[&str], lines: usize) -> Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("표준 출력")?;
    if lines > 0 {
        // 몇 줄을 읽고 닫습니다.
        use std::io::{BufRead, BufReader};
        BufReader::new(output).lines().take(lines).for_each(drop);
    } else {
        drop(output);
    }
    let finished = child.wait_with_output()?;
    let (status, errors) =
        (finished.status, String::from_utf8_lossy(&finished.stderr).into_owned());
    let what = format!("{} {arguments:?} {lines}줄: {status}, {errors}", program.display());
    let fine = status.success()
        || status.signal() == Some(libc::SIGPIPE)
        || status.code() == Some(128 + libc::SIGPIPE);
    ensure!(fine, "{what}");
    ensure!(!errors.contains("panicked") && !errors.contains("RUST_BACKTRACE"), "{what}");
    nobody_left(Duration::from_secs(5)).with_context(|| what)
}

pub fn closed_output_ends_quietly() -> Result<()> {
    let folder = tests::lesson::build_all()?;
    for name in PROGRAMS {
        let program = folder.join(name);
        for flag in ["--help", "-h"] {
            run_with_closed_output(&program, &[flag], 0)?;
        }
        // 이름 없는 break는 사용법만 알리고 끝납니다.
        for lines in [0, 1].into_iter().filter(|_| name != "break") {
            run_with_closed_output(&program, &[], lines)?;
        }
    }
    Ok(())
}
