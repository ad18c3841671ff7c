//! 11.7의 예제 프로그램을 밖에서 확인합니다.

use anyhow::Result;
use tests::lesson::Lesson;
use tests::transcript::{between, by_process, expect_processes, expect_texts};

pub fn output_keeps_the_contract() -> Result<()> {
    let run = Lesson::new("lock").start()?.finish()?;
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
