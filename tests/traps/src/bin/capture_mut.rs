//! 기대: 바깥 변수를 캡처하거나 바꿀 수는 없습니다
//! 줄: Process::spawn(|| count += 1, ())
//!
//! 파이썬에서 `nonlocal count; count += 1`을 자식이 실행하면 부모의 `count`는 그대로이고, 아무도 알려 주지
//! 않습니다. 여기서는 바깥 변수를 바꾸는 클로저가 작업이 되지 못합니다.

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let mut count = 0;
    let process = Process::spawn(|| count += 1, ())?;
    process.join()?;
    println!("{count}");
    Ok(())
}
