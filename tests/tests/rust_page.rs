//! "이 책을 읽는 데 필요한 Rust"(examples-ko/rust-for-this-book.md)에 실린 함수들입니다. 실린 그대로 실행합니다.
//!
//! 실행: `cargo test -p tests --test rust_page`

use std::num::ParseIntError;

use anyhow::{Result, ensure};
use ipc_core::Process;
use lock::Lock;
use pool::Pool;
use queue::Queue;
use tests::wait::timed;
use tests::{ensure_eq, harness, trials};

fn main() -> ! {
    ipc_core::init();
    harness::run(trials![
        question_mark,
        one_element_tuple,
        clone_of_a_handle,
        borrow,
        closure_without_capture,
        collect_results,
        work_as_an_argument,
        guard_and_drop,
    ])
}

fn question_mark() -> Result<()> {
    let queue: Queue<u32> = Queue::new()?; // Err라면 이 함수가 여기서 그 Err를 반환합니다.
    queue.put(&7)?;
    ensure_eq!(queue.get()?, 7);
    Ok(()) // 성공했고, 반환할 값은 없습니다.
}

fn one_element_tuple() -> Result<()> {
    let args = ("안녕".to_string(),); // 쉼표가 없으면 괄호로 감싼 String일 뿐입니다.
    let process = Process::spawn(count_letters, args)?;
    ensure_eq!(process.join()?, 2);
    Ok(())
}

fn count_letters(text: String) -> usize {
    text.chars().count()
}

fn clone_of_a_handle() -> Result<()> {
    let queue: Queue<u32> = Queue::new()?;
    let same = queue.clone(); // 내용이 아니라 핸들을 복제합니다.
    queue.put(&7)?;
    ensure_eq!(same.get()?, 7); // 한 핸들로 넣은 것이 다른 핸들에서 나옵니다.
    Ok(())
}

fn borrow() -> Result<()> {
    let queue: Queue<Option<String>> = Queue::new()?;
    let item = "아이템 1".to_string();
    queue.put(&item)?; // put은 값을 빌려(&) 복사해 넣습니다. Some(item)으로 나옵니다.
    queue.put(&None)?; // 종료 신호
    ensure_eq!(queue.get()?, Some(item)); // 빌려주었을 뿐이므로 item은 아직 여기에 있습니다.
    Ok(())
}

fn closure_without_capture() -> Result<()> {
    let pool = Pool::new(2)?;
    let squares = pool.map(|n: u32| n * n, [2, 3])?; // n은 매개변수이므로 캡처가 아닙니다.
    ensure_eq!(squares, [4, 9]);
    Ok(())
}

fn collect_results() -> Result<()> {
    let good: Result<Vec<u32>, ParseIntError> =
        ["1", "2"].iter().map(|text| text.parse()).collect();
    let bad: Result<Vec<u32>, ParseIntError> =
        ["1", "둘"].iter().map(|text| text.parse()).collect();
    ensure_eq!(good?, [1, 2]);
    ensure!(bad.is_err()); // 하나라도 Err이면 전체가 그 Err입니다.
    Ok(())
}

fn work_as_an_argument() -> Result<()> {
    let (sum, took) = timed(|| (1..=100).sum::<u32>()); // timed가 이 클로저를 호출합니다.
    ensure_eq!(sum, 5050);
    ensure!(took.as_secs() < 60);
    Ok(())
}

fn guard_and_drop() -> Result<()> {
    let counter = Lock::new(0)?;
    let guard = counter.acquire()?;
    drop(guard); // 가드가 사라져 락이 해제됩니다. 적지 않으면 함수가 끝날 때 사라집니다.
    *counter.acquire()? += 1; // 이름을 붙이지 않은 가드는 문장이 끝날 때 사라집니다.
    Ok(())
}
