//! 파이썬에서는 조용히 잘못되는 것들이 여기서는 컴파일되지 않습니다(tests/traps).
//!
//! 파일마다 머리말에 기대하는 에러 메시지의 일부와, 에러가 가리켜야 하는 줄을 적어 두고 컴파일러의 에러와 비교합니다.
//! trybuild처럼 에러 전체를 저장해 비교하지는 않습니다. 컴파일러의 버전마다 문장과 표시가 조금씩 달라, 학습자의
//! 컴퓨터에서는 이유 없이 실패하기 때문입니다. 메시지가 우리 것이면 그 한국어를, 컴파일러의 것이면 에러 코드를 적습니다.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use tests::traps::{Expectation, Outcome, build, package_outside_sources};

/// 컴파일되어야 하는 프로그램. 이것까지 실패하면 함정이 아니라 테스트가 잘못된 것입니다.
const CONTROL: &str = "control";

#[test]
fn python_traps_do_not_compile() -> Result<(), Box<dyn Error>> {
    let package = package_outside_sources(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let built = build(&package, "--bins")?;

    let mut wrong = Vec::new();
    for (name, expected) in expectations(&package)? {
        let outcome = built.get(&name).ok_or_else(|| format!("{name}: 빌드한 기록이 없습니다"))?;
        let problem = match outcome {
            Outcome::Compiled => (name != CONTROL).then(|| "컴파일되었습니다".to_owned()),
            Outcome::Refused(errors) if name == CONTROL => Some(errors.concat()),
            Outcome::Refused(errors) => {
                let differs = expected.differs(&name, errors);
                differs.map(|problem| format!("{problem}\n{}", errors.concat()))
            }
        };
        wrong.extend(problem.map(|problem| format!("{name}: {problem}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// 프로그램의 이름과, 머리말에 적힌 기대.
fn expectations(package: &Path) -> Result<BTreeMap<String, Expectation>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(package.join("src/bin"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let expected = Expectation::read(&fs::read_to_string(&path)?)
            .map_err(|error| format!("{name}: {error}"))?;
        found.insert(name, expected);
    }
    Ok(found)
}

/// 기대와 다른 에러를 알아봅니다.
#[test]
fn other_errors_are_noticed() -> Result<(), Box<dyn Error>> {
    let source = "//! 기대: 보낼 수 없습니다\n//! 줄: spawn(\nfn main() {\n    spawn(file);\n}\n";
    let expected = Expectation::read(source)?;
    let error = |line, message: &str| vec![format!("{message}\n --> src/bin/trap.rs:{line}:5")];
    assert_eq!(expected.differs("trap", &error(4, "보낼 수 없습니다")), None);
    assert!(expected.differs("trap", &error(40, "보낼 수 없습니다")).is_some());
    assert!(expected.differs("trap", &error(4, "mismatched types")).is_some());
    assert!(expected.differs("rap", &error(4, "보낼 수 없습니다")).is_some());
    assert!(expected.differs("trap", &[]).is_some());
    Ok(())
}
