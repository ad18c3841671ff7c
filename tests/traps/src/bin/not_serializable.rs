//! 기대: 다른 프로세스로 보낼 수 없습니다
//! 줄: Process::spawn(read, (file,))
//!
//! 파이썬에서 열린 파일을 인수로 건네면 `fork`에서는 되고, `spawn`과 `forkserver`에서는 실행해 보아야 `TypeError`가 됩니다.

use std::fs::File;

use ipc_core::Process;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let file = File::open("/dev/null")?;
    let process = Process::spawn(read, (file,))?;
    process.join()?;
    Ok(())
}

fn read(_file: File) {}
