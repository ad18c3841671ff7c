//! 풀을 실제 프로세스들로 확인합니다. `cargo test`가 실행하며, 예제를 복사하면 함께 복사됩니다.

use std::collections::BTreeSet;

use pool::Pool;

ipc_core::test_support!();

#[test]
fn results_come_in_the_order_of_the_input() -> anyhow::Result<()> {
    let pool = Pool::new(2)?;
    assert_eq!(pool.map(|n: u64| n * n, 0..100)?, (0..100).map(|n| n * n).collect::<Vec<u64>>());
    let pids: BTreeSet<u32> = pool.map(|_: u32| std::process::id(), 0..4)?.into_iter().collect();
    assert!(!pids.contains(&std::process::id()), "부모가 계산했습니다");
    Ok(())
}

#[test]
fn a_dead_worker_is_an_error_and_the_pool_goes_on() -> anyhow::Result<()> {
    let pool = Pool::new(2)?;
    let die_at_three = |n: u32| -> u32 {
        if n == 3 {
            std::process::abort();
        }
        n
    };
    assert!(pool.map(die_at_three, 0..5).is_err());
    assert_eq!(pool.map(die_at_three, 10..13)?, [10, 11, 12]);
    Ok(())
}
