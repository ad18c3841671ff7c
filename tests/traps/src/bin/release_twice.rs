//! 기대: E0382
//! 줄: drop(permit);
//!
//! 파이썬에서 `Semaphore`를 두 번 `release()`하면 자리가 하나 늘어납니다. `BoundedSemaphore`라면 실행 중에 `ValueError`가
//! 됩니다. 여기서 허가는 하나의 값이므로 한 번만 반납할 수 있습니다.

use semaphore::Semaphore;

fn main() -> anyhow::Result<()> {
    let semaphore = Semaphore::new(2)?;
    let permit = semaphore.acquire()?;
    drop(permit);
    drop(permit);
    Ok(())
}
