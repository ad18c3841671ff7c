//! 11.5 순서: 큐가 보장하는 것과 보장하지 않는 것
//!
//! 소비자가 여럿이어도 아이템은 넣은 순서대로 *나옵니다*. 그러나 일이 *끝나는* 순서는 보장되지 않습니다. 세 소비자가
//! 아이템 열두 개를 나누어 처리하게 하고, 꺼낸 순서와 마친 순서를 숫자로 비교합니다.
//!
//! 실행: `cargo run -p examples-ko --bin order` 또는 `just run-order`
//! 마지막 줄: `--- 순서 예제 종료 ---`
//! 함께 보기: 11.5 `crates/queue`, 결과를 순서대로 받으려면 11.3 `crates/pool`

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::Process;
use lock::Lock;
use queue::{Queue, QueueError};

const ITEMS: u32 = 12;
const CONSUMERS: [char; 3] = ['A', 'B', 'C'];

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("order.rs"));

    println!("--- 순서 예제 시작 ---");
    let items = Queue::new()?;
    // 기록도 큐에 합니다. 여러 프로세스가 기록한 것이 기록한 순서대로 모입니다.
    let (taken, finished) = (Queue::new()?, Queue::new()?);
    let turn = Lock::new(())?;

    let put: Vec<u32> = (1..=ITEMS).collect();
    put.iter().try_for_each(|item| items.put(item))?;
    items.close()?; // 소비자는 남은 아이템을 다 꺼내고 마칩니다(파이썬의 종료 신호 None).

    let mut consumers = Vec::new();
    for name in CONSUMERS {
        let args = (items.clone(), turn.clone(), taken.clone(), finished.clone(), name);
        consumers.push(Process::spawn(consumer, args)?);
    }
    for consumer in consumers {
        consumer.join()?;
    }

    let (taken, finished) = (drain(&taken)?, drain(&finished)?);
    let numbers = |log: &[(u32, char)]| log.iter().map(|(item, _)| *item).collect::<Vec<_>>();
    println!("넣은 순서: {}", row(put.iter()));
    println!("꺼낸 순서: {}", row(numbers(&taken).iter()));
    println!("꺼낸 쪽:   {}", row(taken.iter().map(|(_, name)| name)));
    println!("마친 순서: {}", row(numbers(&finished).iter()));
    println!("마친 쪽:   {}", row(finished.iter().map(|(_, name)| name)));

    ensure!(numbers(&taken) == put, "넣은 순서대로 나오지 않았습니다");
    // 이것은 보장됩니다. 소비자가 몇이든 언제나 같습니다.
    println!("꺼낸 순서는 넣은 순서와 같습니다.");

    // 이것은 보장되지 않습니다. 먼저 꺼낸 소비자의 일이 더 오래 걸릴 수 있습니다.
    let moved = numbers(&finished).iter().zip(&put).filter(|(done, put)| done != put).count();
    match moved {
        0 if CONSUMERS.len() == 1 => println!("소비자가 하나이므로 마친 순서도 같습니다."),
        0 => println!("마친 순서도 이번에는 같았습니다. 우연이며, 보장되지 않습니다."),
        _ => println!("마친 순서는 {ITEMS}개 가운데 {moved}개가 제자리가 아닙니다."),
    }

    // 마친 순서대로 쓰고 싶지 않다면, 번호를 함께 보내 받은 쪽에서 정렬합니다. Pool::map이 하는 일입니다.
    let mut sorted = numbers(&finished);
    sorted.sort_unstable();
    ensure!(sorted == put, "잃거나 두 번 처리한 아이템이 있습니다: {sorted:?}");
    println!("번호로 정렬하면 다시 {}", row(sorted.iter()));
    println!("--- 순서 예제 종료 ---");
    Ok(())
}

/// (아이템, 소비자)의 기록.
type Log = Queue<(u32, char)>;

fn drain(log: &Log) -> Result<Vec<(u32, char)>> {
    log.close()?;
    Ok(log.iter().collect::<Result<_, _>>()?)
}

fn row(cells: impl Iterator<Item = impl std::fmt::Display>) -> String {
    cells.map(|cell| format!("{cell:>3}")).collect()
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn consumer(
    items: Queue<u32>,
    turn: Lock<()>,
    taken: Log,
    finished: Log,
    name: char,
) -> Result<()> {
    // ANCHOR: consumer
    loop {
        // 락은 기록을 위한 것입니다. 꺼내고 기록하는 사이에 다른 프로세스가 끼어들면 기록된 순서를 믿을 수 없습니다.
        let guard = turn.acquire()?;
        let item = match items.get() {
            Err(QueueError::Disconnected) => return Ok(()),
            item => item?,
        };
        taken.put(&(item, name))?;
        drop(guard);

        // 셋마다 하나는 오래 걸립니다.
        sleep(Duration::from_millis(if item % 3 == 1 { 150 } else { 40 }));
        finished.put(&(item, name))?;
    }
    // ANCHOR_END: consumer
}
