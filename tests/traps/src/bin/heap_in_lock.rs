//! 기대: 락 안에 둘 수 없습니다
//! 줄: Lock::new((0_u32, String::from("빈칸")))
//! 줄: Lock::new([Some(Box::new(1))])
//!
//! 튜플이나 배열로 감싸도 `String`과 `Box`의 내용은 만든 프로세스의 힙에 있습니다. 다른 프로세스에서 그 주소에는 다른 것이
//! 있거나 아무것도 없습니다.

use lock::Lock;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let named = Lock::new((0_u32, String::from("빈칸")))?;
    let boxed = Lock::new([Some(Box::new(1))])?;
    println!("{} {}", named.acquire()?.1, boxed.acquire()?.len());
    Ok(())
}
