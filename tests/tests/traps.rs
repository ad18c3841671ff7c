//! 파이썬에서는 조용히 잘못되는 것들이 여기서는 컴파일되지 않습니다(tests/traps).
//!
//! 파일마다 머리말에 기대하는 에러 메시지의 일부와, 에러가 가리켜야 하는 줄을 적어 두고 컴파일러의 에러와 비교합니다.
//! trybuild처럼 에러 전체를 저장해 비교하지는 않습니다. 컴파일러의 버전마다 문장과 표시가 조금씩 달라, 독자의
//! 컴퓨터에서는 이유 없이 실패하기 때문입니다. 메시지가 우리 것이면 그 한국어를, 컴파일러의 것이면 에러 코드를 적습니다.
//!
//! 장에 실린 메시지(`<!-- trap: 이름 -->`)는 장에 적힌 버전의 컴파일러에서는 글자까지 같아야 하고, 다른 버전에서는 한국어만
//! 같으면 됩니다. `CHAPTERS=갱신 cargo test -p tests --test traps`는 지금의 것으로 고쳐 씁니다.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tests::traps::{
    Expectation, Outcome, compile, excerpt, korean, package_outside_sources, printed,
};

/// 컴파일되어야 하는 프로그램. 이것까지 실패하면 함정이 아니라 테스트가 잘못된 것입니다.
const CONTROL: &str = "control";

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples-ko");

/// 모든 프로그램을 한 번 빌드한 것.
struct Built {
    package: PathBuf,
    programs: BTreeMap<String, Outcome>,
}

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let package = package_outside_sources(temporary).expect("소스를 복사하지 못했습니다");
    let programs = compile("build", &package, &["--bins"]).expect("빌드하지 못했습니다");
    Built { package, programs }
});

#[test]
fn python_traps_do_not_compile() -> Result<(), Box<dyn Error>> {
    let Built { package, programs: built } = &*BUILT;

    let mut wrong = Vec::new();
    for (name, expected) in expectations(package)? {
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

/// 바깥 변수를 캡처한 클로저만은 `cargo check`가 알리지 않습니다. 장에 그렇게 적혀 있습니다.
#[test]
fn only_captures_need_a_build_to_be_noticed() -> Result<(), Box<dyn Error>> {
    let checked = compile("check", &BUILT.package, &["--bins"])?;
    let passed = checked.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Compiled));
    assert_eq!(passed.map(|(name, _)| name).collect::<Vec<_>>(), ["capture", CONTROL]);
    Ok(())
}

#[test]
fn printed_messages_are_the_compiler_s() -> Result<(), Box<dyn Error>> {
    let renew = std::env::var("CHAPTERS").is_ok_and(|value| value == "갱신");
    let expected = expectations(&BUILT.package)?;
    let traps = Path::new(FOLDER).join("traps.md");
    let version = Command::new(env!("CARGO")).arg("--version").output()?.stdout;
    let version = String::from_utf8(version)?;
    let same = version.split([' ', '.']).skip(1).take(2).collect::<Vec<_>>().join(".");
    let same = renew || fs::read_to_string(&traps)?.contains(&format!("rustc {same}의 것입니다"));

    let mut missing: Vec<&String> = expected.keys().filter(|name| *name != CONTROL).collect();
    for page in fs::read_dir(FOLDER)? {
        let page = page?.path();
        if page.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let mut text = fs::read_to_string(&page)?;
        let found: Vec<_> =
            printed(&text).into_iter().map(|(name, at)| (name.to_owned(), at)).collect();
        // 뒤에서부터 고쳐 써야 앞의 자리가 그대로입니다.
        for (name, at) in found.into_iter().rev() {
            let Some(Outcome::Refused(errors)) = BUILT.programs.get(&name) else {
                panic!("{}: {name}이라는 함정은 없습니다", page.display());
            };
            let error = errors.iter().find(|error| error.contains(&expected[&name].message));
            let now = excerpt(error.ok_or_else(|| format!("{name}: 기대한 에러가 없습니다"))?);
            let kept = if same {
                text[at.clone()] == now
            } else {
                let all = errors.concat();
                let hangul = |line: &str| line.find(|c| korean(&String::from(c)));
                let said = |line: &str| hangul(line).is_none_or(|at| all.contains(&line[at..]));
                text[at.clone()].lines().all(said)
            };
            if page == traps {
                missing.retain(|trap| **trap != name);
            }
            assert!(
                kept || renew,
                "{}: {name}\n--- 장에 적힌 것\n{}--- 지금의 것\n{now}\n\
                 장을 지금에 맞추려면: CHAPTERS=갱신 cargo test -p tests --test traps",
                page.display(),
                &text[at]
            );
            if !kept {
                text.replace_range(at, &now);
                fs::write(&page, &text)?;
            }
        }
    }
    assert!(missing.is_empty(), "traps.md에 메시지가 없습니다: {missing:?}");
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
