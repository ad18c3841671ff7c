//! 예제 프로그램의 사용법: `--help`와 잘못 적은 인수.

use std::env::{args_os, var, var_os};
use std::path::Path;
use std::process::exit;

use lexopt::Error as Wrong;
use lexopt::Parser;

use crate::child::end_with_closed_output;

/// 가장 좁은 터미널.
const WIDTH: usize = 80;
/// 머리말에서 새 줄로 시작하는 것.
const LABELS: [&str; 3] = ["실행: ", "마지막 줄: ", "함께 보기: "];

/// 예제 프로그램이 [`init`](crate::init) 다음 줄에서 호출합니다.
///
/// `source`는 그 프로그램의 소스(`include_str!("main.rs")`)입니다. `--help`에는 소스의 머리말(`//!`)을 보여 주고 종료 코드 0으로,
/// 그 밖의 인수에는 사용법을 알리고 2로 끝냅니다. 인수가 없으면 아무것도 출력하지 않습니다.
///
/// `| head`처럼 표준 출력이 먼저 닫히면, 이 뒤로는 프로그램과 자식들이 패닉하지 않고 조용히 끝납니다.
pub fn help(source: &str) {
    end_with_closed_output();
    let about = format!("{}\n\n사용법: {}", about(source), name());
    match Parser::from_env().next() {
        Ok(None) => {}
        Ok(Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help"))) => show(&about),
        Ok(Some(other)) => refuse(&other.unexpected(), &about),
        Err(wrong) => refuse(&wrong, &about),
    }
}

/// 도움말을 보여 주고 끝냅니다. `사용법: 이름`은 이 프로그램을 시작한 명령으로 바꿉니다.
pub fn show(usage: &str) -> ! {
    println!("{}", as_typed(usage));
    exit(0);
}

/// 어느 인수가 왜 잘못되었는지와 도움말을 보여 주고, 2로 끝냅니다.
pub fn refuse(wrong: &Wrong, usage: &str) -> ! {
    let why = match wrong {
        Wrong::MissingValue { option: Some(option) } => format!("{option} 뒤에 값이 없습니다"),
        Wrong::UnexpectedOption(option) => format!("모르는 옵션입니다: {option}"),
        Wrong::UnexpectedArgument(argument) => {
            format!("모르는 인수입니다: {}", argument.to_string_lossy())
        }
        Wrong::UnexpectedValue { option, value } => {
            format!("{option}에는 값을 적지 않습니다: {}", value.to_string_lossy())
        }
        Wrong::ParsingFailed { value, error } => format!("{error}: {value}"),
        Wrong::NonUnicodeValue(value) => {
            format!("UTF-8이 아닌 바이트가 있습니다: {}", value.to_string_lossy())
        }
        other => other.to_string(),
    };
    eprintln!("{}\n\n{}", wrap(&why), as_typed(usage));
    exit(2);
}

/// 소스의 머리말. 문단의 줄들을 이어, 소스보다 좁은 터미널에 맞게 다시 나눕니다.
fn about(source: &str) -> String {
    let labelled = |line: &str| LABELS.iter().any(|label| line.starts_with(label));
    let mut lines: Vec<String> = Vec::new();
    for line in source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim) {
        match lines.last_mut().filter(|last| !last.is_empty() && !line.is_empty()) {
            Some(last) if !labelled(line) => *last += &format!(" {line}"),
            _ => lines.push(line.to_owned()),
        }
    }
    lines.iter().map(|line| wrap(line)).collect::<Vec<_>>().join("\n")
}

/// 낱말 사이에서 줄을 나눕니다. 한글은 두 칸이고, 아스키가 아닌 다른 글자도 두 칸으로 칩니다.
fn wrap(text: &str) -> String {
    let (mut wrapped, mut used) = (String::new(), 0);
    for word in text.split(' ') {
        let width: usize = word.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        if used > 0 && used + 1 + width > WIDTH {
            wrapped.push('\n');
            used = 0;
        } else if used > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped += word;
        used += width;
    }
    wrapped
}

/// 실행 파일의 이름.
fn name() -> String {
    let path = args_os().next().unwrap_or_default();
    Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn as_typed(usage: &str) -> String {
    let (program, options) = (format!("사용법: {} ", name()), format!("사용법: {}", name()));
    match command() {
        // 프로그램에 줄 인수는 cargo의 것과 `--`로 나눕니다.
        Some(command) if usage.contains(&program) => {
            usage.replacen(&program, &format!("사용법: {command} -- "), 1)
        }
        Some(command) => usage.replacen(&options, &format!("사용법: {command}"), 1),
        None => usage.to_owned(),
    }
}

/// 이 프로그램을 시작한 cargo 명령. cargo 없이 시작했으면 `None`입니다.
fn command() -> Option<String> {
    // cargo는 시작하는 프로그램에게 어느 패키지인지 알려 줍니다. 그 프로그램이 다시 시작한 것에게도 그대로 보이므로, 정말 그
    // 패키지의 프로그램인지 확인합니다.
    let (package, name) = (var("CARGO_PKG_NAME").ok()?, name());
    if package == name {
        return Some(format!("cargo run -p {name}"));
    }
    let programs = Path::new(&var_os("CARGO_MANIFEST_DIR")?).join("src/bin");
    let ours = programs.join(format!("{name}.rs")).exists() || programs.join(&name).exists();
    ours.then(|| format!("cargo run -p {package} --bin {name}"))
}
