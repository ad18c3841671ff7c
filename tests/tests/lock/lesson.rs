//! 11.7의 예제 프로그램을 밖에서 확인합니다.

use anyhow::Result;
use tests::breaking;
use tests::lesson::{Lesson, expect_usage};
use tests::transcript::{Line, between, by_process, expect_processes, expect_texts};

static LESSON: Lesson = Lesson::new("lock");

pub fn output_keeps_the_contract() -> Result<()> {
    let run = LESSON.start()?.finish()?;
    run.expect_success()?;
    let said = between(
        &run.lines,
        "--- Lock 예제 시작 ---",
        &["최종 카운터 값: 400000", "--- Lock 예제 종료 ---"],
    )?;
    let groups = by_process(&said);
    expect_processes(&groups, 4, run.main)?;
    for (_, said) in &groups {
        expect_texts(said, &["카운터 증가 시작", "카운터 증가 완료"])?;
    }
    Ok(())
}

pub fn usage() -> Result<()> {
    expect_usage(&LESSON)
}

pub fn main_killed() -> Result<()> {
    breaking::main_killed(&LESSON, in_the_middle)
}

pub fn interrupted() -> Result<()> {
    breaking::group_interrupted(&LESSON, in_the_middle)
}

pub fn child_killed() -> Result<()> {
    breaking::first_child_killed(&LESSON, in_the_middle).map(drop)
}

fn in_the_middle(line: &Line) -> bool {
    line.text.ends_with("카운터 증가 시작")
}
