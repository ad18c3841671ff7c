//! 11.5 Queue

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use queue::Queue;

fn main() -> Result<()> {
    ipc_core::init();
    println!("--- Queue 예제 시작 ---");
    let queue = Queue::new()?;

    let p_producer = Process::spawn(producer, (queue.clone(),))?;
    let p_consumer1 = Process::spawn(consumer, (queue.clone(), 'A'))?;
    let p_consumer2 = Process::spawn(consumer, (queue.clone(), 'B'))?;

    p_producer.join()?;
    p_consumer1.join()?;
    p_consumer2.join()?;

    println!("모든 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Queue 예제 종료 ---");
    Ok(())
}

fn producer(queue: Queue<Option<String>>) -> Result<()> {
    println!("Process ID: {} - 생산자 시작", id());
    for i in 1..=5 {
        let item = format!("아이템 {i}");
        queue.put(&Some(item.clone()))?;
        println!("Process ID: {} - {item} 생산 및 큐에 추가", id());
        sleep(Duration::from_millis(500));
    }
    queue.put(&None)?;
    println!("Process ID: {} - 생산자 완료", id());
    Ok(())
}

fn consumer(queue: Queue<Option<String>>, name: char) -> Result<()> {
    println!("Process ID: {} - 소비자 {name} 시작", id());
    while let Some(item) = queue.get()? {
        println!("Process ID: {} - 소비자 {name} - {item} 소비", id());
        sleep(Duration::from_secs(1));
    }
    queue.put(&None)?;
    println!("Process ID: {} - 소비자 {name} 완료", id());
    Ok(())
}
