//! 모형에 적힌 코드의 줄이 정말 그 파일에 있는지 봅니다. 코드가 바뀌면 모형도 다시 보아야 합니다.

use std::fs;
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 3] = ["crates/ipc-core/src", "crates/queue/src", "crates/pool/src"];

/// `// 파일.rs: 줄`을 파일과 줄로 나눕니다.
fn quote(line: &str) -> Option<(&str, &str)> {
    let (file, code) = line.trim().strip_prefix("// ")?.split_once(".rs: ")?;
    (!file.contains(' ')).then_some((file, code))
}

/// 그 이름의 파일들에 있는 줄들.
fn source(file: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let paths = FOLDERS.map(|folder| root.join(folder).join(format!("{file}.rs")));
    let lines = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    paths
        .into_iter()
        .flat_map(|path| lines(path).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn quoted_lines_are_in_the_code() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let mut checked = 0;
    for entry in fs::read_dir(models).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for (file, code) in text.lines().filter_map(quote) {
            // `이름`은 함수의 이름입니다.
            let wanted = match code.trim_matches('`') {
                name if name.len() < code.len() => format!("fn {name}"),
                code => code.to_owned(),
            };
            let parts: Vec<&str> = wanted.split('…').collect();
            let found = |line: &String| parts.iter().all(|part| line.contains(part));
            assert!(source(file).iter().any(found), "{}: {file}.rs: {code}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}
