//! 11.4의 예제 프로그램을 밖에서 확인합니다.

use std::time::Duration;

use anyhow::Result;
use tests::breaking;
use tests::lesson::{Lesson, expect_usage};
use tests::transcript::{
    Line, between, by_process, expect_elapsed, expect_overlap, expect_pauses, expect_processes,
    expect_texts, speaker,
};

static LESSON: Lesson = Lesson::new("process");

pub fn output_keeps_the_contract() -> Result<()> {
    let run = LESSON.start()?.finish()?;
    run.expect_success()?;
    let said = between(
        &run.lines,
        "--- Process 예제 시작 ---",
        &["모든 프로세스 완료. 메인 프로세스 종료.", "--- Process 예제 종료 ---"],
    )?;
    let groups = by_process(&said);
    expect_processes(&groups, 2, run.main)?;

    let task1 = speaker(&groups, "Task 1 시작")?;
    expect_texts(
        task1,
        &[
            "Task 1 시작",
            "Task 1 진행 중... (1/3)",
            "Task 1 진행 중... (2/3)",
            "Task 1 진행 중... (3/3)",
            "Task 1 완료",
        ],
    )?;
    expect_pauses(&task1[..4], Duration::from_secs(1))?;

    let task2 = speaker(&groups, "Task 2 시작")?;
    expect_texts(
        task2,
        &["Task 2 시작", "Task 2 진행 중... (1/2)", "Task 2 진행 중... (2/2)", "Task 2 완료"],
    )?;
    expect_pauses(&task2[..3], Duration::from_millis(1500))?;

    // 차례로 했다면 6초입니다.
    expect_overlap(task1, task2)?;
    expect_elapsed(run.took, Duration::from_millis(2900))
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
    let finished = breaking::first_child_killed(&LESSON, in_the_middle)?;
    // 실패한 자식을 모른 채 끝 인사를 하면 안 됩니다.
    tests::ensure_eq!(finished.lines.iter().filter(|line| line.text.contains("종료")).count(), 0);
    Ok(())
}

fn in_the_middle(line: &Line) -> bool {
    line.text.ends_with("Task 1 진행 중... (1/3)")
}
