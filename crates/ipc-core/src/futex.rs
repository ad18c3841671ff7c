//! 대기(wait): 공유 메모리의 값 하나가 바뀔 때까지 잠듭니다.
//!
//! 퓨텍스(futex)는 "이 32비트 값이 아직 그대로이면 재워 달라"는 커널 호출입니다. 값을 확인하는 일과
//! 잠드는 일이 한 번에 이루어지므로, 그 사이에 온 신호를 놓치지 않습니다.
//!
//! 표준 라이브러리의 뮤텍스도 퓨텍스 위에 있지만 *프로세스 전용* 형태를 씁니다. 그 형태는 가상 주소로
//! 상대를 찾으므로 다른 프로세스를 깨우지 못합니다. 여기서는 물리 메모리로 상대를 찾는 *공유* 형태를
//! 씁니다(`FUTEX_PRIVATE_FLAG`를 붙이지 않는 것이 차이의 전부입니다).

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;

use crate::plain::Plain;

/// 기다림의 끝. `None`이면 끝없이 기다립니다.
pub type Deadline = Option<Instant>;

/// 지금부터 `timeout` 뒤. 달력에 담기지 않을 만큼 먼 미래는 "끝없이"와 같습니다.
pub fn after(timeout: Duration) -> Deadline {
    Instant::now().checked_add(timeout)
}

/// 마감까지 남은 시간. 마감이 없으면 `None`, 이미 지났으면 0입니다.
pub fn remaining(deadline: Deadline) -> Option<Duration> {
    deadline.map(|at| at.saturating_duration_since(Instant::now()))
}

/// 마감이 지났는지 봅니다.
pub fn expired(deadline: Deadline) -> bool {
    deadline.is_some_and(|at| Instant::now() >= at)
}

/// 깨우는 호출이 없어도 조건을 다시 살펴보는 간격.
///
/// 깨우기 직전에 죽은 프로세스는 아무도 깨우지 못합니다. 그 경우에도 이만큼만 늦습니다.
pub const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// 조건이 바뀌었음을 알리고 기다리는 자리입니다(event count). 조건 자체는 공유 메모리의 다른 값에 있습니다.
///
/// 조건 변수(`pthread_cond_t`)와 달리 상태가 "다시 살펴보라"는 귀띔뿐이어서, 기다리거나 알리던 프로세스가 죽어도
/// 망가지지 않습니다. 기다리는 쪽은 귀띔이 없어도 [`LOOK_AGAIN`]마다 스스로 살펴봅니다.
///
/// 깨움을 놓치지 않는 방법은 드레퍼(U. Drepper)의 "Futexes Are Tricky"(2011)의 두 번째 뮤텍스를 따릅니다.
#[derive(Default)]
pub struct EventCount {
    /// 알릴 때마다 바뀌는 값. 기다리는 쪽이 여기서 잠듭니다.
    count: AtomicU32,
    /// [`WAITING`]이면 잠든 쪽이 있을 수 있고, 0이면 없습니다.
    waiting: AtomicU32,
}

const WAITING: u32 = 1;

// SAFETY: 아토믹 둘뿐입니다.
unsafe impl Plain for EventCount {}

impl EventCount {
    /// 조건을 바꾼 *뒤에* 부릅니다. 기다리는 쪽이 있으면 하나를 깨웁니다. 없으면 몇 나노초입니다.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// 조건을 바꾼 *뒤에* 부릅니다. 기다리는 쪽을 모두 깨웁니다.
    pub fn notify_all(&self) {
        self.notify(i32::MAX);
    }

    fn notify(&self, sleepers: i32) {
        if self.waiting.swap(0, SeqCst) == WAITING {
            self.count.fetch_add(1, SeqCst);
            wake(&self.count, sleepers);
        }
    }

    /// `check`가 `Some`을 줄 때까지 기다립니다. 마감이 먼저 오면 `Ok(None)`입니다.
    ///
    /// `check`는 적어도 한 번 불리며, 기다리는 동안에는 불리지 않습니다. `check`의 에러는 그대로 나갑니다.
    pub fn wait_for<T, E>(
        &self,
        deadline: Deadline,
        mut check: impl FnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        if let Some(found) = check()? {
            return Ok(Some(found));
        }
        let mut slept = false;
        loop {
            let seen = self.count.load(SeqCst);
            // 먼저 "기다린다"고 적고 다시 살펴봅니다. 그래야 알리는 쪽이 이 표시를 보거나, 이쪽이 바뀐 조건을 봅니다.
            // 조건을 얻은 뒤에도 지우지 않습니다. 함께 잠든 다른 프로세스가 있을 수 있기 때문입니다.
            self.waiting.swap(WAITING, SeqCst);
            let outcome = check().transpose();
            if outcome.is_some() || expired(deadline) {
                if slept {
                    // 둘이 잠든 사이에 두 번 알려도, 첫 알림이 표시를 지우므로 하나만 깨어납니다.
                    // 그래서 깨어난 쪽이 다음을 깨웁니다.
                    self.notify_one();
                }
                return outcome.transpose();
            }
            let look_again = Instant::now() + LOOK_AGAIN;
            wait(&self.count, seen, Some(deadline.map_or(look_again, |at| at.min(look_again))));
            slept = true;
        }
    }
}

/// `word`의 값이 `expected`인 동안 잠듭니다.
///
/// 깨우는 호출, 마감, 시그널 가운데 먼저 온 것으로 돌아오며, 까닭은 알려 주지 않습니다. 부른 쪽은 언제나
/// 조건을 다시 확인해야 합니다. 값이 이미 다르면 곧바로 돌아옵니다.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) {
    let timeout = remaining(deadline).map(TimeSpec::from_duration);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |t| t.as_ref());
    // SAFETY: `word`는 빌린 동안 살아 있는 정렬된 32비트 값이고, `timeout`은 널이거나 이 함수의 지역 변수를
    // 가리킵니다. 커널은 둘 다 읽기만 합니다.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, timeout) };
}

/// `word`에서 잠든 프로세스와 스레드를 `count`까지 깨웁니다.
pub fn wake(word: &AtomicU32, count: i32) {
    // SAFETY: `word`는 빌린 동안 살아 있는 정렬된 32비트 값이며, 커널은 주소만 씁니다.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
}
