//! 기대: 락 안에 둘 수 없습니다
//! 줄: Lock::new(vec![1, 2, 3])
//!
//! 공유 메모리에 `Vec`을 올리면 다른 프로세스에는 그 내용이 있던 주소만 보입니다. 파이썬의 `Value(list)`는 실행해 보아야
//! `TypeError`가 됩니다.

use lock::Lock;

fn main() -> anyhow::Result<()> {
    let shared = Lock::new(vec![1, 2, 3])?;
    println!("{:?}", *shared.acquire()?);
    Ok(())
}
