//! 사람이 읽는 표. 비율이 먼저이고, 시간은 그 아래에 작게 적습니다.

use std::io::{IsTerminal, stdout};

use unicode_width::UnicodeWidthStr;

use super::measure::Time;
use super::python::Python;
use super::row::Row;
use super::verdict::Verdict;
use super::{Machine, Plan, cores};

/// 숫자가 드는 열의 너비(칸).
const RATIO: usize = 10;
const TARGET: usize = 8;

/// 무엇으로 어떻게 재는지.
pub fn introduce(plan: &Plan, machine: &Machine, python: Option<&Python>) {
    let python = python.map_or("파이썬 없음(python3이나 PYTHON=)", |python| &python.version);
    println!(
        "코어 {}개, 시작할 때의 부하 {:.2}, 라운드 {}번(파이썬은 3번까지), {python}",
        cores(),
        machine.load,
        plan.rounds
    );
    if let Some(why) = plan.too_little() {
        println!("판정하지 않습니다: {why}");
    }
    if machine.busy {
        println!("다른 일로 바쁜 컴퓨터입니다. 비율을 믿지 마십시오.");
    }
    println!();
}

/// 열의 이름. `rows`는 출력할 모든 항목이며 너비를 정합니다.
pub fn head(rows: &[Row]) {
    let columns = [
        left("항목", title_width(rows)),
        right("파이썬보다", RATIO),
        right("목표", TARGET),
        right("상대의", RATIO),
        right("목표", TARGET),
        left("상대", rival_width(rows)),
        "판정".to_owned(),
    ];
    println!("{}", columns.join("  "));
}

/// 한 항목의 비율과 판정, 그 아래에 시간.
pub fn line(rows: &[Row], row: &Row, times: &[Time], verdict: &Verdict) {
    let columns = [
        left(row.title, title_width(rows)),
        right(&ratio(verdict.faster_than_python), RATIO),
        right(&format!("≥ {}", rounded(row.target_python)), TARGET),
        right(&ratio(verdict.cost_of_rival), RATIO),
        right(&row.rival.map_or(String::new(), |(_, most)| format!("≤ {}", rounded(most))), TARGET),
        left(row.rival_name().unwrap_or_default(), rival_width(rows)),
        judgement(verdict),
    ];
    println!("{}", columns.join("  "));
    let times: Vec<String> =
        times.iter().map(|time| format!("{} {}", time.name, duration(time.median))).collect();
    println!("{}", small(&format!("    {}", times.join(" · "))));
}

/// 열을 읽는 법.
pub fn explain() {
    println!();
    println!(
        "파이썬보다: 우리가 몇 배 빠른지(클수록 좋음). 상대의: 우리의 시간이 상대의 몇 배인지(작을수록 좋음)."
    );
    println!(
        "시간은 항목 하나의 것이며, 라운드의 가운데 값입니다. 컴퓨터마다 다르므로 판정은 비율로만 합니다."
    );
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

/// 터미널이면 흐리게.
pub fn small(text: &str) -> String {
    if stdout().is_terminal() { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
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

fn title_width(rows: &[Row]) -> usize {
    rows.iter().map(|row| row.title.width()).max().unwrap_or(0)
}

fn rival_width(rows: &[Row]) -> usize {
    rows.iter().filter_map(Row::rival_name).map(UnicodeWidthStr::width).max().unwrap_or(0).max(4)
}
