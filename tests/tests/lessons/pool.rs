//! 11.3의 예제 프로그램을 밖에서 확인합니다.

use anyhow::{Context, Result, ensure};
use tests::ensure_eq;
use tests::lesson::Lesson;

pub fn output_keeps_the_contract() -> Result<()> {
    let run = Lesson::new("pool").start()?.finish()?;
    run.expect_success()?;
    let lines: Vec<&str> = run.lines.iter().map(|line| line.text.as_str()).collect();
    ensure_eq!(lines.len(), 4);
    ensure_eq!(lines[0], "--- Pool 예제 시작 ---");
    ensure_eq!(lines[1], "결과: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]");
    let seconds = lines[2].strip_prefix("총 실행 시간: ").and_then(|rest| rest.strip_suffix(" 초"));
    let seconds = seconds.context("시간을 알리는 줄이 아닙니다")?;
    let (_, decimals) = seconds.split_once('.').context("소수점이 없습니다")?;
    ensure_eq!(decimals.len(), 4);
    let seconds: f64 = seconds.parse()?;
    let took = run.took.as_secs_f64();
    ensure!(0.0 < seconds && seconds < took, "{seconds}초라는데 밖에서 재면 {took}초입니다");
    ensure_eq!(lines[3], "--- Pool 예제 종료 ---");
    Ok(())
}
