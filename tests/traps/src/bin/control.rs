//! 기대: 없음
//!
//! 비교할 프로그램입니다. 다른 파일들이 잘못 쓴 것을 바르게 쓰므로 컴파일됩니다.

#![deny(unused_must_use)]

use anyhow::Result;
use ipc_core::Process;
use lock::Lock;
use pipe::{Receiver, Sender, pipe};
use pool::Pool;
use queue::Queue;
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

    Process::spawn(greet, ("철수".to_string(),))?.join()?;
    println!("{}", Process::spawn(add, ((1, 2, 3, 4, 5, 6, 7),))?.join()?);
    let numbers = vec![1, 2, 3];
    println!("{numbers:?} {:?}", Pool::new(2)?.map(square, numbers.iter().cloned())?);
    let named: Queue<(u32, String)> = Queue::new()?;
    named.put(&(1, "빈칸".to_string()))?;
    let pair = Lock::new((0_u32, [' '; 8]))?;
    println!("{:?} {:?}", named.get()?, *pair.acquire()?);
    let bytes = Process::spawn(read_file, "/proc/version".to_string())?.join()?;
    println!("{}", bytes.len());
    Ok(())
}

fn greet(name: String) {
    println!("안녕, {name}");
}

fn add((a, b, c, d, e, f, g): (u32, u32, u32, u32, u32, u32, u32)) -> u32 {
    a + b + c + d + e + f + g
}

fn square(number: u32) -> u32 {
    number * number
}

/// 표준 라이브러리의 에러도 그대로 반환할 수 있습니다.
fn read_file(path: String) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

fn read(receiver: Receiver<u32>) -> Result<u32> {
    Ok(receiver.recv()?)
}
