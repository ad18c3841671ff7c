//! [`Python`]: CPython의 multiprocessing으로 같은 일을 하는 참가자(`python.py`).

use std::env::var_os;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::cores;
use super::row::Size;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/compare/python.py");

/// 이 컴퓨터의 파이썬.
pub struct Python {
    command: OsString,
    /// 예: `CPython 3.13.0(fork)`.
    pub version: String,
}

/// `python.py`가 항목마다 출력하는 줄.
#[derive(Deserialize)]
struct Line {
    row: String,
    /// 항목 하나의 나노초.
    ns: f64,
}

impl Python {
    /// 환경 변수 `PYTHON`의 것이나 `python3`. 실행할 수 없으면 `None`입니다.
    pub fn find() -> Option<Python> {
        let command = var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let version = output(Command::new(&command).args([PROGRAM, "--version"])).ok()?;
        Some(Python { command, version: version.trim().to_owned() })
    }

    /// 항목 하나를 새 파이썬에서 실행합니다. 결과는 파이썬이 확인합니다.
    pub fn run(&self, row: &str, size: Size) -> Result<f64> {
        let mut command = Command::new(&self.command);
        command.args([PROGRAM, "--processes", &cores().to_string()]);
        if size.quick {
            command.arg("--quick");
        }
        let text = output(command.arg(row))?;
        let line: Line = serde_json::from_str(text.trim())
            .with_context(|| format!("python.py의 출력이 다릅니다: {text:?}"))?;
        ensure!(line.row == row, "python.py가 다른 항목을 쟀습니다: {}", line.row);
        Ok(line.ns)
    }
}

/// 성공한 명령의 표준 출력. 표준 에러는 그대로 보입니다.
fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "파이썬이 실패했습니다({})", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
