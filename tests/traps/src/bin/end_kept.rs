//! 기대: E0382
//!
//! 파이썬에서는 파이프의 끝을 자식에게 건네도 부모에 남습니다. 그래서 자식이 닫아도 받는 쪽에 `EOFError`가
//! 영영 오지 않습니다. 여기서는 건넨 끝이 부모에서 사라집니다.

use ipc_core::Process;
use pipe::{Sender, pipe};

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let (receiver, sender) = pipe::<String>()?;
    let process = Process::spawn(work, (sender,))?;
    sender.send(&"아직 쥐고 있습니다".to_string())?;
    println!("{}", receiver.recv()?);
    Ok(process.join()?)
}

fn work(sender: Sender<String>) -> anyhow::Result<()> {
    Ok(sender.send(&"안녕".to_string())?)
}
