//! `cpython.md`의 목록을 확인합니다: 적힌 테스트가 정말 있고, 빈칸이 없고, 빠뜨린 테스트가 없습니다.
//!
//! 실행: `cargo test -p tests --test cpython`

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tests::torture::cases;

/// 클래스마다 옮겨 적은 테스트의 수(CPython 3.13.0). 따로 적지 않은 것은 그 클래스의 전부입니다.
const COUNTS: [(&str, usize); 28] = [
    ("MiscTestCase", 1), // 풀에 관한 것만
    ("SemLockTests", 1),
    ("TestCloseFds", 1),
    ("TestFlags", 1),
    ("TestForkAwareThreadLock", 1),
    ("TestIgnoreEINTR", 2),
    ("TestInitializers", 1), // 풀에 관한 것만
    ("TestInvalidHandle", 1),
    ("TestNoForkBomb", 1),
    ("TestPoolNotLeakOnFailure", 1),
    ("TestSimpleQueue", 4),
    ("TestStdinBadfiledescriptor", 3),
    ("TestTimeouts", 1),
    ("TestWait", 7),
    ("_TestAtExit", 1),
    ("_TestConnection", 8),
    ("_TestLock", 3),
    ("_TestPicklingConnections", 2),
    ("_TestPoll", 4),
    ("_TestPollEintr", 1),
    ("_TestPool", 25),
    ("_TestPoolWorkerErrors", 2),
    ("_TestPoolWorkerLifetime", 4),
    ("_TestProcess", 23),
    ("_TestQueue", 11),
    ("_TestSemaphore", 3),
    ("_TestSubclassingProcess", 3),
    ("_TestValue", 3),
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// 표의 행들: CPython의 테스트와, 그 오른쪽 칸.
fn rows(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .filter(|(left, _)| left.contains(".test"))
        .collect()
}

/// 칸에 적힌 우리 테스트의 이름들(`파일::모듈::함수`, `파일::함수`, `torture::사례`).
fn counterparts(cell: &str) -> impl Iterator<Item = Vec<&str>> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.map(|name| name.split("::").collect::<Vec<_>>()).filter(|path| path.len() > 1)
}

#[test]
fn every_counterpart_exists() {
    let text = read("cpython.md");
    for (test, cell) in rows(&text) {
        let named: Vec<_> = counterparts(cell).collect();
        for path in &named {
            if let ["torture", name] = path[..] {
                let known = cases().iter().any(|case| case.name == name);
                assert!(known, "{test}: 스트레스 테스트에 없는 이름: {name}");
                continue;
            }
            let list = read(&format!("tests/{}.rs", path[0]));
            let (module, function) = (path[path.len() - 2], path[path.len() - 1]);
            let source = match path.len() {
                2 => list,
                _ => {
                    assert!(
                        list.contains(&format!("        {module}::{function},")),
                        "{test}: {path:?}"
                    );
                    read(&format!("tests/{}/{module}.rs", path[0]))
                }
            };
            assert!(source.contains(&format!("fn {function}()")), "{test}: {path:?}");
        }
        let explained = cell.strip_prefix("뜻 없음: ").is_some_and(|why| !why.trim().is_empty());
        assert!(explained || (cell.starts_with('`') && !named.is_empty()), "{test}: {cell}");
    }
}

#[test]
fn every_test_is_listed_once() {
    let text = read("cpython.md");
    let rows = rows(&text);
    let unique: BTreeSet<_> = rows.iter().map(|(test, _)| *test).collect();
    assert_eq!(unique.len(), rows.len(), "두 번 적힌 테스트가 있습니다");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for test in unique {
        *counts.entry(test.split('.').next().unwrap_or_default()).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from(COUNTS));
}
