//! 파이썬에서는 조용히 잘못되는 것들이 여기서는 컴파일되지 않습니다(tests/traps).
//!
//! 파일마다 첫 줄에 기대하는 에러의 일부를 적어 두고, 컴파일러의 에러에 그것이 있는지 봅니다. trybuild처럼 에러를
//! 통째로 저장해 견주지는 않습니다. 컴파일러의 판마다 문장과 표시가 조금씩 달라, 학습자의 컴퓨터에서는 까닭 없이
//! 실패하기 때문입니다.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// 컴파일되어야 하는 프로그램. 이것까지 실패하면 함정이 아니라 시험이 잘못된 것입니다.
const CONTROL: &str = "control";

#[test]
fn python_traps_do_not_compile() -> Result<(), Box<dyn Error>> {
    let package = package_outside_sources()?;
    let built = build(&package)?;

    let mut wrong = Vec::new();
    for (name, expected) in expectations(&package)? {
        let outcome = built.get(&name).ok_or_else(|| format!("{name}: 지은 기록이 없습니다"))?;
        match outcome {
            Outcome::Compiled if name == CONTROL => {}
            Outcome::Compiled => wrong.push(format!("{name}: 컴파일되었습니다")),
            Outcome::Refused(errors) if name != CONTROL && errors.contains(&expected) => {}
            Outcome::Refused(errors) => {
                wrong.push(format!("{name}: '{expected}'을(를) 기대했습니다\n{errors}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// 꾸러미를 `target` 아래로 옮깁니다. 소스 폴더에 Cargo.lock이 생기지 않게 하려는 것입니다.
fn package_outside_sources() -> Result<PathBuf, Box<dyn Error>> {
    let root = fs::canonicalize(ROOT)?;
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("traps");
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
    let dependencies = manifest["dependencies"].as_table_mut().ok_or("의존성이 표가 아닙니다")?;
    for (name, dependency) in dependencies {
        if let Some(path) = dependency.get_mut("path") {
            let path_now = root.join("crates").join(name);
            *path = path_now.to_str().ok_or("경로가 UTF-8이 아닙니다")?.into();
        }
    }
    fs::write(package.join("Cargo.toml"), manifest.to_string())?;
    // 작업공간과 같은 판을 쓰므로 새로 내려받을 것이 없습니다.
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    Ok(package)
}

/// 프로그램의 이름과, 첫 줄에 적힌 기대.
fn expectations(package: &Path) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(package.join("src/bin"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let source = fs::read_to_string(&path)?;
        let expected = source.lines().next().and_then(|line| line.strip_prefix("//! 기대: "));
        let expected = expected.ok_or_else(|| format!("{name}: 첫 줄에 기대가 없습니다"))?;
        found.insert(name, expected.to_owned());
    }
    Ok(found)
}

enum Outcome {
    Compiled,
    /// 컴파일러가 낸 에러를 모두 이은 것.
    Refused(String),
}

/// 모두 한 번에 지어 봅니다. 클로저의 검사는 코드를 만들 때 이루어지므로 `check`가 아니라 `build`입니다.
fn build(package: &Path) -> Result<BTreeMap<String, Outcome>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--bins", "--keep-going", "--offline", "--message-format=json"])
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
                Outcome::Compiled => return Err("에러를 낸 프로그램이 지어졌습니다".into()),
            }
        }
    }
    if built.is_empty() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(built)
}
