//! 기대: 공유 메모리에 둘 수 없습니다
//!
//! 목록을 공유 메모리에 손으로 놓으면, 다른 프로세스가 보는 것은 엉뚱한 주소를 가리키는 포인터입니다.

use lock::Lock;

fn main() -> anyhow::Result<()> {
    let shared = Lock::new(vec![1, 2, 3])?;
    println!("{:?}", *shared.acquire()?);
    Ok(())
}
