//! 기대: E0614
//! 줄: *counter += 1;
//!
//! 파이썬의 `counter.value += 1`은 락을 획득하지 않아도 실행되며, 사라진 갱신을 아무도 알려 주지 않습니다. 여기서는
//! 값이 락 안에 있어, `acquire`가 반환한 가드로만 값에 접근할 수 있습니다.

use lock::Lock;

fn main() -> anyhow::Result<()> {
    let counter = Lock::new(0)?;
    *counter += 1;
    Ok(())
}
