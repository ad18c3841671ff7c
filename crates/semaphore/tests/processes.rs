//! 세마포어를 실제 프로세스들로 확인합니다. `cargo test`가 실행하며, 예제를 복사하면 함께 복사됩니다.

use std::time::Duration;

use ipc_core::Process;
use semaphore::Semaphore;

ipc_core::test_support!();

#[test]
fn a_permit_held_elsewhere_keeps_the_place() -> anyhow::Result<()> {
    let semaphore = Semaphore::new(1)?;
    let permit = semaphore.acquire()?;
    let try_in_child =
        |semaphore: Semaphore| semaphore.try_acquire().map(|permit| permit.is_some());
    assert!(!Process::spawn(try_in_child, semaphore.clone())?.join()?);
    drop(permit);
    assert!(Process::spawn(try_in_child, semaphore.clone())?.join()?);
    Ok(())
}

#[test]
fn the_permit_of_a_dead_process_comes_back() -> anyhow::Result<()> {
    let semaphore = Semaphore::new(1)?;
    let hold_and_die = |semaphore: Semaphore| {
        let _permit = semaphore.acquire().unwrap();
        if semaphore.available() == 0 {
            std::process::abort();
        }
    };
    let child = Process::spawn(hold_and_die, semaphore.clone())?;
    let pid = child.id();
    assert!(child.join().is_err());
    let permit = semaphore.acquire_timeout(Duration::from_secs(10))?;
    assert_eq!(permit.recovered_from(), Some(pid));
    Ok(())
}
