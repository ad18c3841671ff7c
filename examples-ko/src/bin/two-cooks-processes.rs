//! 11.1 두 요리사: 프로세스로 요리합니다
//!
//! 두 요리사가 주문을 나누어 요리합니다. 같은 프로그램을 스레드로 쓴 `two-cooks-threads.rs`와 나란히
//! 놓고 읽으십시오. 두 파일에서 서로 다른 줄이 바로 스레드와 프로세스의 차이입니다. 여기서는 두 요리사의 PID가 다릅니다.
//!
//! 실행: `cargo run -p examples-ko --bin two-cooks-processes` 또는 `just run-two-cooks-processes`
//! 마지막 줄: `--- 두 요리사(프로세스) 예제 종료 ---`
//! 함께 보기: `two-cooks-threads.rs`, 11.5 `crates/queue`

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::Process;
use lock::Lock;
use queue::Queue;

const ORDERS: u32 = 8;

fn main() -> Result<()> {
    ipc_core::init(); // 자식은 이 프로그램을 다시 실행해, 여기서 맡은 일을 합니다.
    ipc_core::help(include_str!("two-cooks-processes.rs"));

    println!("--- 두 요리사(프로세스) 예제 시작 ---");
    // ANCHOR: cooks
    let orders = Queue::new()?; // ①
    // ② 주소 공간이 따로 있으므로 Arc는 쓸 수 없습니다.
    // 값은 공유 메모리에 있습니다.
    let dishes = Lock::new(0)?;

    let (o, d) = (orders.clone(), dishes.clone());
    let cook_a = Process::spawn(cook, (o, d, 'A'))?; // ③
    let (o, d) = (orders.clone(), dishes.clone());
    let cook_b = Process::spawn(cook, (o, d, 'B'))?;

    for order in 1..=ORDERS {
        orders.put(&order)?;
    }
    // ④ 큐는 누가 보내는 쪽인지 모르므로, 직접 닫습니다.
    orders.close()?;
    // ANCHOR_END: cooks

    // 패닉도 abort도 시그널도 Err가 됩니다. 이 프로세스는 죽지 않습니다.
    let by_a = cook_a.join()?;
    let by_b = cook_b.join()?;
    let dishes = *dishes.acquire()?;

    println!("접시 {dishes}개 (A {by_a}개, B {by_b}개)");
    ensure!(dishes == ORDERS && by_a + by_b == ORDERS, "접시의 수가 주문의 수와 다릅니다");
    println!("--- 두 요리사(프로세스) 예제 종료 ---");
    Ok(())
}

// 여기부터는 두 자식 프로세스에서 실행됩니다.

fn cook(orders: Queue<u32>, dishes: Lock<u32>, name: char) -> Result<u32> {
    let mut cooked = 0;
    // ① 닫히고 비면 반복이 끝납니다.
    for order in orders.iter() {
        sleep(Duration::from_millis(100));
        println!("Process ID: {} - 요리사 {name} - 주문 {} 완성", id(), order?);
        *dishes.acquire()? += 1; // ②
        cooked += 1;
    }
    Ok(cooked) // ③
}
