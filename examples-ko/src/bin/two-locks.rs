//! 11.7 두 락: 서로 다른 순서로 획득하면 여기서도 데드락입니다
//!
//! 한 프로세스는 a를 쥐고 b를, 다른 프로세스는 b를 쥐고 a를 기다립니다. 로버스트 뮤텍스도 컴파일러도 이것은 막지
//! 못합니다. `acquire_timeout`으로 기다린 쪽이 물러나야 풀리고, 처음부터 같은 순서로 획득하면 생기지 않습니다.
//!
//! 실행: `cargo run -p examples-ko --bin two-locks` 또는 `just run-two-locks`
//! 마지막 줄: `--- 두 락 예제 종료 ---`
//! 함께 보기: 11.7 `crates/lock`, 큐가 가득 차서 생기는 데드락은 `full-queue`

use std::process::id;
use std::time::Duration;

use anyhow::{Result, bail};
use ipc_core::Process;
use lock::{Lock, LockError};
use pipe::{Duplex, duplex};

const LIMIT: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("two-locks.rs"));

    println!("--- 두 락 예제 시작 ---");
    let (a, b) = (Lock::new(())?, Lock::new(())?);

    println!("서로 다른 순서로 획득하면");
    let (left, right) = duplex()?;
    let p_impatient = Process::spawn(a_then_b, (a.clone(), b.clone(), left))?;
    let p_patient = Process::spawn(b_then_a, (a.clone(), b.clone(), right))?;
    p_impatient.join()?;
    p_patient.join()?;

    println!("같은 순서로 획득하면");
    let p1 = Process::spawn(in_order, (a.clone(), b.clone()))?;
    let p2 = Process::spawn(in_order, (a, b))?;
    p1.join()?;
    p2.join()?;

    println!("--- 두 락 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn a_then_b(a: Lock<()>, b: Lock<()>, other: Duplex<(), ()>) -> Result<()> {
    let _a = a.acquire()?;
    println!("Process ID: {} - a를 쥐고 b를 기다립니다.", id());
    meet(&other)?;
    match b.acquire_timeout(LIMIT) {
        Err(LockError::Timeout) => {
            println!("Process ID: {} - b를 얻지 못해 a를 해제하고 물러납니다.", id());
            Ok(()) // 여기서 _a가 사라지며 a가 해제됩니다.
        }
        Err(error) => Err(error.into()),
        Ok(_) => bail!("b를 얻었습니다. 다른 프로세스가 쥐고 있어야 합니다"),
    }
}

fn b_then_a(a: Lock<()>, b: Lock<()>, other: Duplex<(), ()>) -> Result<()> {
    let _b = b.acquire()?;
    println!("Process ID: {} - b를 쥐고 a를 기다립니다.", id());
    meet(&other)?;
    // 상대가 물러나지 않으면 여기서 영원히 기다립니다.
    let _a = a.acquire()?;
    println!("Process ID: {} - a가 해제되자 둘 다 얻었습니다.", id());
    Ok(())
}

/// 둘 다 첫 락을 쥔 다음에 나아갑니다. 운에 맡기면 데드락은 가끔만 나타납니다.
fn meet(other: &Duplex<(), ()>) -> Result<()> {
    other.send(&())?;
    Ok(other.recv()?)
}

fn in_order(a: Lock<()>, b: Lock<()>) -> Result<()> {
    let _a = a.acquire()?;
    let _b = b.acquire()?; // b를 쥔 프로세스는 a도 쥐고 있으므로, 여기서 기다리는 일은 곧 끝납니다.
    println!("Process ID: {} - a와 b를 모두 얻었습니다.", id());
    Ok(())
}
