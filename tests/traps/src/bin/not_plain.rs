//! 기대: 락 안에 둘 수 없습니다
//! 줄: Lock::new(vec![1, 2, 3])
//!
//! 리스트를 공유 메모리에 직접 올리면, 다른 프로세스에는 엉뚱한 주소를 가리키는 포인터만 보입니다.

use lock::Lock;

fn main() -> anyhow::Result<()> {
    let shared = Lock::new(vec![1, 2, 3])?;
    println!("{:?}", *shared.acquire()?);
    Ok(())
}
