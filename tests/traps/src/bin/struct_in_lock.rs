//! 기대: 정의를 plain!으로 감싸십시오
//! 줄: Lock::new(Stats::default())
//!
//! 직접 만든 구조체는 그대로는 락에 넣을 수 없습니다. 컴파일러가 힙을 가리키는 필드가 없는지 확인할 수 있도록
//! 정의를 `plain!`으로 감쌉니다.

use lock::Lock;

#[derive(Default)]
struct Stats {
    count: u32,
}

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let stats = Lock::new(Stats::default())?;
    stats.acquire()?.count += 1;
    Ok(())
}
