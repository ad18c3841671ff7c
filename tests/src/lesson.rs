//! 예제 프로그램을 빌드해 밖에서 띄웁니다. 실행 중인 프로그램은 `running.rs`가 맡습니다.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

use crate::ensure_eq;
pub use crate::running::{Finished, Running};

/// 작업공간의 뿌리.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");

/// 예제 프로그램 하나. 처음 쓸 때 빌드합니다.
pub struct Lesson {
    package: &'static str,
    path: OnceLock<PathBuf>,
}

impl Lesson {
    pub const fn new(package: &'static str) -> Lesson {
        Lesson { package, path: OnceLock::new() }
    }

    fn path(&self) -> Result<&Path> {
        if let Some(path) = self.path.get() {
            return Ok(path);
        }
        let built = escargot::CargoBuild::new()
            .manifest_path(MANIFEST)
            .bin(self.package)
            .current_release()
            .target_dir(target_dir()?)
            .run()
            .with_context(|| format!("예제를 빌드하지 못했습니다: {}", self.package))?;
        Ok(self.path.get_or_init(|| built.path().to_owned()))
    }

    /// 인수를 주어 끝까지 실행합니다.
    pub fn output(&self, args: &[&str]) -> Result<Output> {
        Ok(Command::new(self.path()?).args(args).output()?)
    }

    /// 새 프로세스 그룹에서, 비어 있는 임시 폴더를 주어 띄웁니다.
    pub fn start(&self) -> Result<Running> {
        Running::start(Command::new(self.path()?))
    }
}

/// 이 테스트 프로그램이 놓인 target 폴더(`target/debug/deps/테스트`에서 세 단계 위).
fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(3).context("target 폴더를 찾지 못했습니다")?.to_owned())
}

/// `--help`와 모르는 인수에 대한 약속을 확인합니다.
pub fn expect_usage(lesson: &Lesson) -> Result<()> {
    for flag in ["--help", "-h"] {
        let help = lesson.output(&[flag])?;
        ensure_eq!(help.status.code(), Some(0));
        ensure!(korean(&help.stdout), "{flag}에 한국어 설명이 없습니다");
        ensure!(help.stderr.is_empty(), "{flag}: 표준 에러에 무엇인가 썼습니다");
    }
    let unknown = lesson.output(&["--no-such-flag"])?;
    ensure_eq!(unknown.status.code(), Some(2));
    ensure!(korean(&unknown.stderr), "모르는 인수를 한국어로 알리지 않습니다");
    ensure!(unknown.stdout.is_empty(), "모르는 인수인데 표준 출력에 무엇인가 썼습니다");
    Ok(())
}

fn korean(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).chars().any(|c| ('가'..='힣').contains(&c))
}
