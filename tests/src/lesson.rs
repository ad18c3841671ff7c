//! 예제 프로그램을 빌드해 밖에서 띄웁니다. 실행 중인 프로그램은 `running.rs`가 맡습니다.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};

pub use crate::running::{Finished, Running};

/// 작업공간의 뿌리.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");

/// 예제를 이미 모두 빌드했다고 알리는 환경 변수.
const BUILT: &str = "IPC_TEST_BUILT";

/// 예제 프로그램 하나.
#[derive(Clone, Copy)]
pub struct Lesson(&'static str);

impl Lesson {
    pub const fn new(name: &'static str) -> Lesson {
        Lesson(name)
    }

    pub fn path(&self) -> Result<PathBuf> {
        Ok(build_all()?.join(self.0))
    }

    /// 새 프로세스 그룹에서, 비어 있는 임시 폴더를 주어 띄웁니다.
    pub fn start(&self) -> Result<Running> {
        Running::start(Command::new(self.path()?))
    }
}

/// 모든 예제를 한 번에 빌드하고, 놓인 폴더를 반환합니다. `-p` 없이 빌드해야 이미 컴파일한 의존 크레이트를 그대로 씁니다.
pub fn build_all() -> Result<&'static Path> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    if let Some(folder) = FOLDER.get() {
        return Ok(folder);
    }
    if std::env::var_os(BUILT).is_none() {
        let build = escargot::CargoBuild::new().manifest_path(MANIFEST).bins().current_release();
        for message in build.target_dir(target_dir()?).exec()? {
            message.context("예제를 빌드하지 못했습니다")?;
        }
    }
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2).context("예제의 폴더를 찾지 못했습니다")?;
    Ok(FOLDER.get_or_init(|| folder.to_owned()))
}

/// 예제를 모두 빌드해 두고, 테스트마다 띄우는 프로세스에 그렇다고 알립니다. 다른 스레드를 만들기 전에 호출합니다.
pub fn build_for_children() {
    build_all().expect("예제를 빌드하지 못했습니다");
    // SAFETY: 아직 다른 스레드가 없습니다.
    unsafe { std::env::set_var(BUILT, "1") };
}

/// 이 테스트 프로그램이 놓인 target 폴더(`target/debug/deps/테스트`에서 세 단계 위).
pub(crate) fn target_dir() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(3).context("target 폴더를 찾지 못했습니다")?.to_owned())
}
