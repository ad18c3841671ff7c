//! 일부러 잘못 적은 프로그램입니다. `tests/tests/errors.rs`가 실행해, 무엇이 보이는지 봅니다.

use std::env::args;
use std::io::stdin;

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    println!("시작합니다"); // `init()`보다 앞에 있어 자식에서도 실행됩니다.
    if args().nth(1).as_deref() != Some("--without-init") {
        ipc_core::init();
    }
    // 줄이 오거나 입력이 닫히기까지가, 도는 동안 실행 파일을 건드릴 틈입니다.
    stdin().read_line(&mut String::new())?;
    Ok(Process::spawn(|| (), ())?.join()?)
}
