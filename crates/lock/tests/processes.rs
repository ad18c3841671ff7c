//! 락을 실제 프로세스들로 확인합니다. `cargo test`가 실행하며, 예제를 복사하면 함께 복사됩니다.

use ipc_core::{Process, SharedSlice};
use lock::{Lock, LockError, plain};

ipc_core::test_support!();

plain! {
    #[derive(Debug, Default, Clone, Copy, PartialEq)]
    struct Account {
        left: i64,
        right: i64,
    }
}

fn move_many(account: Lock<Account>, times: i64) -> Result<(), LockError> {
    for _ in 0..times {
        let mut account = account.acquire()?;
        account.left -= 1;
        account.right += 1;
    }
    Ok(())
}

#[test]
fn no_update_is_lost() -> anyhow::Result<()> {
    let account = Lock::new(Account::default())?;
    let movers = (0..4)
        .map(|_| Process::spawn(move_many, (account.clone(), 1000)))
        .collect::<Result<Vec<_>, _>>()?;
    for mover in movers {
        mover.join()?;
    }
    assert_eq!(*account.acquire()?, Account { left: -4000, right: 4000 });
    Ok(())
}

#[test]
fn the_death_of_the_holder_is_told_and_repaired() -> anyhow::Result<()> {
    let account = Lock::new(Account::default())?;
    let half = |account: Lock<Account>| -> () {
        let mut held = account.acquire().unwrap();
        held.left -= 1;
        std::process::abort(); // 더하기 전에, 쥔 채 죽습니다.
    };
    let child = Process::spawn(half, account.clone())?;
    let pid = child.id();
    assert!(child.join().is_err());
    assert!(
        matches!(account.acquire(), Err(LockError::OwnerDied { pid: Some(died) }) if died == pid)
    );
    let died = account.recover()?;
    assert_eq!(died.left, -1);
    died.repair().right += 1;
    assert_eq!(*account.acquire()?, Account { left: -1, right: 1 });
    Ok(())
}

/// 길이를 실행 중에 정하는 큰 배열은 스택을 거치지 않고 만들고, 값 하나처럼 건넵니다.
#[test]
fn a_large_slice_is_shared() -> anyhow::Result<()> {
    // ANCHOR: slice
    let samples = Lock::with_len(2_000_000, 0.0)?;
    let weights = SharedSlice::new((0..2_000_000).map(f64::from))?;
    let fill = |samples: Lock<[f64]>, weights: SharedSlice<f64>| -> anyhow::Result<()> {
        samples.acquire()?.copy_from_slice(&weights);
        Ok(())
    };
    Process::spawn(fill, (samples.clone(), weights.clone()))?.join()?;
    // ANCHOR_END: slice
    assert_eq!(samples.acquire()?[..], weights[..]);
    Ok(())
}
