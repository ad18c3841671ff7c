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
    let results = {
        // ① 블록을 나가면 풀도 끝납니다(파이썬의 with).
        let pool = Pool::new(4)?;
        // ② 결과는 입력과 같은 순서로 돌아옵니다.
        pool.map(calculate_square, numbers)?
    };
    // ANCHOR_END: map

    println!("결과: {results:?}");
    println!("총 실행 시간: {:.4} 초", start_time.elapsed().as_secs_f64());
    println!("--- Pool 예제 종료 ---");
    Ok(())
}

// ① 작업자 프로세스가 숫자마다 호출합니다.
fn calculate_square(number: u32) -> u32 {
    number * number
}
