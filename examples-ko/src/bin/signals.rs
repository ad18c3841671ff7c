//! 11.8 신호, 토큰, 버퍼: 세마포어로 하던 나머지 일을 파이프와 큐로 합니다
//!
//! 허가는 획득한 프로세스만 반납할 수 있으므로, 한 프로세스가 획득하고 다른 프로세스가 반납하는 세마포어는 만들 수 없습니다. 그런 세마포어로
//! 하던 일 세 가지를 파이프와 큐로 합니다. 상대에게 알리기, 속도를 제한하기, 쌓이는 양을 제한하기입니다.
//!
//! 실행: `cargo run -p examples-ko --bin signals` 또는 `just run-signals`
//! 마지막 줄: `--- 신호 예제 종료 ---`
//! 함께 보기: 자리를 제한하는 세마포어는 11.8 `crates/semaphore`, 가득 찬 큐의 함정은 11.5 `full-queue.rs`

use std::process::abort;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::Process;
use pipe::{ChannelError, Sender, pipe};
use queue::{Queue, QueueError};

const SENDERS: u32 = 3;
const REQUESTS: u32 = 6;
/// 요청과 요청 사이의 간격.
const INTERVAL: Duration = Duration::from_millis(100);
const ITEMS: u32 = 10;
/// 버퍼에 담는 아이템의 수.
const PLACES: u32 = 2;

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("signals.rs"));

    println!("--- 신호 예제 시작 ---");
    wait_for_signal(false)?;
    wait_for_signal(true)?;
    limit_rate()?;
    bound_buffer()?;
    println!("--- 신호 예제 종료 ---");
    Ok(())
}

fn wait_for_signal(dies: bool) -> Result<()> {
    let (ready, sender) = pipe()?;
    let process = Process::spawn(prepare, (sender, dies))?;
    match ready.recv() {
        Ok(()) => println!("신호: 상대가 준비를 마쳤습니다."),
        // 보내는 쪽은 상대에게만 있으므로, 상대가 죽으면 파이프가 닫힙니다.
        Err(ChannelError::Disconnected) => println!("신호: 상대가 알리지 못하고 끝났습니다."),
        Err(error) => return Err(error.into()),
    }
    ensure!(process.join().is_err() == dies, "상대가 예상과 다르게 끝났습니다");
    Ok(())
}

fn limit_rate() -> Result<()> {
    // 쓰지 않은 토큰이 쌓였다가 한꺼번에 쓰이지 않도록 하나만 담습니다.
    let tokens = Queue::with_maxsize(1)?;
    let senders = (0..SENDERS)
        .map(|_| Process::spawn(send_requests, (tokens.clone(),)))
        .collect::<Result<Vec<_>, _>>()?;
    for _ in 0..REQUESTS {
        tokens.put(&())?;
        sleep(INTERVAL);
    }
    tokens.close()?;
    let mut sent = 0;
    for sender in senders {
        sent += sender.join()?;
    }
    println!("토큰: 프로세스 {SENDERS}개가 토큰 하나에 요청 하나씩, 모두 {sent}개를 보냈습니다.");
    Ok(())
}

fn bound_buffer() -> Result<()> {
    let buffer = Queue::with_maxsize(PLACES)?;
    let producer = Process::spawn(produce, (buffer.clone(),))?;
    let mut taken = 0;
    for item in &buffer {
        item?;
        taken += 1;
        sleep(Duration::from_millis(20)); // 꺼내는 쪽이 더 느려서 아이템이 쌓입니다.
        ensure!(buffer.len() <= PLACES as usize, "버퍼에 {}개가 쌓였습니다", buffer.len());
    }
    producer.join()?;
    println!("버퍼: 아이템 {taken}개를 꺼내는 동안 {PLACES}개를 넘게 쌓인 적이 없습니다.");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn prepare(ready: Sender<()>, dies: bool) -> Result<(), ChannelError> {
    sleep(Duration::from_millis(200)); // 준비하는 시간입니다.
    if dies {
        abort();
    }
    ready.send(&())
}

fn send_requests(tokens: Queue<()>) -> Result<u32, QueueError> {
    let mut sent = 0;
    for token in &tokens {
        token?;
        sent += 1; // 여기에서 요청을 하나 보냅니다.
    }
    Ok(sent)
}

fn produce(buffer: Queue<u32>) -> Result<(), QueueError> {
    for item in 1..=ITEMS {
        buffer.put(&item)?; // 버퍼가 가득 찼으면 자리가 날 때까지 기다립니다.
    }
    buffer.close()
}
