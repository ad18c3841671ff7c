//! 기대: 큐에 넣을 수 없습니다
//! 줄: Queue::new()
//!
//! 파이썬에서 직렬화할 수 없는 것을 큐에 넣으면 `put`은 성공하고, 보조 스레드가 표준 에러에 알린 뒤 버립니다. 여기서는
//! 그런 큐를 만들 수 없습니다.

use queue::Queue;

struct Order {
    number: u32,
}

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let orders: Queue<Order> = Queue::new()?;
    orders.put(&Order { number: 1 })?;
    println!("{}", orders.get()?.number);
    Ok(())
}
