//! 시작하다가 막히는 것들: 일부러 잘못 적은 프로그램(`tests/src/bin/faulty.rs`)을 실행합니다.

use std::fs::{Permissions, copy, set_permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tests::ensure_eq;

use crate::complained;

const FAULTY: &str = env!("CARGO_BIN_EXE_faulty");

pub fn without_init() -> Result<Vec<String>> {
    Ok(vec![complained(Command::new(FAULTY).arg("--without-init").stdin(Stdio::null()))?])
}

/// 이 행은 말이 아니라 겉모습입니다. 정말 그런지 보고, 표의 말로 돌려줍니다.
pub fn line_before_init() -> Result<Vec<String>> {
    let output = Command::new(FAULTY).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // 부모와 자식이 한 번씩.
    ensure_eq!(String::from_utf8(output.stdout)?, "시작합니다\n시작합니다\n");
    Ok(vec!["같은 줄이 프로세스마다 찍힙니다".to_owned()])
}

/// 도는 동안 실행 파일에서 실행 권한을 없앱니다. 그러면 루트도 실행하지 못합니다.
///
/// 파일을 지우거나 다른 것으로 바꾸기만 해서는 막히지 않습니다. 도는 프로그램의 파일은 커널이 끝까지 쥐고 있습니다.
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
