//! 컴파일되지 않아야 하는 프로그램들(tests/traps)을 빌드해 봅니다.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 프로그램 하나를 빌드한 결과.
pub enum Outcome {
    Compiled,
    /// 컴파일러가 낸 에러들.
    Refused(Vec<String>),
}

/// 패키지를 `target` 아래의 `temporary`로 옮깁니다. 소스 폴더에 Cargo.lock이 생기지 않게 하려는 것입니다.
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
    let dependencies =
        manifest["dependencies"].as_table_mut().context("dependencies의 형식이 다릅니다")?;
    for (name, dependency) in dependencies {
        if let Some(path) = dependency.get_mut("path") {
            let path_now = root.join("crates").join(name);
            *path = path_now.to_str().context("경로가 UTF-8이 아닙니다")?.into();
        }
    }
    fs::write(package.join("Cargo.toml"), manifest.to_string())?;
    // 작업공간과 같은 버전을 쓰므로 새로 내려받을 것이 없습니다.
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;
    Ok(package)
}

/// `programs`(`--bins`나 `--bin=이름`)를 한 번에 빌드해 봅니다.
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
            match built.entry(name).or_insert(Outcome::Refused(Vec::new())) {
                Outcome::Refused(errors) => errors.push(error.to_owned()),
                Outcome::Compiled => bail!("에러를 낸 프로그램이 빌드되었습니다"),
            }
        }
    }
    if built.is_empty() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(built)
}

/// 프로그램의 머리말에 적힌 기대.
pub struct Expectation {
    /// `//! 기대:` 뒤의 글. 에러 메시지에 있어야 합니다.
    pub message: String,
    /// `//! 줄:`마다, 그 코드가 있는 줄의 번호들. 에러가 이 가운데 한 줄을 가리켜야 합니다.
    pub lines: Vec<(String, Vec<usize>)>,
}

impl Expectation {
    /// 소스에서 읽습니다.
    pub fn read(source: &str) -> Result<Expectation> {
        let message = source.lines().next().and_then(|line| line.strip_prefix("//! 기대: "));
        let message = message.context("첫 줄에 `//! 기대:`가 없습니다")?.to_owned();
        let mut lines = Vec::new();
        for code in source.lines().filter_map(|line| line.strip_prefix("//! 줄: ")) {
            let numbered = (1..).zip(source.lines());
            let found = numbered.filter(|(_, line)| !line.starts_with("//") && line.contains(code));
            let found: Vec<usize> = found.map(|(number, _)| number).collect();
            if found.is_empty() {
                bail!("`{code}`인 줄이 없습니다");
            }
            lines.push((code.to_owned(), found));
        }
        Ok(Expectation { message, lines })
    }

    /// `program`의 에러들이 기대와 다르면 그 이유를 반환합니다.
    pub fn differs(&self, program: &str, errors: &[String]) -> Option<String> {
        let expected = |error: &&String| error.contains(&self.message);
        if self.lines.is_empty() || !errors.iter().any(|error| expected(&error)) {
            return Some(format!("'{}'라는 에러와 그 줄을 기대했습니다", self.message));
        }
        // 컴파일러가 표시하는 자리는 `src/bin/이름.rs:줄:칸`입니다.
        let points_at = |error: &String, number: usize| {
            error.contains(&format!("src/bin/{program}.rs:{number}:"))
        };
        self.lines.iter().find_map(|(code, numbers)| {
            let mut errors = errors.iter().filter(expected);
            let met = errors.any(|error| numbers.iter().any(|number| points_at(error, *number)));
            (!met).then(|| format!("`{code}`인 줄에서 '{}'를 기대했습니다", self.message))
        })
    }
}
