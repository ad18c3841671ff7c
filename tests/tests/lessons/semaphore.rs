//! 11.8의 예제 프로그램을 밖에서 확인합니다.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::ensure_eq;
use tests::lesson::Lesson;
use tests::transcript::{
    Said, between, by_process, expect_elapsed, expect_pauses, expect_processes, expect_texts,
    speaker,
};

const WORKERS: usize = 6;
const PLACES: usize = 2;

pub fn output_keeps_the_contract() -> Result<()> {
    let run = Lesson::new("semaphore").start()?.finish()?;
    run.expect_success()?;
    let said = between(
        &run.lines,
        "--- Semaphore 예제 시작 ---",
        &["모든 워커 프로세스 완료. 메인 프로세스 종료.", "--- Semaphore 예제 종료 ---"],
    )?;
    let groups = by_process(&said);
    expect_processes(&groups, WORKERS, run.main)?;
    for worker in 1..=WORKERS {
        let waiting = format!("Worker {worker} 대기 중...");
        let started = format!("Worker {worker} 작업 시작! (동시 실행 가능 수: {PLACES})");
        let done = format!("Worker {worker} 작업 완료!");
        let said = speaker(&groups, &waiting)?;
        expect_texts(said, &[&waiting, &started, &done])?;
        expect_pauses(&said[1..], Duration::from_secs(2))?;
    }
    ensure_eq!(most_inside(&said)?, PLACES);
    // 둘씩 세 번입니다.
    expect_elapsed(run.took, Duration::from_millis(5900))
}

/// 시작과 완료 사이에 함께 있던 프로세스의 최대 수.
fn most_inside(said: &[Said]) -> Result<usize> {
    let (mut inside, mut most) = (0usize, 0);
    for one in said {
        if one.text.contains("작업 시작!") {
            inside += 1;
            most = most.max(inside);
        } else if one.text.contains("작업 완료!") {
            inside = inside.checked_sub(1).context("시작하지 않은 일이 완료되었습니다")?;
        }
    }
    ensure!(inside == 0, "끝나지 않은 일이 있습니다");
    Ok(most)
}
