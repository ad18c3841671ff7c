//! 11.6의 예제 프로그램을 밖에서 확인합니다.

use std::time::Duration;

use anyhow::{Context, Result};
use tests::lesson::Lesson;
use tests::transcript::{
    Line, between, by_process, expect_elapsed, expect_overlap, expect_pauses, expect_processes,
    expect_texts, speaker,
};

const MESSAGES: [&str; 4] = ["안녕", "파이프", "예제", "데이터"];

pub fn output_keeps_the_contract() -> Result<()> {
    let run = Lesson::new("pipe").start()?.finish()?;
    run.expect_success()?;
    let blank = run.lines.iter().position(|line| line.text.is_empty());
    let (one_way, two_way) =
        run.lines.split_at(blank.context("두 부분을 가르는 빈 줄이 없습니다")?);
    expect_one_way(one_way, run.main)?;
    expect_two_way(&two_way[1..], run.main)?;
    expect_elapsed(run.took, Duration::from_millis(2700))
}

fn expect_one_way(lines: &[Line], main: u32) -> Result<()> {
    let groups = by_process(&between(lines, "--- Pipe 예제 시작 (단방향) ---", &[])?);
    expect_processes(&groups, 2, main)?;
    for (opening, verb, closing, step) in [
        ("Sender 시작", "보냄", "Sender 완료", 500),
        ("Receiver 시작", "받음", "Receiver 완료", 700),
    ] {
        let said = speaker(&groups, opening)?;
        let messages = MESSAGES.map(|message| format!("메시지 {verb}: {message}"));
        let mut expected = vec![opening];
        expected.extend(messages.iter().map(String::as_str));
        expected.push(closing);
        expect_texts(said, &expected)?;
        expect_pauses(&said[1..], Duration::from_millis(step))?;
    }
    expect_overlap(speaker(&groups, "Sender 시작")?, speaker(&groups, "Receiver 시작")?)
}

fn expect_two_way(lines: &[Line], main: u32) -> Result<()> {
    let said = between(
        lines,
        "--- Pipe 예제 시작 (양방향) ---",
        &["모든 프로세스 완료. 메인 프로세스 종료.", "--- Pipe 예제 종료 ---"],
    )?;
    // Worker2가 먼저 받고 답하므로 두 줄의 순서는 정해져 있습니다.
    expect_texts(
        &said,
        &["Worker2 받음: Worker1 입니다. 안녕!", "Worker1 받음: Worker2 입니다. 잘 가!"],
    )?;
    expect_processes(&by_process(&said), 2, main)
}
