//! 기대: 바깥 변수를 캡처한 클로저
//! 줄: Process::spawn(move || base + 1, ())
//!
//! 파이썬(`fork`)에서는 자식이 부모의 변수를 복사해 갖습니다. 자식이 무엇을 바꾸든 부모는 보지 못하고, 아무도
//! 알려 주지 않습니다. 여기서는 값을 인수로 건네고, 결과는 `join`으로 받습니다.

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let base = 10;
    let process = Process::spawn(move || base + 1, ())?;
    println!("{}", process.join()?);
    Ok(())
}
