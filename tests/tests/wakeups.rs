//! 깨우기: 기다리는 쪽은 누가 깨웠기 때문에 일어납니다. 스스로 다시 살펴보는 간격(RECHECK) 덕분이 아닙니다.
//!
//! 모든 기다림은 50ms마다 스스로 다시 살펴보므로, 깨우기가 빠져 있어도 조금 느릴 뿐 다른 테스트는 통과합니다. 여기서는 그
//! 간격을 [`RECHECK_MS`]로 늘려 두고, 그래도 모든 기다림이 [`SOON`] 안에 끝나는지 봅니다. 알리기 전에는 기다리는 프로세스가
//! 정말 잠들었는지 `/proc`에서 확인합니다.
//!
//! 실행: `cargo test -p tests --test wakeups`

#[path = "wakeups/lock.rs"]
mod lock_;
#[path = "wakeups/pool.rs"]
mod pool_;
#[path = "wakeups/queue.rs"]
mod queue_;
#[path = "wakeups/semaphore.rs"]
mod semaphore_;

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ipc_core::Process;
use tests::Counter;
use tests::asleep::all_asleep;
use tests::children::wait_count;

/// 스스로 다시 살펴보는 간격. 이 프로그램의 어느 테스트보다도 깁니다.
const RECHECK_MS: &str = "60000";
/// 깨운 뒤 끝나기까지. 프로세스 열여섯이 바쁜 컴퓨터에서 끝나는 데에도 넉넉하고, [`RECHECK_MS`]보다는 훨씬 짧습니다.
pub const SOON: Duration = Duration::from_secs(3);

/// 기다리기 바로 앞에서 자식이 알립니다.
pub fn arrive(arrived: &Counter) {
    arrived.fetch_add(1, SeqCst);
}

/// 자식들이 모두 도착해 깊이 잠들 때까지 기다립니다.
pub fn wait_all_asleep<T>(processes: &[Process<T>], arrived: &Counter) -> Result<()> {
    wait_count("자식들이 기다림에 이르기", arrived, processes.len() as u32)?;
    let pids: Vec<u32> = processes.iter().map(Process::id).collect();
    all_asleep(&pids)
}

/// 모두 `start`부터 [`SOON`] 안에 끝나야 합니다. 값들을 반환합니다.
pub fn end_soon<T: ipc_core::build::Message>(
    start: Instant,
    processes: Vec<Process<T>>,
) -> Result<Vec<T>> {
    let count = processes.len();
    let end = |(index, mut process): (usize, Process<T>)| {
        let left = SOON.saturating_sub(start.elapsed());
        let ended = process.join_timeout(left);
        if ended.is_err() {
            process.kill();
        }
        ended.with_context(|| {
            format!("{count}개 가운데 {index}번째 프로세스가 제때 깨어나지 않았습니다")
        })
    };
    processes.into_iter().enumerate().map(end).collect()
}

/// `work`가 [`SOON`] 안에 끝나야 합니다.
pub fn soon<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let value = work().with_context(|| what.to_owned())?;
    let took = start.elapsed();
    ensure!(took < SOON, "{what}: {took:?}가 걸렸습니다");
    Ok(value)
}

/// 자식이 되풀이해 기다리며 잰, 가장 긴 기다림.
pub fn longest(rounds: u32, mut wait: impl FnMut(u32) -> Result<()>) -> Result<Duration> {
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        let start = Instant::now();
        wait(round)?;
        longest = longest.max(start.elapsed());
    }
    Ok(longest)
}

/// 다투던 프로세스들이 모두 끝나야 하고, 누구의 기다림도 [`SOON`]을 넘지 않아야 합니다.
pub fn nobody_waited_long(processes: Vec<Process<Duration>>) -> Result<()> {
    for process in processes {
        let mut process = process;
        let took = process.join_timeout(Duration::from_secs(50)).inspect_err(|_| process.kill())?;
        ensure!(took < SOON, "{process}: 한 번에 {took:?}를 기다렸습니다");
    }
    Ok(())
}

fn main() {
    if std::env::var_os("IPC_CORE_RECHECK_MS").is_none() {
        // SAFETY: 프로그램의 첫 명령이며, 아직 다른 스레드가 없습니다.
        unsafe { std::env::set_var("IPC_CORE_RECHECK_MS", RECHECK_MS) };
    }
    ipc_core::init();
    tests::harness::run(tests::trials![
        lock_::waiters,
        lock_::waiters_with_a_deadline,
        lock_::contention,
        lock_::holder_killed,
        lock_::sleeping_waiter_killed,
        semaphore_::waiters_for_every_place,
        semaphore_::waiters_with_a_deadline,
        semaphore_::all_places_freed_while_all_sleep,
        semaphore_::contention,
        queue_::getters,
        queue_::putters,
        queue_::large_putter,
        queue_::closing_wakes_getters,
        queue_::closing_wakes_putters,
        queue_::killed_putter_and_getter,
        queue_::failing_getter_passes_on,
        queue_::joiners,
        queue_::ping_pong_at_every_moment,
        queue_::stopped_at_every_moment,
        queue_::closing_hides_nothing,
        queue_::contention,
        queue_::contention_for_bytes,
        pool_::idle_worker,
        pool_::all_idle_workers,
        pool_::waiting_caller,
        pool_::waiting_threads,
        pool_::large_items_and_results,
        pool_::full_desk,
        pool_::mailed_results_again_and_again,
        pool_::endings_at_the_same_moment,
        pool_::leaving_caller_swallows_nothing,
        pool_::caller_falling_asleep,
        pool_::letter_and_look_together,
        pool_::killed_workers,
        pool_::closing_ends_idle_workers,
        pool_::cancelled_call_wakes_join,
    ]);
}
