//! 기대: join으로 결과를 확인하십시오
//! 줄: Process::spawn(work, ())?;
//!
//! 파이썬에서는 시작만 하고 잊은 프로세스를 아무도 알려 주지 않습니다. 여기서는 컴파일러가 경고하고, 이 프로그램은
//! 그 경고를 에러로 바꾸었습니다.

#![deny(unused_must_use)]

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    Process::spawn(work, ())?;
    Ok(())
}

fn work() {}
