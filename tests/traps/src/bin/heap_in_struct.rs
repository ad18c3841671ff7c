//! 기대: 락 안에 둘 수 없습니다
//! 줄: names: Vec<String>,
//!
//! 직접 만든 구조체는 `plain!`으로 락에 넣지만, 힙을 가리키는 필드가 하나라도 있으면 그 필드가 거절됩니다.

use lock::{Lock, plain};

plain! {
    struct Register {
        count: u32,
        names: Vec<String>,
    }
}

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let register = Lock::new(Register { count: 0, names: Vec::new() })?;
    let mut register = register.acquire()?;
    register.names.push("철수".to_string());
    register.count += 1;
    Ok(())
}
