// ANCHOR: program
#![forbid(unsafe_code)]

use std::error::Error;

use ipc_core::Process;
use lock::{Lock, LockError, plain};

plain! {
    #[derive(Debug, Default, Clone, Copy, PartialEq)]
    struct Stats {
        count: u64,
        total: f64,
        largest: f64,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    ipc_core::init();
    println!("{:?}", measure(1000)?);
    Ok(())
}

/// 프로세스 둘이 통계 하나를 함께 고칩니다.
fn measure(each: u32) -> Result<Stats, Box<dyn Error>> {
    let stats = Lock::new(Stats::default())?;
    let small = Process::spawn(add, (stats.clone(), each, 1.0))?;
    let large = Process::spawn(add, (stats.clone(), each, 2.0))?;
    small.join()?;
    large.join()?;
    Ok(*stats.acquire()?)
}

fn add(stats: Lock<Stats>, times: u32, value: f64) -> Result<(), LockError> {
    for _ in 0..times {
        let mut stats = stats.acquire()?;
        stats.count += 1;
        stats.total += value;
        stats.largest = stats.largest.max(value);
    }
    Ok(())
}

// 아래의 #[test]도 프로세스를 시작합니다. 프로그램을 빌드할 때에는 아무것도 더하지 않습니다.
ipc_core::test_support!();

#[test]
fn loses_nothing() -> Result<(), Box<dyn Error>> {
    assert_eq!(measure(500)?, Stats { count: 1000, total: 1500.0, largest: 2.0 });
    Ok(())
}
// ANCHOR_END: program
