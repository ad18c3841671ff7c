//! 기대: Process의 인수나 파이프로 보내십시오
//! 줄: Queue::new()
//!
//! 큐의 아이템은 공유 메모리에 놓인 바이트입니다. 파이프, 락, 큐에는 커널이 옮겨 주어야 하는 파일 디스크립터가 있어
//! 바이트만으로는 옮길 수 없습니다.

use pipe::{Sender, pipe};
use queue::Queue;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let requests: Queue<(u32, Sender<u32>)> = Queue::new()?;
    let (answers, reply) = pipe()?;
    requests.put(&(7, reply))?;
    println!("{}", answers.recv()?);
    Ok(())
}
