//! 컴파일되지 않아야 하는 프로그램들(tests/traps)을 지어 봅니다.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 프로그램 하나를 지은 결과.
pub enum Outcome {
    Compiled,
    /// 컴파일러가 낸 에러를 모두 이은 것.
    Refused(String),
}

/// 꾸러미를 `target` 아래의 `temporary`로 옮깁니다. 소스 폴더에 Cargo.lock이 생기지 않게 하려는 것입니다.
pub fn package_outside_sources(temporary: &Path) -> Result<PathBuf> {
    let root = fs::canonicalize(ROOT)?;
    let package = temporary.join("traps");
    let programs = package.join("src/bin");
    if programs.exists() {
        fs::remove_dir_all(&programs)?;
    }
    fs::create_dir_all(&programs)?;
    for entry in fs::read_dir(root.join("tests/traps/src/bin"))? {
        let from = entry?.path();
        fs::copy(&from, programs.join(from.file_name().unwrap_or_default()))?;
    }
    let mut manifest: toml::Table =
        fs::read_to_string(root.join("tests/traps/Cargo.toml"))?.parse()?;
    let dependencies = manifest["dependencies"].as_table_mut().context("의존성이 표가 아닙니다")?;
    for (name, dependency) in dependencies {
        if let Some(path) = dependency.get_mut("path") {
            let path_now = root.join("crates").join(name);
            *path = path_now.to_str().context("경로가 UTF-8이 아닙니다")?.into();
        }
    }
    fs::write(package.join("Cargo.toml"), manifest.to_string())?;
    // 작업공간과 같은 판을 쓰므로 새로 내려받을 것이 없습니다.
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    Ok(package)
}

/// `programs`(`--bins`나 `--bin=이름`)를 한 번에 지어 봅니다.
///
/// 클로저의 검사는 코드를 만들 때 이루어지므로 `check`가 아니라 `build`입니다.
pub fn build(package: &Path, programs: &str) -> Result<BTreeMap<String, Outcome>> {
    let output = Command::new(env!("CARGO"))
        .args(["build", programs, "--keep-going", "--offline", "--message-format=json"])
        .args(["--target-dir", "target"])
        .current_dir(package)
        .env("CARGO_INCREMENTAL", "0")
        .output()?;
    let mut built = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let record: Value = serde_json::from_str(line)?;
        if record["target"]["kind"][0] != "bin" {
            continue;
        }
        let name = record["target"]["name"].as_str().unwrap_or_default().to_owned();
        if record["reason"] == "compiler-artifact" {
            built.insert(name, Outcome::Compiled);
        } else if record["message"]["level"] == "error" {
            let error = record["message"]["rendered"].as_str().unwrap_or_default();
            match built.entry(name).or_insert(Outcome::Refused(String::new())) {
                Outcome::Refused(errors) => errors.push_str(error),
                Outcome::Compiled => bail!("에러를 낸 프로그램이 지어졌습니다"),
            }
        }
    }
    if built.is_empty() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(built)
}
