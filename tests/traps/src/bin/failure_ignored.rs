//! 기대: 자식의 실패를 놓치지 않도록
//! 줄: process.join();
//!
//! 파이썬의 `join()`은 자식이 예외로 죽어도 `None`을 반환하고, 실패했는지는 `exitcode`를 따로 보아야 압니다. 여기서는 `join`의
//! `Result`를 버리면 컴파일러가 경고하고, 이 프로그램은 그 경고를 에러로 바꾸었습니다.

#![deny(unused_must_use)]

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let process = Process::spawn(work, ())?;
    process.join();
    Ok(())
}

fn work() -> anyhow::Result<()> {
    anyhow::bail!("실패")
}
