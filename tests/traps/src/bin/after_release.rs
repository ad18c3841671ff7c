//! 기대: E0382
//! 줄: *guard += 1;
//!
//! 파이썬에서는 `release()` 뒤에 값을 바꾸어도, 예외가 나서 `release()`를 건너뛰어도 조용히 지나갑니다. 여기서는
//! 가드가 사라질 때 락이 해제됩니다. 해제를 건너뛸 수 없고, 해제한 뒤에는 가드를 쓸 수 없습니다.

use lock::Lock;

fn main() -> anyhow::Result<()> {
    let counter = Lock::new(0)?;
    let mut guard = counter.acquire()?;
    drop(guard);
    *guard += 1;
    Ok(())
}
