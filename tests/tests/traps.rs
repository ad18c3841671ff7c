//! 파이썬에서는 조용히 잘못되는 것들이 여기서는 컴파일되지 않습니다(tests/traps).
//!
//! 파일마다 첫 줄에 기대하는 에러의 일부를 적어 두고, 컴파일러의 에러에 그것이 있는지 봅니다. trybuild처럼 에러를
//! 통째로 저장해 견주지는 않습니다. 컴파일러의 판마다 문장과 표시가 조금씩 달라, 학습자의 컴퓨터에서는 까닭 없이
//! 실패하기 때문입니다.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use tests::traps::{Outcome, build, package_outside_sources};

/// 컴파일되어야 하는 프로그램. 이것까지 실패하면 함정이 아니라 시험이 잘못된 것입니다.
const CONTROL: &str = "control";

#[test]
fn python_traps_do_not_compile() -> Result<(), Box<dyn Error>> {
    let package = package_outside_sources(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let built = build(&package, "--bins")?;

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
