//! 사람이 읽는 결과. 80칸을 넘지 않습니다. 비율이 먼저이고, 시간은 그 아래에 흐리게 적습니다.

use anstream::println;
use unicode_width::UnicodeWidthStr;

use super::measure::Time;
use super::python::Python;
use super::row::{Role, Row};
use super::verdict::Verdict;
use super::{Machine, Plan, cores};

/// 가장 좁은 터미널.
const WIDTH: usize = 80;
/// 파이썬과의 비율이 드는 칸.
const PYTHON: usize = 30;
const INDENT: &str = "    ";

/// 무엇으로 어떻게 재는지.
pub fn introduce(plan: &Plan, machine: &Machine, python: Option<&Python>) {
    let python = python.map_or("파이썬 없음(python3이나 PYTHON=)", |python| &python.version);
    println!("코어 {}개, 시작할 때의 부하 {:.2}, {python}", cores(), machine.load);
    println!("라운드 {}번(파이썬은 3번까지)", plan.rounds);
    if let Some(why) = plan.too_little() {
        println!("판정하지 않습니다: {why}");
    }
    if machine.busy {
        println!("다른 일로 바쁜 컴퓨터입니다. 비율을 믿지 마십시오.");
    }
    println!();
}

/// 한 항목의 판정, 비율과 목표, 시간. `rows`는 출력할 모든 항목이며 너비를 정합니다.
pub fn line(rows: &[Row], row: &Row, times: &[Time], verdict: &Verdict) {
    let width = rows.iter().map(|row| row.title.width()).max().unwrap_or(0);
    println!("{}  {}", left(row.title, width), judgement(verdict));
    let faster = ratio(verdict.faster_than_python);
    let python = format!("파이썬보다 {} (≥ {})", right(&faster, 7), rounded(row.target_python));
    let rival = row.rival.map_or(String::new(), |(_, most)| {
        let name = row.rival_name().unwrap_or_default();
        format!("{name}의 {} (≤ {})", ratio(verdict.cost_of_rival), rounded(most))
    });
    println!("{INDENT}{}{rival}", left(&python, PYTHON));
    details(times.iter().map(|time| {
        let name = if time.role == Role::Python { "파이썬" } else { &time.name };
        format!("{name} {}", duration(time.median))
    }));
}

/// 읽는 법.
pub fn explain() {
    println!();
    println!("파이썬보다: 우리가 몇 배 빠른지(클수록 좋음)와 목표.");
    println!("상대의: 우리의 시간이 상대의 몇 배인지(작을수록 좋음)와 목표.");
    println!("시간은 항목 하나의 것이며, 라운드의 가운데 값입니다.");
    println!("컴퓨터마다 다르므로 판정은 비율로만 합니다.");
}

/// 비율의 아래에 흐리게 적는 것들. 한 줄에 들어가지 않으면 다음 줄로 넘깁니다.
pub fn details(parts: impl IntoIterator<Item = String>) {
    for line in fold(parts) {
        println!("\x1b[2m{INDENT}{line}\x1b[0m");
    }
}

fn fold(parts: impl IntoIterator<Item = String>) -> Vec<String> {
    const BETWEEN: &str = " · ";
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line)
                if [INDENT, line, BETWEEN, &part]
                    .map(UnicodeWidthStr::width)
                    .iter()
                    .sum::<usize>()
                    <= WIDTH =>
            {
                line.push_str(BETWEEN);
                line.push_str(&part);
            }
            _ => lines.push(part),
        }
    }
    lines
}

/// 사람이 읽기 좋은 단위로 적은 시간.
pub fn duration(nanos: f64) -> String {
    match nanos {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.1} µs", n / 1e3),
        n if n < 1e9 => format!("{:.1} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

/// `width`칸을 채워 왼쪽에 붙입니다. 한글은 두 칸이므로 글자 수로는 맞출 수 없습니다.
pub fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// `width`칸을 채워 오른쪽에 붙입니다.
pub fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

fn judgement(verdict: &Verdict) -> String {
    match (verdict.met, &verdict.doubt) {
        (Some(true), _) => "충족".to_owned(),
        (Some(false), _) => "미달".to_owned(),
        (None, doubt) => format!("– {}", doubt.as_deref().unwrap_or_default()),
    }
}

/// 유효 숫자 세 자리쯤의 비율.
fn ratio(ratio: Option<f64>) -> String {
    match ratio {
        None => "–".to_owned(),
        Some(ratio) if ratio < 10.0 => format!("{ratio:.2}배"),
        Some(ratio) if ratio < 100.0 => format!("{ratio:.1}배"),
        Some(ratio) => format!("{ratio:.0}배"),
    }
}

/// 소수점 아래 두 자리까지의 목표.
fn rounded(target: f64) -> f64 {
    (target * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_fit_a_small_terminal_and_keep_every_part() {
        let parts: Vec<String> = (1..30).map(|number| format!("작업자 {number}명 80 ns")).collect();
        let lines = fold(parts.clone());
        assert!(lines.iter().all(|line| INDENT.width() + line.width() <= WIDTH), "{lines:#?}");
        assert!(lines.len() < parts.len());
        assert_eq!(lines.join(" · "), parts.join(" · "));
    }
}
