//! 11.7 두 번 획득하기: 락이 있어도 갱신을 잃는 코드
//!
//! 값을 읽을 때 한 번, 쓸 때 또 한 번 락을 획득하면 그사이에 락이 해제됩니다. 컴파일러가 막지 못하는 실수이며,
//! 락 없이 증가시킬 때처럼 갱신이 사라집니다. 가드 하나로 읽고 쓰면 하나도 사라지지 않습니다.
//!
//! 실행: `cargo run -p examples-ko --bin two-acquires` 또는 `just run-two-acquires`
//! 마지막 줄: `--- 두 번 획득하기 예제 종료 ---`
//! 함께 보기: 11.7 `crates/lock`, 락이 아예 없으면 `no-lock`

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ipc_core::{Process, ProcessError};
use lock::Lock;

const NUM_PROCESSES: u32 = 4;
const INCREMENTS: u32 = 100_000;
const EXPECTED: u32 = NUM_PROCESSES * INCREMENTS;
/// 컴퓨터가 바쁘면 네 프로세스가 서로 만나지 않고 끝나기도 하므로, 잃을 때까지 이만큼은 다시 해 봅니다.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("two-acquires.rs"));

    println!("--- 두 번 획득하기 예제 시작 ---");
    let start = Instant::now();
    let mut counter = EXPECTED;
    while counter == EXPECTED && start.elapsed() < PATIENCE {
        counter = count(|counter| Process::spawn(two_acquires, (counter,)))?;
    }
    println!("따로 획득해 읽고 쓰면: {counter} (잃은 갱신 {}번)", EXPECTED - counter);

    let counter = count(|counter| Process::spawn(one_acquire, (counter,)))?;
    ensure!(counter == EXPECTED, "가드 하나로 읽고 썼는데 갱신을 잃었습니다");
    println!("가드 하나로 읽고 쓰면: {counter} (언제나)");
    println!("--- 두 번 획득하기 예제 종료 ---");
    Ok(())
}

/// 네 프로세스가 카운터 하나를 증가시킨 값. `spawn`은 카운터를 받아 자식 하나를 띄웁니다.
fn count(spawn: impl Fn(Lock<u32>) -> Result<Process<()>, ProcessError>) -> Result<u32> {
    let counter = Lock::new(0)?;
    let processes: Vec<_> =
        (0..NUM_PROCESSES).map(|_| spawn(counter.clone())).collect::<Result<_, _>>()?;
    processes.into_iter().try_for_each(Process::join)?;
    Ok(*counter.acquire()?)
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn two_acquires(counter: Lock<u32>) -> Result<()> {
    for _ in 0..INCREMENTS {
        let value = *counter.acquire()?; // 가드가 이 줄 끝에서 사라지며 락이 해제됩니다.
        *counter.acquire()? = value + 1; // 그사이 다른 프로세스가 쓴 값은 덮여 사라집니다.
    }
    Ok(())
}

fn one_acquire(counter: Lock<u32>) -> Result<()> {
    for _ in 0..INCREMENTS {
        let mut value = counter.acquire()?;
        *value += 1; // 가드가 살아 있는 동안은 읽기와 쓰기 사이에 아무도 들어오지 못합니다.
    }
    Ok(())
}
