//! 기대: 없음
//!
//! 견주는 프로그램입니다. 다른 파일들과 같은 것을 옳게 쓰므로 컴파일됩니다.

#![deny(unused_must_use)]

use anyhow::Result;
use ipc_core::Process;
use lock::Lock;
use pipe::{Receiver, Sender, pipe};
use semaphore::Semaphore;

fn main() -> Result<()> {
    ipc_core::init();
    let counter = Lock::new(0)?;
    let semaphore = Semaphore::new(2)?;
    let (receiver, sender) = pipe()?;
    let work = |counter: Lock<u32>, semaphore: Semaphore, sender: Sender<u32>| -> Result<()> {
        let _permit = semaphore.acquire()?;
        *counter.acquire()? += 1;
        Ok(sender.send(&1)?)
    };
    let worker = Process::spawn(work, (counter.clone(), semaphore, sender))?;
    let reader = Process::spawn(read, receiver)?;
    worker.join()?;
    println!("{} {}", reader.join()?, *counter.acquire()?);
    Ok(())
}

fn read(receiver: Receiver<u32>) -> Result<u32> {
    Ok(receiver.recv()?)
}
