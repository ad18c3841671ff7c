//! 기대: 여섯 개까지입니다
//! 줄: Process::spawn(add, (1, 2, 3, 4, 5, 6, 7))
//!
//! 파이썬의 `args`는 길이에 제한이 없습니다. 여기서는 여섯 개까지이고, 더 많으면 구조체나 튜플로 묶습니다.

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let process = Process::spawn(add, (1, 2, 3, 4, 5, 6, 7))?;
    println!("{}", process.join()?);
    Ok(())
}

fn add(a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32) -> u32 {
    a + b + c + d + e + f + g
}
