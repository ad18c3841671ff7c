//! 11.7 락 없이: 잃어버린 갱신을 셉니다
//!
//! 네 프로세스가 락 없이 카운터를 증가시키면 갱신이 사라집니다. 몇 번이 사라지는지 세고, 락을 쓰면 하나도 사라지지
//! 않는지 봅니다. 그리고 스레드의 락(`parking_lot`)은 왜 프로세스 사이에서 쓸 수 없는지, 멈춘 자식으로 확인합니다.
//!
//! 실행: `cargo run -p examples-ko --bin no-lock` 또는 `just run-no-lock`
//! 마지막 줄: `--- 락 없이 예제 종료 ---`
//! 함께 보기: 11.7 `crates/lock`, 공유 메모리의 뮤텍스는 `crates/ipc-core/src/mutex.rs`

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use ipc_core::build::Placed;
use ipc_core::{Process, ProcessError, Shared};
use lock::Lock;
use parking_lot::Mutex;

const NUM_PROCESSES: u32 = 4;
const INCREMENTS: u32 = 100_000;
const EXPECTED: u32 = NUM_PROCESSES * INCREMENTS;
/// 컴퓨터가 바쁘면 네 프로세스가 서로 만나지 않고 끝나기도 하므로, 잃을 때까지 이만큼은 다시 해 봅니다.
const PATIENCE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("no-lock.rs"));

    println!("--- 락 없이 예제 시작 ---");
    without_lock()?;
    with_lock()?;
    threads_with_parking_lot()?;
    parking_lot_in_shared_memory()?;
    println!("--- 락 없이 예제 종료 ---");
    Ok(())
}

fn without_lock() -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        // 앞은 카운터, 뒤는 출발선에 선 프로세스의 수입니다.
        let shared = Shared::new((AtomicU32::new(0), AtomicU32::new(0)))?;
        run_all(|| Process::spawn(increment_without_lock, (shared.clone(),)))?;
        let counter = shared.0.load(Relaxed);
        if counter != EXPECTED {
            println!("락 없이, 프로세스 넷: {counter} (잃은 갱신 {}번)", EXPECTED - counter);
            return Ok(());
        }
    }
    // 코어가 하나면 서로 만나는 일이 드뭅니다. 그래도 언제 만날지는 아무도 모릅니다.
    println!(
        "락 없이, 프로세스 넷: {}초 동안 해 보았으나 이 컴퓨터에서는 잃지 않았습니다.",
        PATIENCE.as_secs()
    );
    Ok(())
}

fn with_lock() -> Result<()> {
    let counter = Lock::new(0)?;
    run_all(|| Process::spawn(increment_with_lock, (counter.clone(),)))?;
    let counter = *counter.acquire()?;
    println!("Lock으로, 프로세스 넷: {counter} (언제나)");
    ensure!(counter == EXPECTED, "락을 쥐고도 갱신을 잃었습니다");
    Ok(())
}

fn run_all(spawn: impl Fn() -> Result<Process<()>, ProcessError>) -> Result<()> {
    let processes: Vec<_> = (0..NUM_PROCESSES).map(|_| spawn()).collect::<Result<_, _>>()?;
    Ok(processes.into_iter().try_for_each(Process::join)?)
}

/// 스레드로 하는 같은 일: 한 프로세스 안이라면 `parking_lot::Mutex`로 충분합니다.
fn threads_with_parking_lot() -> Result<()> {
    let counter = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..NUM_PROCESSES {
            scope.spawn(|| (0..INCREMENTS).for_each(|_| *counter.lock() += 1));
        }
    });
    let counter = counter.into_inner();
    println!("parking_lot::Mutex로, 스레드 넷: {counter} (언제나)");
    ensure!(counter == EXPECTED, "락을 쥐고도 갱신을 잃었습니다");
    Ok(())
}

/// 스레드의 뮤텍스를 공유 메모리에 둡니다. 하지 말아야 할 일을 보여 주려는 것입니다.
struct Misplaced {
    mutex: Mutex<()>,
    /// 자식이 기다리려는 참이면 1.
    child_is_here: AtomicU8,
}

// SAFETY: 둘 다 아토믹 한 바이트라 어떤 바이트도 올바른 값이고, 포인터도 `Drop`도 없습니다. 기다리는 스레드의 명단은
// 프로세스마다 따로 있으므로 깨우지 못할 뿐, 잘못된 메모리에 접근하지는 않습니다.
#[allow(unsafe_code, reason = "스레드의 뮤텍스가 공유 메모리에서 멈추는 것을 보여 줍니다")]
unsafe impl Placed for Misplaced {}

fn parking_lot_in_shared_memory() -> Result<()> {
    let shared = Shared::new(Misplaced { mutex: Mutex::new(()), child_is_here: AtomicU8::new(0) })?;
    // ANCHOR: parking_lot
    let guard = shared.mutex.lock();
    let mut child = Process::spawn(wait_for_mutex, (shared.clone(),))?;
    // 자식이 기다리기 전에 풀면 멈출 일이 없으므로, 온 것을 보고 풉니다.
    while child.is_running() && shared.child_is_here.load(Relaxed) == 0 {
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(300)); // 자식이 잠들 시간
    drop(guard);

    // 여기서 락은 풀렸습니다. 그런데 부모는 자기 프로세스의 명단에서만 기다리는 쪽을 찾으므로 자식을 깨우지 못합니다.
    // 표준 라이브러리의 Mutex도 같습니다(프로세스 전용 퓨텍스). 11.7의 Lock은 프로세스 공유 뮤텍스를 씁니다.
    let Err(ProcessError::Timeout { .. }) = child.join_timeout(LIMIT) else {
        bail!("자식이 깨어났거나 죽었습니다. 멈춰 있어야 합니다");
    };
    // ANCHOR_END: parking_lot
    ensure!(!shared.mutex.is_locked(), "부모가 락을 풀지 못했습니다");
    println!("parking_lot::Mutex를 공유 메모리에 두고, 부모와 자식 프로세스:");
    println!("  부모가 락을 풀었지만 자식은 {}초가 지나도 잠들어 있습니다.", LIMIT.as_secs());
    child.kill();
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn increment_without_lock(shared: Shared<(AtomicU32, AtomicU32)>) {
    let (counter, ready) = &*shared;
    // 넷이 모인 뒤에 함께 시작합니다. 따로 시작하면 서로 겹치지 않고 끝납니다.
    ready.fetch_add(1, Relaxed);
    let start = Instant::now();
    while ready.load(Relaxed) < NUM_PROCESSES && start.elapsed() < LIMIT {
        thread::yield_now();
    }
    // ANCHOR: raise
    for _ in 0..INCREMENTS {
        // 파이썬의 counter.value += 1도 읽고, 더하고, 쓰는 여러 단계입니다. 그 사이에 다른 프로세스가 쓴 값은 덮여 사라집니다.
        // 하나하나는 아토믹이므로 경합 조건일 뿐 데이터 경합은 아닙니다. 틀린 값이 나와도 정의된 동작입니다.
        let value = counter.load(Relaxed);
        counter.store(value + 1, Relaxed);
    }
    // ANCHOR_END: raise
}

// 읽고 쓰는 동안 락을 쥐고 있으므로 그 사이에 다른 프로세스가 끼어들지 못합니다.
fn increment_with_lock(counter: Lock<u32>) -> Result<()> {
    for _ in 0..INCREMENTS {
        *counter.acquire()? += 1;
    }
    Ok(())
}

// 부모가 쥐고 있으므로 여기서 잠듭니다. 잠든 스레드의 명단은 이 프로세스에만 있습니다.
fn wait_for_mutex(shared: Shared<Misplaced>) {
    shared.child_is_here.store(1, Relaxed);
    drop(shared.mutex.lock());
}
