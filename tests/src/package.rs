//! 저장소 밖에 패키지(고친 예제, 컴파일되지 않아야 하는 프로그램)를 만들어 빌드합니다.
//!
//! 의존하는 크레이트는 작업공간과 같은 기능과 설정으로 같은 `target` 폴더에서 빌드합니다. 그래서 `cargo test`가 이미 컴파일한 것은
//! 다시 컴파일하지 않습니다. 폴더가 다른 것은 cargo가 다른 크레이트로 여기므로 `crates` 안의 것만 한 번 더 컴파일합니다.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use toml::Table;

use crate::lesson::target_dir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 작업공간의 의존 크레이트를 모두 쓰는 패키지의 목록(`Cargo.toml`).
fn manifest() -> Result<Table> {
    let root = fs::canonicalize(ROOT)?;
    let read = |file: &str| -> Result<Table> { Ok(fs::read_to_string(root.join(file))?.parse()?) };
    let (workspace, mut manifest) = (read("Cargo.toml")?, read("examples-ko/Cargo.toml")?);
    manifest.remove("bin");
    manifest.remove("test");
    let package = manifest["package"].as_table_mut().context("package의 형식이 다릅니다")?;
    package.remove("default-run");
    let dependencies = manifest["dependencies"].as_table_mut().context("dependencies")?;
    // 테스트의 것에 기능이 더 많습니다.
    let tests = read("tests/Cargo.toml")?.remove("dependencies").context("dependencies")?;
    dependencies.extend(tests.as_table().context("dependencies의 형식이 다릅니다")?.clone());
    for (name, dependency) in dependencies {
        if let Some(path) = dependency.get_mut("path") {
            let path_now = root.join("crates").join(name);
            *path = path_now.to_str().context("경로가 UTF-8이 아닙니다")?.into();
        }
    }
    manifest.insert("profile".into(), workspace["profile"].clone());
    manifest.insert("workspace".into(), Table::new().into());
    Ok(manifest)
}

/// `target` 폴더 아래에 패키지를 만듭니다. 목록에는 `more`를 더합니다.
///
/// 폴더가 실행할 때마다 바뀌지는 않습니다. cargo는 소스의 경로마다 결과를 따로 두므로, 바뀌면 `target`이 끝없이 자랍니다.
pub fn create(folder: &Path, name: &str, more: Table) -> Result<()> {
    let mut manifest = manifest()?;
    manifest["package"]["name"] = name.into();
    // 작업공간의 tests처럼, 이 패키지도 최적화하지 않고 빨리 빌드합니다.
    let packages = manifest["profile"]["dev"]["package"].as_table_mut().context("profile")?;
    let fast = packages.remove("tests").context("tests의 설정이 없습니다")?;
    packages.insert(name.into(), fast);
    manifest.extend(more);
    fs::write(folder.join("Cargo.toml"), manifest.to_string())?;
    // 작업공간과 같은 버전을 쓰므로 새로 내려받을 것이 없습니다.
    fs::copy(Path::new(ROOT).join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(())
}

/// `folder`의 패키지를 인터넷 없이 다루는 cargo.
pub fn cargo(folder: &Path, args: &[&str]) -> Result<Command> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(args).arg("--offline").arg("--manifest-path").arg(folder.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target_dir()?);
    Ok(cargo)
}

/// 빌드한 프로그램의 경로.
pub fn program(name: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join("debug").join(name))
}
