//! 기대: 빌린_값은_보낼_수_없습니다
//! 줄: Process::spawn(greet, ("철수",))
//!
//! 참조는 이 프로세스의 주소입니다. 다른 프로세스에서는 그 주소에 다른 것이 있습니다. 파이썬의 문자열은 복사되어
//! 전달되고, 여기서도 그렇게 하려면 소유한 `String`으로 받습니다.

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let process = Process::spawn(greet, ("철수",))?;
    process.join()?;
    Ok(())
}

fn greet(name: &str) {
    println!("안녕, {name}");
}
