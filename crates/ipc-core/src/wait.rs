//! 대기(wait): 다른 프로세스가 깨우거나, 디스크립터가 준비될 때까지 잠듭니다.
//!
//! 퓨텍스(futex)는 "이 32비트 값이 아직 그대로이면, 누가 깨울 때까지 재워 달라"는 커널 호출입니다. 값을 확인하는 일과
//! 잠드는 일이 한 번에 이루어지므로, 그 사이에 온 깨우기를 놓치지 않습니다. 값이 바뀌는 것만으로는 깨어나지 않습니다.
//!
//! 표준 라이브러리의 뮤텍스도 퓨텍스 위에 있지만 *프로세스 전용* 형태를 씁니다. 그 형태는 가상 주소로
//! 상대를 찾으므로 다른 프로세스를 깨우지 못합니다. 여기서는 물리 메모리로 상대를 찾는 *공유* 형태를
//! 씁니다(`FUTEX_PRIVATE_FLAG`를 붙이지 않는 것이 차이의 전부입니다).
//!
//! 프로세스도 채널도 디스크립터(pidfd, 소켓)이므로 `ppoll` 하나로 섞어 기다릴 수 있습니다.

use std::io;
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::event::{PollFd, poll};
use rustix::io::Errno;
use rustix::thread::futex::{self, Flags};
use rustix::time::Timespec;

use crate::awake::Awake;

/// 언제까지 기다릴지. `None`이면 끝없이 기다립니다.
pub type Deadline = Option<Instant>;

/// 지금부터 `timeout` 뒤. 달력에 담기지 않을 만큼 먼 미래는 "끝없이"와 같습니다.
pub fn after(timeout: Duration) -> Deadline {
    Instant::now().checked_add(timeout)
}

/// 제한 시간이 지났는지 봅니다.
pub fn expired(deadline: Deadline) -> bool {
    deadline.is_some_and(|at| Instant::now() >= at)
}

/// 남은 시간. 제한 시간이 없으면 `None`, 이미 지났으면 0입니다.
pub(crate) fn remaining(deadline: Deadline) -> Option<Duration> {
    deadline.map(|at| at.saturating_duration_since(Instant::now()))
}

fn timeout(deadline: Deadline) -> Option<Timespec> {
    remaining(deadline).and_then(|left| left.try_into().ok())
}

/// 깨우는 호출이 없어도 조건을 다시 살펴보는 간격. 오래 기다릴수록 여덟 배(0.4초)까지 늘어납니다.
///
/// 깨우기 직전에 죽은 프로세스는 아무도 깨우지 못합니다. 그 경우에도 이만큼만 늦습니다. 실제 간격은 [`recheck`]입니다.
pub const RECHECK: Duration = Duration::from_millis(50);

/// 지금 쓰는 [`RECHECK`]. 살아 있는 프로세스끼리는 언제나 서로를 깨우므로, 테스트는 환경 변수 `IPC_CORE_RECHECK_MS`로 이 간격을
/// 늘려(자식에게도 이어집니다) 깨우기가 빠지지 않았는지 확인합니다.
pub fn recheck() -> Duration {
    static INTERVAL: LazyLock<Duration> = LazyLock::new(|| {
        let asked = std::env::var("IPC_CORE_RECHECK_MS").ok().and_then(|ms| ms.parse().ok());
        asked.map_or(RECHECK, Duration::from_millis)
    });
    *INTERVAL
}

/// 스스로 다시 살펴보기까지의 간격들: [`recheck`]에서 시작해 그 [`Naps::LONGEST`]배까지 두 배씩 늘어납니다.
///
/// 커널은 먼저 잠든 쪽을 먼저 깨우는데, 다시 살펴보고 잠들면 맨 뒤로 갑니다. 한 바퀴가 이 간격보다 길면 어떤 프로세스는 번번이 자기 차례
/// 바로 앞에서 맨 뒤로 가서 굶습니다. 그래서 오래 기다릴수록 덜 자주 살펴봅니다.
pub(crate) struct Naps(u32);

impl Naps {
    const LONGEST: u32 = 8;

    pub(crate) fn new() -> Naps {
        Naps(1)
    }

    pub(crate) fn next(&mut self) -> Duration {
        let nap = recheck() * self.0;
        self.0 = (2 * self.0).min(Naps::LONGEST);
        nap
    }
}

/// 조건이 바뀌었음을 알리고 기다리는 곳입니다(event count). 조건 자체는 공유 메모리의 다른 값에 있습니다.
///
/// 조건 변수(`pthread_cond_t`)와 달리 상태가 "다시 살펴보라"는 알림뿐이어서, 기다리거나 알리던 프로세스가 죽어도
/// 망가지지 않습니다. 기다리는 쪽은 알림이 없어도 가끔([`RECHECK`]) 스스로 살펴봅니다.
///
/// 깨우기를 놓치지 않는 방법은 드레퍼(U. Drepper)의 "Futexes Are Tricky"(2011)의 두 번째 뮤텍스를 따릅니다.
#[derive(Debug, Default)]
pub struct EventCount {
    /// 알릴 때마다 바뀌는 값. 기다리는 쪽이 여기서 잠듭니다.
    count: AtomicU32,
    /// 누가 마지막으로 "기다린다"고 적은 뒤로 알린 횟수. 0이면 아직 아무도 깨우지 않았습니다.
    unheard: AtomicU32,
}

impl EventCount {
    /// 조건을 바꾼 *뒤에* 호출합니다. 기다리는 쪽이 있으면 하나를 깨웁니다. 없으면 아토믹 연산 하나입니다.
    #[inline]
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// 조건을 바꾼 *뒤에* 호출합니다. 기다리는 쪽을 모두 깨웁니다.
    #[inline]
    pub fn notify_all(&self) {
        self.notify(i32::MAX as u32);
    }

    #[inline]
    fn notify(&self, sleepers: u32) {
        // 앞의 알림이 깨운 쪽이 아직 오는 중이면 깨우지 않습니다. 그쪽이 와서, 알림이 더 있었음을 보고 다음을 깨웁니다.
        if self.unheard.fetch_add(1, SeqCst) == 0 {
            self.wake(sleepers);
        }
    }

    #[cold]
    fn wake(&self, sleepers: u32) {
        self.count.fetch_add(1, SeqCst);
        let _ = futex::wake(&self.count, Flags::empty(), sleepers);
    }

    /// `check`가 `Some`을 반환할 때까지 기다립니다. 제한 시간이 먼저 지나면 `Ok(None)`입니다.
    ///
    /// 잠들기 전에 잠깐 깨어서 살펴봅니다. 상대가 바로 뒤따라오는 흔한 경우에 커널 호출을 아낍니다. `check`는 적어도 한 번
    /// 호출되며, 잠든 동안에는 호출되지 않습니다. `check`의 에러는 그대로 나갑니다.
    pub fn wait_for<T, E>(
        &self,
        deadline: Deadline,
        mut check: impl FnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let mut awake = Awake::start();
        loop {
            if let Some(found) = check()? {
                return Ok(Some(found));
            }
            if !awake.pause() {
                break;
            }
        }
        let (mut slept, mut naps) = (false, Naps::new());
        loop {
            let seen = self.count.load(SeqCst);
            // 먼저 "기다린다"고 적고 다시 살펴봅니다. 그래야 알리는 쪽이 이 표시를 보거나, 이쪽이 바뀐 조건을 봅니다.
            // 조건을 얻은 뒤에도 지우지 않습니다. 함께 잠든 다른 프로세스가 있을 수 있기 때문입니다.
            let more = self.unheard.swap(0, SeqCst) > 1;
            let outcome = check().transpose();
            if outcome.is_some() || expired(deadline) {
                // 둘이 잠든 사이에 두 번 알려도 하나만 깨어나므로, 깨어난 쪽이 다음을 깨웁니다. 가져가지 못하고 에러로 나가는
                // 쪽도 자기 몫의 알림을 넘깁니다. 다음 쪽이 아무것도 얻지 못하면 거기서 그칩니다.
                if outcome.as_ref().is_some_and(|found| more || (slept && found.is_err())) {
                    self.pass_on();
                }
                return outcome.transpose();
            }
            let nap = after(naps.next());
            let until = deadline.map_or(nap, |end| Some(nap.map_or(end, |nap| nap.min(end))));
            let _ = futex::wait(&self.count, Flags::empty(), seen, timeout(until).as_ref());
            slept = true;
        }
    }

    /// 다음을 깨우고, 그쪽도 다음을 깨우게 합니다.
    #[cold]
    fn pass_on(&self) {
        if self.unheard.fetch_add(2, SeqCst) == 0 {
            self.wake(1);
        }
    }
}

/// 오래 기다린 쪽에게 차례를 넘겨줍니다.
///
/// 락을 해제하자마자 다시 얻으려는 프로세스는, 방금 깨운 프로세스가 일어나기도 전에 또 얻습니다. 그래서 [`Turns::PATIENCE`]보다
/// 오래 기다린 쪽이 있으면, 해제한 쪽이 다른 프로세스가 얻을 때까지 잠깐 기다립니다. 경합이 짧으면(흔한 경우) 아무 일도 하지 않습니다.
/// 모두 알림일 뿐이므로, 기다리던 프로세스가 죽어도 해제하는 쪽이 몇 번 헛되이 기다리는 것으로 그칩니다.
#[derive(Debug, Default)]
pub struct Turns {
    /// 오래 기다리는 쪽의 수.
    impatient: AtomicU32,
    /// 오래 기다린 쪽이 얻을 때마다 바뀌는 값. 넘겨주는 쪽이 여기서 기다립니다.
    taken: AtomicU32,
    /// 넘겨주려 했지만 아무도 얻지 않은 횟수. 누가 얻으면 0이 됩니다.
    missed: AtomicU32,
}

impl Turns {
    /// 이보다 오래 기다리면 다음 차례를 넘겨받습니다.
    pub const PATIENCE: Duration = Duration::from_millis(1);
    /// 넘겨주려고 기다리는 시간의 한도. 바쁜 컴퓨터에서는 깨어난 쪽이 움직이는 데도 이만큼 걸립니다.
    const HANDING: Duration = Duration::from_millis(4);

    /// 이만큼 거듭 아무도 얻지 않으면, 기다리던 쪽이 모두 죽은 것으로 봅니다.
    const MISSES: u32 = 16;

    pub(crate) const fn new() -> Turns {
        Turns { impatient: AtomicU32::new(0), taken: AtomicU32::new(0), missed: AtomicU32::new(0) }
    }

    /// 오래 기다린다고 알립니다. 반환된 것이 사라질 때, 얻었거나 그만두었다고 알립니다.
    pub fn impatient(&self) -> Impatient<'_> {
        self.impatient.fetch_add(1, SeqCst);
        Impatient(self)
    }

    /// 해제한 *뒤에* 호출합니다. 오래 기다린 쪽이 있으면, 그쪽이 얻을 때까지(길어야 [`Turns::PATIENCE`]의 네 배) 기다립니다.
    #[inline]
    pub fn hand_over(&self) {
        if self.impatient.load(Relaxed) != 0 {
            self.wait_taken();
        }
    }

    #[cold]
    fn wait_taken(&self) {
        let seen = self.taken.load(SeqCst);
        if self.impatient.load(SeqCst) == 0 {
            return;
        }
        let until = timeout(after(Turns::HANDING));
        let waited = futex::wait(&self.taken, Flags::empty(), seen, until.as_ref());
        if waited != Err(Errno::TIMEDOUT) {
            self.missed.store(0, Relaxed);
        } else if self.missed.fetch_add(1, Relaxed) >= Turns::MISSES {
            // 기다리던 쪽이 죽었다면 수를 되돌릴 프로세스가 없습니다. 살아 있는 쪽은 표시가 지워져도 여느 때처럼 얻습니다.
            self.missed.store(0, Relaxed);
            self.impatient.store(0, SeqCst);
        }
    }
}

/// [`Turns::impatient`]가 반환하는 표시.
#[derive(Debug)]
pub struct Impatient<'a>(&'a Turns);

impl Drop for Impatient<'_> {
    fn drop(&mut self) {
        let _ = self.0.impatient.fetch_update(SeqCst, Relaxed, |count| count.checked_sub(1));
        self.0.taken.fetch_add(1, SeqCst);
        let _ = futex::wake(&self.0.taken, Flags::empty(), 1);
    }
}

/// 여럿 가운데 하나라도 준비될 때까지 기다려 그 위치(0부터)를 반환합니다. `timeout`이 먼저 지나면 `None`입니다.
///
/// 프로세스는 끝났을 때, 채널이나 파이프는 받을 것이 있거나 상대가 닫았을 때 준비됩니다. 이미 준비된 것이 있으면
/// 곧바로 반환합니다. 여럿이 함께 준비되어 있으면 돌아가며 하나를 고릅니다. 타입이 서로 다르면
/// `&[&a as &dyn AsFd, &b]`처럼 넘기십시오.
///
/// # Errors
///
/// 운영체제가 기다림을 거절하면 그 에러입니다.
pub fn wait_any<W: AsFd>(waits: &[W], timeout: Option<Duration>) -> io::Result<Option<usize>> {
    /// 지난번에 고른 것의 다음.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let ready = wait_all_ready(waits, timeout.and_then(after))?;
    let ready: Vec<usize> = (0..ready.len()).filter(|index| ready[*index]).collect();
    Ok(match ready.len() {
        0 => None,
        1 => Some(ready[0]),
        count => Some(ready[NEXT.fetch_add(1, Relaxed) % count]),
    })
}

/// 하나라도 준비될 때까지 기다려, 각각 준비되었는지 반환합니다. 제한 시간이 먼저 지나면 모두 `false`입니다.
///
/// # Errors
///
/// 운영체제가 기다림을 거절하면 그 에러입니다.
pub fn wait_all_ready<W: AsFd>(waits: &[W], deadline: Deadline) -> io::Result<Vec<bool>> {
    let mut fds: Vec<_> = waits.iter().map(|w| PollFd::new(w, PollFlags::IN)).collect();
    poll_until(&mut fds, deadline)?;
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// `fd`가 준비되거나 상대가 닫을 때까지 기다립니다. 제한 시간이 먼저 지나면 `false`입니다. 도중에 시그널이 와도 이어서 기다립니다.
///
/// # Errors
///
/// 운영체제가 기다림을 거절하면 그 에러입니다.
pub fn wait_ready(fd: impl AsFd, events: PollFlags, deadline: Deadline) -> io::Result<bool> {
    poll_until(&mut [PollFd::new(&fd, events)], deadline)
}

fn poll_until(fds: &mut [PollFd], deadline: Deadline) -> io::Result<bool> {
    loop {
        match poll(fds, timeout(deadline).as_ref()) {
            // 시그널이 쉴 새 없이 오면 언제나 EINTR입니다. 그래도 제한 시간은 지킵니다.
            Ok(0) | Err(Errno::INTR) if expired(deadline) => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            // poll(2)의 EINVAL은 하나뿐입니다: 기다리는 수가 열린 파일의 한도를 넘었습니다.
            Err(Errno::INVAL) => return Err(Errno::MFILE.into()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_waiters_are_forgotten_together() {
        let turns = Turns::new();
        for _ in 0..5 {
            std::mem::forget(turns.impatient()); // 기다리다 죽은 쪽.
        }
        let lives = turns.impatient();
        for _ in 0..=Turns::MISSES {
            turns.hand_over();
        }
        assert_eq!(turns.impatient.load(SeqCst), 0, "아직도 죽은 쪽에게 넘겨주려 합니다");
        drop(lives);
        assert_eq!(turns.impatient.load(SeqCst), 0, "지워진 표시를 한 번 더 뺐습니다");
    }
}
