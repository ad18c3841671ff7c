//! 기대: iter().cloned()
//! 줄: pool.map(square, &numbers)
//!
//! 파이썬의 `pool.map(f, numbers)`는 항목을 복사해 보내고 `numbers`는 그대로 남습니다. 여기서 `&numbers`의 항목은
//! 빌린 값이므로 복사하겠다고 적습니다.

use pool::Pool;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let numbers = vec![1, 2, 3];
    let pool = Pool::new(2)?;
    let squares = pool.map(square, &numbers)?;
    println!("{numbers:?} {squares:?}");
    Ok(())
}

fn square(number: u32) -> u32 {
    number * number
}
