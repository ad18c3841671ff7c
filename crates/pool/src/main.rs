//! 11.3 Pool: 네 프로세스가 제곱을 나누어 계산합니다
//!
//! 0부터 9까지의 제곱을 작업자 프로세스 넷이 나누어 계산합니다. `map`은 입력을 묶음으로 나누어 보내고,
//! 결과를 입력과 같은 순서로 모읍니다. 작업자가 죽으면 멈추지 않고 `Err`가 됩니다.
//!
//! 실행: `cargo run -p pool` 또는 `just run-pool`
//! 마지막 줄: `--- Pool 예제 종료 ---`
//! 함께 보기: 풀은 `pool.rs`, 프로세스 하나만 쓰려면 11.4 `crates/process`

use std::time::Instant;

use anyhow::Result;
use pool::Pool;

fn main() -> Result<()> {
    // 작업자도 이 프로그램을 처음부터 다시 실행합니다. 작업자는 이 줄에서 일을 받고, 아래로 내려가지 않습니다.
    ipc_core::init();
    ipc_core::help(include_str!("main.rs"));

    let numbers = 0..10;

    println!("--- Pool 예제 시작 ---");
    // 작업자를 띄우는 시간도 함께 잽니다.
    let start_time = Instant::now();

    // ANCHOR: map
    // 작업자 넷을 띄웁니다. 블록을 나가면 풀도 끝납니다(파이썬의 with).
    let results = {
        let pool = Pool::new(4)?;
        // 숫자들이 작업자에게 복사되어 가고, 결과가 입력과 같은 순서로 돌아올 때까지 기다립니다.
        pool.map(calculate_square, numbers)?
    };
    // ANCHOR_END: map

    println!("결과: {results:?}");
    println!("총 실행 시간: {:.4} 초", start_time.elapsed().as_secs_f64());
    println!("--- Pool 예제 종료 ---");
    Ok(())
}

// 작업자 프로세스가 숫자마다 호출합니다.
fn calculate_square(number: u32) -> u32 {
    number * number
}
