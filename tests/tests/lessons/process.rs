//! 11.4의 예제 프로그램을 밖에서 확인합니다.

use std::time::Duration;

use anyhow::Result;
use tests::lesson::Lesson;
use tests::transcript::{
    between, by_process, expect_elapsed, expect_overlap, expect_pauses, expect_processes,
    expect_texts, speaker,
};

pub fn output_keeps_the_contract() -> Result<()> {
    let run = Lesson::new("process").start()?.finish()?;
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
