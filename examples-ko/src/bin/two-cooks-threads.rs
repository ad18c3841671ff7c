//! 11.1 두 요리사: 스레드로 요리합니다
//!
//! 두 요리사가 주문을 나누어 요리합니다. 같은 프로그램을 프로세스로 쓴 `two-cooks-processes.rs`와 나란히
//! 놓고 읽으십시오. 두 파일에서 서로 다른 줄이 바로 스레드와 프로세스의 차이입니다. 여기서는 두 요리사의 PID가 같습니다.
//!
//! 실행: `cargo run -p examples-ko --bin two-cooks-threads` 또는 `just run-two-cooks-threads`
//! 마지막 줄: `--- 두 요리사(스레드) 예제 종료 ---`
//! 함께 보기: `two-cooks-processes.rs`, 11.5 `crates/queue`

use std::process::id;
use std::sync::Arc;
use std::thread;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use crossbeam_channel::{Receiver, unbounded};
use parking_lot::Mutex;

const ORDERS: u32 = 8;

fn main() -> Result<()> {
    ipc_core::help(include_str!("two-cooks-threads.rs"));

    println!("--- 두 요리사(스레드) 예제 시작 ---");
    // ANCHOR: cooks
    let (waiter, orders) = unbounded(); // ①
    // ② Arc로 두 스레드가 같은 메모리를 함께 가리킵니다.
    let dishes = Arc::new(Mutex::new(0));

    let (o, d) = (orders.clone(), dishes.clone());
    let cook_a = thread::spawn(move || cook(o, d, 'A')); // ③
    let (o, d) = (orders, dishes.clone());
    let cook_b = thread::spawn(move || cook(o, d, 'B'));

    for order in 1..=ORDERS {
        waiter.send(order)?;
    }
    drop(waiter); // ④ 보내는 쪽이 모두 사라지면 닫힙니다.
    // ANCHOR_END: cooks

    // 패닉만 Err가 됩니다. 스레드가 abort하거나 세그폴트가 나면 이 줄에 오지 못합니다.
    let by_a = cook_a.join().map_err(|_| anyhow!("요리사 A가 패닉했습니다"))?;
    let by_b = cook_b.join().map_err(|_| anyhow!("요리사 B가 패닉했습니다"))?;
    let dishes = *dishes.lock();

    println!("접시 {dishes}개 (A {by_a}개, B {by_b}개)");
    ensure!(dishes == ORDERS && by_a + by_b == ORDERS, "접시의 수가 주문의 수와 다릅니다");
    println!("--- 두 요리사(스레드) 예제 종료 ---");
    Ok(())
}

// 여기부터는 두 스레드에서 실행됩니다.

fn cook(orders: Receiver<u32>, dishes: Arc<Mutex<u32>>, name: char) -> u32 {
    let mut cooked = 0;
    // ① 닫히고 비면 반복이 끝납니다.
    for order in orders.iter() {
        sleep(Duration::from_millis(100));
        println!("Process ID: {} - 요리사 {name} - 주문 {order} 완성", id());
        *dishes.lock() += 1; // ②
        cooked += 1;
    }
    cooked // ③
}
