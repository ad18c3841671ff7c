//! 컴파일되지 않아야 하는 프로그램들(tests/traps)을 빌드해 봅니다.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::package;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 프로그램 하나를 빌드한 결과.
pub enum Outcome {
    Compiled,
    /// 컴파일러가 낸 에러들.
    Refused(Vec<String>),
}

/// 프로그램들을 `target` 아래의 `temporary`로 옮깁니다. 소스 폴더에 Cargo.lock이 생기지 않게 하려는 것입니다.
pub fn package_outside_sources(temporary: &Path) -> Result<PathBuf> {
    let package = temporary.join("traps");
    let programs = package.join("src/bin");
    if programs.exists() {
        fs::remove_dir_all(&programs)?;
    }
    fs::create_dir_all(&programs)?;
    for entry in fs::read_dir(Path::new(ROOT).join("tests/traps/src/bin"))? {
        let from = entry?.path();
        fs::copy(&from, programs.join(from.file_name().unwrap_or_default()))?;
    }
    package::create(&package, "traps", toml::Table::new())?;
    Ok(package)
}

/// `programs`(`--bins`나 `--bin=이름`들)를 한 번에 빌드(`build`)하거나, 편집기처럼 검사만(`check`) 해 봅니다.
pub fn compile(how: &str, package: &Path, programs: &[&str]) -> Result<BTreeMap<String, Outcome>> {
    let output = package::cargo(package, &[how, "--keep-going", "--message-format=json"])?
        .args(programs)
        .current_dir(package)
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
            (!met).then(|| format!("`{code}`인 줄에 없는 메시지: {}", self.message))
        })
    }
}

pub fn korean(text: &str) -> bool {
    text.contains(|c| ('가'..='힣').contains(&c))
}

/// 장에 싣는 부분: 에러의 첫머리, 프로그램의 줄, 그리고 한국어 안내. 영어로 된 설명과 다른 파일의 줄은 뺍니다.
pub fn excerpt(error: &str) -> String {
    let starts = |line: &str, any: &[&str]| any.iter().any(|start| line.starts_with(start));
    let mut lines = error.lines();
    let mut kept: Vec<&str> = lines
        .by_ref()
        .take_while(|line| !starts(line.trim_start(), &["= ", "note:", "help:", ":::"]))
        .filter(|line| !line.trim_start().starts_with("--> /"))
        .collect();
    if !kept.iter().any(|line| line.contains("--> ")) {
        kept.truncate(1); // 프로그램의 줄을 가리키지 않는 에러입니다.
    }
    let notes = error.lines().filter(|line| line.trim_start().starts_with("= note: "));
    kept.extend(notes.filter(|line| korean(line) || line.contains("src/bin/")));
    while kept.last().is_some_and(|line| line.trim() == "|") {
        kept.pop(); // 뒤의 설명을 모두 뺐습니다.
    }
    // 줄 번호의 자릿수에 따라 달라지는 왼쪽 여백을 없앱니다.
    let margin = |line: &&str| line.len() - line.trim_start().len();
    let common = kept.iter().skip(1).map(margin).min().unwrap_or_default();
    let cut =
        |(at, line): (usize, &&str)| format!("{}\n", &line[if at == 0 { 0 } else { common }..]);
    kept.iter().enumerate().map(cut).collect()
}

/// 장에 실린 메시지들: `<!-- trap: 이름 -->` 아래의 상자. 함정의 이름과, 상자 안의 글이 놓인 자리입니다.
pub fn printed(page: &str) -> Vec<(&str, std::ops::Range<usize>)> {
    let (opening, body) = ("<!-- trap: ", " -->\n```text\n");
    page.match_indices(opening)
        .filter_map(|(at, _)| {
            let from = at + opening.len();
            let start = from + page[from..].find(body)? + body.len();
            let end = start + page[start..].find("```\n")?;
            Some((&page[from..start - body.len()], start..end))
        })
        .collect()
}
