//! 일어나기를 기다리고, 걸린 시간을 잽니다.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// 자식이 시작하거나 답하기를 기다리는 시간. 바쁜 컴퓨터에서도 넉넉한 값입니다.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// 제한 시간이 지난 뒤 반환되기까지 허용하는 여유.
pub const SLACK: Duration = Duration::from_millis(100);
/// 죽음이 알려지기까지의 약속.
pub const ONE_SECOND: Duration = Duration::from_secs(1);

/// `happened`가 참이 될 때까지 살펴봅니다.
pub fn until(
    what: &str,
    limit: Duration,
    mut happened: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !happened()? {
        ensure!(Instant::now() < deadline, "{what}: {limit:?} 안에 일어나지 않았습니다");
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// 일의 결과와 걸린 시간.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}

/// `limit`을 준 호출이 너무 일찍도, [`SLACK`]보다 늦게도 반환되지 않았는지 봅니다.
///
/// 컴퓨터가 바쁘면 깨어나는 것 자체가 늦으므로, 열 번까지 다시 재어 가장 빠른 것으로 판단합니다.
pub fn keeps_deadline(limit: Duration, mut call: impl FnMut() -> Result<()>) -> Result<()> {
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let (result, took) = timed(&mut call);
        result?;
        ensure!(took >= limit, "제한 시간 {limit:?}보다 이른 {took:?} 만에 반환되었습니다");
        fastest = fastest.min(took);
        if took <= limit + SLACK {
            return Ok(());
        }
    }
    anyhow::bail!("제한 시간 {limit:?}를 넘겨 {fastest:?} 만에 반환되었습니다")
}
