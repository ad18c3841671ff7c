//! 11.5 Queue: 생산자 하나와 소비자 둘이 큐로 아이템을 주고받습니다
//!
//! 생산자가 아이템 다섯 개를 넣고, 두 소비자가 하나씩 꺼내 1초씩 일합니다. 아이템은 넣은 순서대로
//! *나오지만*, 둘이 나누어 일하므로 마치는 순서는 정해지지 않습니다. 종료 신호(`None`)를 꺼낸 소비자는
//! 다른 소비자도 볼 수 있게 도로 넣고 마칩니다.
//!
//! 실행: `cargo run -p queue` 또는 `just run-queue`
//! 마지막 줄: `--- Queue 예제 종료 ---`
//! 함께 보기: 큐는 `queue.rs`, 죽어도 온전한 고리는 `ring.rs`, 두 프로세스만 쓰는 통로는 11.6 `crates/pipe`

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use queue::Queue;

fn main() -> Result<()> {
    // 자식도 이 프로그램을 처음부터 다시 실행합니다. 자식은 이 줄에서 맡은 함수를 실행하고 끝납니다.
    ipc_core::init();
    ipc_core::help(include_str!("main.rs"));

    println!("--- Queue 예제 시작 ---");

    // ANCHOR: spawn
    // ① Option의 None이 종료 신호입니다(파이썬의 None).
    let queue: Queue<Option<String>> = Queue::new()?;

    // ② 인수는 자식에게 옮겨 갑니다. main이 다음 줄에서도
    // 쓰려고 핸들을 복제합니다. 큐는 하나입니다.
    let p_producer = Process::spawn(producer, (queue.clone(),))?;
    let p_consumer1 = Process::spawn(consumer, (queue.clone(), 'A'))?;
    let p_consumer2 = Process::spawn(consumer, (queue.clone(), 'B'))?;
    // ANCHOR_END: spawn

    // 세 프로세스는 이미 함께 실행되고 있습니다. 여기서는 끝나기를 기다릴 뿐입니다.
    p_producer.join()?;
    p_consumer1.join()?;
    p_consumer2.join()?;

    println!("모든 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Queue 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn producer(queue: Queue<Option<String>>) -> Result<()> {
    // id()는 이 줄을 실행하는 생산자의 PID입니다.
    println!("Process ID: {} - 생산자 시작", id());
    for i in 1..=5 {
        let item = format!("아이템 {i}");
        // ① Some(item)으로 들어갑니다. 반환되었다면 이미
        // 전달된 것이어서, 바로 죽어도 사라지지 않습니다.
        queue.put(&item)?;
        println!("Process ID: {} - {item} 생산 및 큐에 추가", id());
        sleep(Duration::from_millis(500));
    }
    // ② 신호는 하나만 넣습니다. 소비자의 수를 모릅니다.
    queue.put(&None)?;
    println!("Process ID: {} - 생산자 완료", id());
    Ok(())
}

fn consumer(queue: Queue<Option<String>>, name: char) -> Result<()> {
    println!("Process ID: {} - 소비자 {name} 시작", id());
    // ①② 비어 있으면 잠들고, None이면 반복이 끝납니다.
    while let Some(item) = queue.get()? {
        println!("Process ID: {} - 소비자 {name} - {item} 소비", id());
        // 그동안 다른 소비자가 다음 아이템을 꺼냅니다.
        sleep(Duration::from_secs(1));
    }
    // ③ 다른 소비자도 볼 수 있게 도로 넣습니다.
    queue.put(&None)?;
    println!("Process ID: {} - 소비자 {name} 완료", id());
    Ok(())
}
