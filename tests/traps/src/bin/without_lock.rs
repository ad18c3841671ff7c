//! 기대: E0614
//!
//! 파이썬의 `counter.value += 1`은 락을 쥐지 않아도 되며, 그때 잃은 값을 아무도 알려 주지 않습니다. 여기서는
//! 값이 락 안에 있어, `acquire`로 얻은 가드만 값에 닿습니다.

use lock::Lock;

fn main() -> anyhow::Result<()> {
    let counter = Lock::new(0)?;
    *counter += 1;
    Ok(())
}
