//! 기대: E0382
//! 줄: sender.send(&"아직 갖고 있습니다".to_string())?;
//!
//! 파이썬에서는 파이프의 보내는 쪽을 자식에게 건네도 부모에 하나가 남습니다. 그래서 자식이 닫아도 받는 쪽에 `EOFError`가
//! 오지 않습니다. 여기서는 건네면 부모에서 사라집니다.

use ipc_core::Process;
use pipe::{Sender, pipe};

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let (receiver, sender) = pipe::<String>()?;
    let process = Process::spawn(work, (sender,))?;
    sender.send(&"아직 갖고 있습니다".to_string())?;
    println!("{}", receiver.recv()?);
    Ok(process.join()?)
}

fn work(sender: Sender<String>) -> anyhow::Result<()> {
    Ok(sender.send(&"안녕".to_string())?)
}
