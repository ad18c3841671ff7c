//! 시작하거나 끝낼 때 막히는 것들: 일부러 잘못 적은 프로그램(`tests/src/bin/faulty.rs`)을 실행합니다.

use std::fs::{Permissions, copy, set_permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tests::ensure_eq;

use crate::complained;

const FAULTY: &str = env!("CARGO_BIN_EXE_faulty");

/// 한 줄을 입력으로 주고 `faulty`를 실행합니다.
fn faulty(mistake: &str) -> Result<Output> {
    let mut child = Command::new(FAULTY)
        .arg(mistake)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("표준 입력이 없습니다")?.write_all(b"hello\n")?;
    Ok(child.wait_with_output()?)
}

/// `init()` 앞에서 표준 입력을 읽고, 비었으면 끝내는 프로그램.
pub fn ended_before_init() -> Result<Vec<String>> {
    let output = faulty("--reads-first")?;
    ensure_eq!(output.status.code(), Some(1));
    Ok(vec![String::from_utf8(output.stderr)?])
}

/// 같은 프로그램이 풀을 쓰면, 작업자들이 하나도 시작하지 못합니다.
pub fn workers_ended_before_init() -> Result<Vec<String>> {
    let output = faulty("--reads-first-with-pool")?;
    ensure_eq!(output.status.code(), Some(1));
    Ok(vec![String::from_utf8(output.stderr)?])
}

/// 자식의 출력이 나오지 않은 이유를 표준 에러에서 알 수 있습니다. 프로그램은 성공합니다.
pub fn not_joined() -> Result<Vec<String>> {
    let output = faulty("--not-joined")?;
    ensure!(output.status.success(), "{}", output.status);
    Ok(vec![String::from_utf8(output.stderr)?])
}

pub fn without_init() -> Result<Vec<String>> {
    Ok(vec![complained(Command::new(FAULTY).arg("--without-init").stdin(Stdio::null()))?])
}

/// 이 줄은 메시지가 아니라 눈에 보이는 현상입니다. 정말 그런지 보고, 표에 적힌 글을 반환합니다.
pub fn line_before_init() -> Result<Vec<String>> {
    let output = Command::new(FAULTY).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // 부모와 자식이 한 번씩.
    ensure_eq!(String::from_utf8(output.stdout)?, "시작합니다\n시작합니다\n");
    Ok(vec!["같은 줄이 프로세스마다 출력됩니다".to_owned()])
}

/// 실행 중에 실행 파일에서 실행 권한을 없앱니다. 그러면 루트도 실행하지 못합니다.
///
/// 파일을 지우거나 다른 것으로 바꾸기만 해서는 막히지 않습니다. 실행 중인 프로그램의 파일은 커널이 끝까지 열어 둡니다.
pub fn permission_taken_away() -> Result<Vec<String>> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let program = folder.path().join("faulty");
    copy(FAULTY, &program)?;
    let mut running = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let output = running.stdout.take().context("표준 출력이 없습니다")?;
    BufReader::new(output).read_line(&mut line)?;
    ensure_eq!(line, "시작합니다\n");
    set_permissions(&program, Permissions::from_mode(0o644))?;
    // 기다리는 동안 입력을 닫아 주므로, 그제야 자식을 시작합니다.
    let finished = running.wait_with_output()?;
    ensure!(!finished.status.success(), "실행 권한이 없는데 시작했습니다");
    Ok(vec![String::from_utf8(finished.stderr)?])
}
