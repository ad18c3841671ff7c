//! 11.5의 예제 프로그램을 밖에서 확인합니다.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::ensure_eq;
use tests::lesson::Lesson;
use tests::transcript::{
    Said, between, by_process, expect_elapsed, expect_overlap, expect_pauses, expect_processes,
    expect_texts, speaker,
};

const ITEMS: u32 = 5;

pub fn output_keeps_the_contract() -> Result<()> {
    let run = Lesson::new("queue").start()?.finish()?;
    run.expect_success()?;
    let said = between(
        &run.lines,
        "--- Queue 예제 시작 ---",
        &["모든 프로세스 완료. 메인 프로세스 종료.", "--- Queue 예제 종료 ---"],
    )?;
    let groups = by_process(&said);
    expect_processes(&groups, 3, run.main)?;

    let producer = speaker(&groups, "생산자 시작")?;
    let produced: Vec<String> =
        (1..=ITEMS).map(|i| format!("아이템 {i} 생산 및 큐에 추가")).collect();
    let mut expected = vec!["생산자 시작"];
    expected.extend(produced.iter().map(String::as_str));
    expected.push("생산자 완료");
    expect_texts(producer, &expected)?;
    expect_pauses(&producer[1..=ITEMS as usize], Duration::from_millis(500))?;

    let (a, b) = (speaker(&groups, "소비자 A 시작")?, speaker(&groups, "소비자 B 시작")?);
    let mut items = consumed(a, 'A')?;
    items.extend(consumed(b, 'B')?);
    items.sort_unstable();
    ensure_eq!(items, (1..=ITEMS).collect::<Vec<_>>());
    expect_overlap(producer, a)?;
    expect_overlap(a, b)?;
    expect_elapsed(run.took, Duration::from_millis(2900))
}

/// 소비자 하나가 꺼낸 번호들. 번호는 커지기만 하고, 하나에 1초씩 걸립니다.
fn consumed(said: &[Said], name: char) -> Result<Vec<u32>> {
    let (last, rest) = said.split_last().context("말이 없습니다")?;
    ensure_eq!(last.text, format!("소비자 {name} 완료"));
    let takes = &rest[1..];
    ensure!(!takes.is_empty(), "소비자 {name}: 아무것도 꺼내지 못했습니다");
    let numbers: Vec<u32> =
        takes.iter().map(|one| number(&one.text, name)).collect::<Result<_>>()?;
    ensure!(numbers.is_sorted_by(|a, b| a < b), "꺼낸 순서가 뒤바뀌었습니다: {numbers:?}");
    expect_pauses(&said[1..], Duration::from_secs(1))?;
    Ok(numbers)
}

fn number(text: &str, name: char) -> Result<u32> {
    text.strip_prefix(&format!("소비자 {name} - 아이템 "))
        .and_then(|rest| rest.strip_suffix(" 소비")?.parse().ok())
        .with_context(|| format!("소비자의 줄이 아닙니다: {text}"))
}
