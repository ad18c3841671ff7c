//! 잠들기 전의 짧은 기다림([`Awake`]).
//!
//! 상대가 곧 답하는 흔한 경우에는, 답을 기다리는 시간보다 잠들었다 깨어나는 시간이 깁니다. 그래서 잠깐은 깨어서 거듭 살펴봅니다.
//! 코어가 모자라면 반대입니다. 코어를 양보하면(`sched_yield`) 상대뿐 아니라 상관없는 프로세스들도 제 몫을 다 쓴 뒤에야 차례가
//! 다시 옵니다. 잠든 프로세스는 깨우면 곧 실행됩니다. 그래서 양보한 뒤 차례가 늦게 온 스레드는, 얼마 동안은 깨어 있지 않고 바로
//! 잠듭니다.

use std::cell::Cell;
use std::hint::spin_loop;
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// 코어를 쥐고 살펴보는 횟수. 한 번마다 쉬는 시간이 두 배로 늘어납니다.
const SPINS: u32 = 7;
/// 그 뒤에 코어를 양보하며 살펴보는 횟수.
const YIELDS: u32 = 4;
/// 양보한 뒤 차례가 이보다 늦게 오면 코어가 모자랍니다. 상대만 실행되었다면 이보다 빨리 옵니다.
const LATE: Duration = Duration::from_micros(100);
/// 코어가 모자란 것을 처음 보면 이만큼만 깨어 있지 않습니다. 거듭 보면 두 배씩, [`LONGEST`]까지 늘립니다.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(128);

thread_local! {
    /// 코어가 모자란 것을 마지막으로 본 때와, 그때부터 깨어 있지 않을 시간. 모자라지 않으면 `None`입니다.
    static SHORTAGE: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// 한 번의 기다림 동안 지금까지 깨어서 살펴본 횟수.
#[derive(Debug)]
pub struct Awake(u32);

impl Awake {
    /// 기다리기 시작합니다. 코어가 모자라다고 알고 있으면 [`Awake::pause`]는 처음부터 `false`입니다.
    #[inline]
    pub fn start() -> Awake {
        let short = SHORTAGE.get().is_some_and(|(since, span)| since.elapsed() < span);
        Awake(if short { SPINS + YIELDS } else { 0 })
    }

    /// 잠깐 쉽니다. 더 깨어 있지 말고 잠들어야 하면 쉬지 않고 `false`를 반환합니다.
    #[inline]
    pub fn pause(&mut self) -> bool {
        let step = self.0;
        self.0 += 1;
        if step < SPINS {
            (0..1 << step).for_each(|_| spin_loop());
            true
        } else {
            step < SPINS + YIELDS && yields_in_time()
        }
    }
}

/// 코어를 양보하고, 차례가 늦게 왔으면 `false`를 반환합니다.
fn yields_in_time() -> bool {
    let before = Instant::now();
    yield_now();
    let now = Instant::now();
    let in_time = now - before <= LATE;
    let longer = |(_, span): (Instant, Duration)| (2 * span).min(LONGEST);
    let span = SHORTAGE.get().map_or(SHORTEST, longer);
    SHORTAGE.set((!in_time).then_some((now, span)));
    in_time
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::*;

    #[test]
    fn a_thread_whose_turn_comes_late_stops_waiting_awake() -> rustix::io::Result<()> {
        let allowed = sched_getaffinity(None)?;
        let core =
            (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core)).expect("코어가 없습니다");
        let mut one = CpuSet::new();
        one.set(core);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            // 쉬지 않는 스레드와 코어 하나를 나누어 씁니다. 양보하면 그쪽이 제 몫을 다 쓴 뒤에야 차례가 옵니다.
            scope.spawn(|| {
                sched_setaffinity(None, &one)?;
                while !over.load(Relaxed) {
                    spin_loop();
                }
                rustix::io::Result::Ok(())
            });
            let outcome = sched_setaffinity(None, &one);
            while outcome.is_ok() && SHORTAGE.get().is_none() {
                let mut awake = Awake::start();
                while awake.pause() {}
            }
            over.store(true, Relaxed);
            outcome
        })?;
        SHORTAGE.set(Some((Instant::now() + LONGEST, LONGEST)));
        assert!(!Awake::start().pause(), "코어가 모자란데 깨어서 기다렸습니다");
        SHORTAGE.set(Some((Instant::now(), Duration::ZERO)));
        assert!(Awake::start().pause(), "이제 코어가 남는데 바로 잠들었습니다");
        Ok(())
    }
}
