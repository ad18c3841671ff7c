//! [`Lock`]: 여러 프로세스가 함께 쓰는 값과, 그 값을 지키는 락.

use std::cell::UnsafeCell;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use ipc_core::build::{Deadline, Mutex, MutexError, MutexGuard, Placed, after, hint};
pub use ipc_core::{Plain, plain};
use ipc_core::{Shared, debug_is_display};
use serde::{Deserialize, Serialize};

/// 여러 프로세스가 함께 쓰는 값 하나입니다. 락을 쥔 쪽만 값에 접근합니다.
///
/// 파이썬은 값(`Value`)과 락(`Lock`)이 따로라 락 없이도 값을 바꿀 수 있습니다. 여기서는 값이 락 안에 있어
/// 그런 코드가 컴파일되지 않습니다. `std::sync::Mutex`와는 두 가지가 다릅니다. 복제해 [`ipc_core::Process`]의
/// 인수로 건네면 다른 프로세스도 같은 값을 보고, 쥔 프로세스가 죽으면 다음 차례가
/// [`LockError::OwnerDied`]를 받습니다.
///
/// ```
/// let counter = lock::Lock::new(0)?;
/// *counter.acquire()? += 1;
/// assert_eq!(*counter.acquire()?, 1);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Lock<T: Plain> {
    state: Shared<State<T>>,
}

/// [`State::died`]의 값: 쥔 채 죽은 프로세스가 없습니다.
const NOBODY: u32 = 0;
/// [`State::died`]의 값: 쥐거나 놓는 찰나에 죽어 PID를 모릅니다.
const UNKNOWN: u32 = u32::MAX;

/// 공유 메모리에 놓이는 것.
struct State<T> {
    mutex: Mutex,
    /// 쥔 채 죽었고 아직 아무도 값을 고치지 않은 프로세스의 PID. 없으면 [`NOBODY`]. 락을 쥔 쪽만 고칩니다.
    died: AtomicU32,
    /// 다른 프로세스가 쓴 바이트이므로, 락을 획득할 때마다 올바른 값인지 확인합니다.
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: 뮤텍스와 아토믹은 어떤 바이트도 올바른 값이고, `MaybeUninit`도 그렇습니다. `T`는 `Plain`이라 포인터도 `Drop`도 없고 락도
// 들어 있지 않으므로 뮤텍스는 하나입니다. 락을 쥔 쪽만 `UnsafeCell`에 접근합니다.
unsafe impl<T: Plain> Placed for State<T> {
    fn mutexes_in(these: &[State<T>], visit: &mut dyn FnMut(&Mutex)) {
        these.iter().for_each(|state| visit(&state.mutex));
    }
}

// SAFETY: 뮤텍스가 한 번에 한 스레드만 값에 들여보냅니다. 값은 스레드를 오갈 수 있어야 합니다.
unsafe impl<T: Send> Sync for State<T> {}

impl<T: Plain + Send> Lock<T> {
    /// 처음 값이 `value`인 락을 만듭니다.
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라면 [`LockError::Create`].
    pub fn new(value: T) -> Result<Lock<T>, LockError> {
        let state = State {
            mutex: Mutex::new(),
            died: AtomicU32::new(NOBODY),
            value: UnsafeCell::new(MaybeUninit::new(value)),
        };
        Ok(Lock { state: Shared::new(state).map_err(LockError::Create)? })
    }

    /// 차례가 올 때까지 기다려 락을 획득합니다. 가드가 사라질 때(패닉으로도) 해제됩니다.
    ///
    /// # Errors
    ///
    /// 앞의 주인이 쥔 채 죽었으면 [`LockError::OwnerDied`], 이 스레드가 이미 쥐었으면 [`LockError::AlreadyHeld`], 다른 프로세스가
    /// 값을 망가뜨렸으면 [`LockError::Corrupted`]. 어느 때나 락은 획득하지 않은 채입니다.
    pub fn acquire(&self) -> Result<Guard<'_, T>, LockError> {
        self.acquire_until(None)
    }

    /// 지금 비어 있을 때만 획득합니다. 아니면 `Ok(None)`입니다.
    ///
    /// # Errors
    ///
    /// [`Lock::acquire`]와 같습니다.
    pub fn try_acquire(&self) -> Result<Option<Guard<'_, T>>, LockError> {
        match self.state.mutex.try_lock() {
            Err(MutexError::WouldBlock) => Ok(None),
            other => self.enter(other?)?.healthy().map(Some),
        }
    }

    /// `timeout`까지만 기다려 획득합니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`LockError::Timeout`]. 나머지는 [`Lock::acquire`]와 같습니다.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Guard<'_, T>, LockError> {
        self.acquire_until(after(timeout))
    }

    fn acquire_until(&self, deadline: Deadline) -> Result<Guard<'_, T>, LockError> {
        self.enter(self.state.mutex.lock(deadline)?)?.healthy()
    }

    /// 쥔 채 죽은 프로세스의 락을 넘겨받습니다. [`LockError::OwnerDied`]를 받은 뒤에 호출합니다. 차례를 기다립니다.
    ///
    /// 그사이 다른 프로세스가 이미 고쳤으면 [`OwnerDied::pid`]도 `None`이고 [`OwnerDied::is_repaired`]가 참입니다.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`]를 뺀 [`Lock::acquire`]의 에러입니다.
    pub fn recover(&self) -> Result<OwnerDied<'_, T>, LockError> {
        self.enter(self.state.mutex.lock(None)?)
    }

    /// 획득한 뒤에 할 일: 앞의 주인이 죽었는지 적고, 값을 확인합니다.
    fn enter<'a>(&'a self, held: MutexGuard<'a>) -> Result<OwnerDied<'a, T>, LockError> {
        if let Some(pid) = held.owner_died() {
            self.state.died.store(if pid == 0 { UNKNOWN } else { pid }, Relaxed);
        }
        // SAFETY: 락을 쥔 동안 `T`의 크기와 정렬을 갖춘 곳이고, 락을 지키는 쪽은 아무도 쓰지 않습니다.
        if !unsafe { T::is_valid(self.state.value.get().cast()) } {
            return Err(LockError::Corrupted);
        }
        let died = self.state.died.load(Relaxed);
        Ok(OwnerDied { guard: Guard { state: &self.state, _held: held }, died })
    }
}

impl<T: Plain> Clone for Lock<T> {
    /// 같은 값을 가리키는 핸들를 하나 더 만듭니다.
    fn clone(&self) -> Self {
        Lock { state: self.state.clone() }
    }
}

/// 락을 쥐고 있는 동안 값에 접근하게 해 줍니다. 사라질 때 락을 해제합니다.
#[must_use = "가드를 바로 버리면 락이 그 자리에서 해제됩니다. 변수에 담아 두십시오"]
pub struct Guard<'a, T: Plain> {
    state: &'a State<T>,
    /// 스레드를 떠나지 못하게 하고, 사라질 때 해제합니다.
    _held: MutexGuard<'a>,
}

impl<T: Plain> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: 가드가 있는 동안은 이 스레드만 값에 접근하고, 가드를 만들 때 올바른 값임을 확인했습니다.
        unsafe { (*self.state.value.get()).assume_init_ref() }
    }
}

impl<T: Plain> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: 위와 같고, `&mut self`이므로 빌린 참조가 하나뿐입니다.
        unsafe { (*self.state.value.get()).assume_init_mut() }
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Plain + fmt::Display> fmt::Display for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for OwnerDied<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerDied").field("pid", &self.pid()).field("value", &**self).finish()
    }
}

debug_is_display!(LockError);

/// 락을 만들거나 획득하지 못한 이유입니다.
///
/// 표준 라이브러리의 `PoisonError`와 달리 가드를 담지 않습니다. 가드는 스레드를 떠나지 못하므로, 담으면 `?`로 `Box<dyn Error>`나
/// `anyhow::Error`가 되지 못합니다. 죽은 프로세스의 락은 [`Lock::recover`]로 넘겨받습니다.
#[derive(thiserror::Error)]
pub enum LockError {
    /// 공유 메모리를 만들지 못했습니다.
    #[error("락을 만들지 못했습니다({0}). {hint}", hint = hint(.0))]
    Create(#[source] io::Error),
    /// 앞의 주인이 쥔 채 죽었습니다. 모르면 PID가 없습니다. 고칠 때까지 모두가 이 에러를 받습니다.
    #[error(
        "락을 쥔 {who} 죽었습니다. recover()로 넘겨받아, 값을 확인해 고친 뒤 repair()로 이어 쓰십시오",
        who = .pid.map_or("프로세스가".into(), |pid| format!("프로세스(PID {pid})가"))
    )]
    OwnerDied { pid: Option<u32> },
    /// 제한 시간이 지났습니다.
    #[error("제한 시간 안에 락을 획득하지 못했습니다. 더 기다리려면 다시 호출하십시오")]
    Timeout,
    /// 이 스레드가 이미 쥐고 있습니다. 기다리면 영원히 멈추므로 거절합니다.
    #[error("이 스레드가 이미 쥐고 있습니다. 앞의 가드를 먼저 놓으십시오")]
    AlreadyHeld,
    /// 값의 바이트가 그 타입의 올바른 값이 아닙니다.
    #[error(
        "락 안의 값이 망가졌습니다. unsafe 코드로 메모리를 잘못 쓴 프로세스가 있는지 확인하고, 락을 새로 만드십시오"
    )]
    Corrupted,
    /// 운영체제의 에러입니다.
    #[error("락을 획득하지 못했습니다: {0}")]
    Mutex(MutexError),
}

impl From<MutexError> for LockError {
    fn from(error: MutexError) -> Self {
        match error {
            MutexError::Timeout => LockError::Timeout,
            MutexError::AlreadyHeld => LockError::AlreadyHeld,
            other => LockError::Mutex(other),
        }
    }
}

/// 주인이 죽은 락을 넘겨받은 것. 값을 확인하고 고친 뒤 [`OwnerDied::repair`]로 이어 쓸 수 있습니다.
///
/// 그대로 버리면 락이 해제되고, 다음 차례도 [`LockError::OwnerDied`]를 받습니다.
#[must_use = "버리면 고치지 않은 채 락이 해제됩니다. repair로 가드를 받으십시오"]
pub struct OwnerDied<'a, T: Plain> {
    guard: Guard<'a, T>,
    /// [`State::died`]의 값.
    died: u32,
}

impl<'a, T: Plain> OwnerDied<'a, T> {
    /// 죽은 프로세스의 PID. 모르거나 아무도 죽지 않았으면 `None`입니다.
    pub fn pid(&self) -> Option<u32> {
        Some(self.died).filter(|pid| ![NOBODY, UNKNOWN].contains(pid))
    }

    /// 쥔 채 죽은 프로세스가 없거나, 다른 프로세스가 이미 고쳤는지 봅니다.
    pub fn is_repaired(&self) -> bool {
        self.died == NOBODY
    }

    /// 가드를 넘겨받습니다. 이 뒤로는 아무도 [`LockError::OwnerDied`]를 받지 않으므로, 값을 먼저 확인하십시오.
    pub fn repair(self) -> Guard<'a, T> {
        self.guard.state.died.store(NOBODY, Relaxed);
        self.guard
    }

    fn healthy(self) -> Result<Guard<'a, T>, LockError> {
        if self.is_repaired() {
            Ok(self.guard)
        } else {
            Err(LockError::OwnerDied { pid: self.pid() })
        }
    }
}

/// 고치기 전에 값을 들여다봅니다.
impl<T: Plain> Deref for OwnerDied<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}
