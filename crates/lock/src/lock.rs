//! [`Lock`]: 여러 프로세스가 함께 쓰는 값과, 그 값을 지키는 락.

use std::cell::UnsafeCell;
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use ipc_core::futex::{Deadline, after};
use ipc_core::{Mutex, MutexGuard, Shared, hint};
pub use ipc_core::{MutexError, Plain};
use serde::{Deserialize, Serialize};

/// 여러 프로세스가 함께 쓰는 값 하나입니다. 락을 쥔 쪽만 값에 닿습니다.
///
/// 파이썬은 값(`Value`)과 락(`Lock`)이 따로라 락 없이도 값을 바꿀 수 있습니다. 여기서는 값이 락 안에 있어
/// 그런 코드가 컴파일되지 않습니다. `std::sync::Mutex`와는 두 가지가 다릅니다. 복제해 [`ipc_core::Process`]의
/// 인수로 건네면 다른 프로세스도 같은 값을 보고, 쥔 프로세스가 죽으면 다음 차례가
/// [`AcquireError::OwnerDied`]를 받습니다.
///
/// ```
/// let counter = lock::Lock::new(0)?;
/// *counter.acquire()? += 1;
/// assert_eq!(*counter.acquire()?, 1);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Serialize, Deserialize)]
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
    value: UnsafeCell<T>,
}

// SAFETY: 값은 `Plain`이고, 락을 쥔 쪽만 `UnsafeCell`에 닿습니다.
unsafe impl<T: Plain> Plain for State<T> {
    const LOCKS: bool = true;

    fn placed(&self) -> io::Result<()> {
        self.mutex.placed()
    }

    fn pinned(&self) -> bool {
        self.mutex.pinned()
    }
}

// SAFETY: 뮤텍스가 한 번에 한 스레드만 값에 들여보냅니다. 값은 스레드를 오갈 수 있어야 합니다.
unsafe impl<T: Send> Sync for State<T> {}

impl<T: Plain + Send> Lock<T> {
    /// 처음 값이 `value`인 락을 만듭니다.
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라면 운영체제의 에러입니다.
    pub fn new(value: T) -> io::Result<Lock<T>> {
        let state = State {
            mutex: Mutex::new(),
            died: AtomicU32::new(NOBODY),
            value: UnsafeCell::new(value),
        };
        let state = Shared::new(state).map_err(|error| {
            let hint = hint(&error);
            io::Error::new(error.kind(), format!("락을 만들지 못했습니다({error}). {hint}"))
        })?;
        Ok(Lock { state })
    }

    /// 차례가 올 때까지 기다려 락을 획득합니다. 가드가 사라질 때(패닉으로도) 해제됩니다.
    ///
    /// # Errors
    ///
    /// 앞의 주인이 쥔 채 죽었으면 [`AcquireError::OwnerDied`], 이 스레드가 이미 쥐었으면
    /// [`AcquireError::Mutex`].
    pub fn acquire(&self) -> Result<Guard<'_, T>, AcquireError<'_, T>> {
        self.acquire_until(None)
    }

    /// 지금 비어 있을 때만 획득합니다. 아니면 `Ok(None)`입니다.
    ///
    /// # Errors
    ///
    /// [`Lock::acquire`]와 같습니다.
    pub fn try_acquire(&self) -> Result<Option<Guard<'_, T>>, AcquireError<'_, T>> {
        match self.state.mutex.try_lock() {
            Err(MutexError::WouldBlock) => Ok(None),
            other => self.enter(other?).map(Some),
        }
    }

    /// `timeout`까지만 기다려 획득합니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`MutexError::Timeout`]이 담긴 [`AcquireError::Mutex`]. 나머지는 [`Lock::acquire`]와 같습니다.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Guard<'_, T>, AcquireError<'_, T>> {
        self.acquire_until(after(timeout))
    }

    fn acquire_until(&self, deadline: Deadline) -> Result<Guard<'_, T>, AcquireError<'_, T>> {
        self.enter(self.state.mutex.lock(deadline)?)
    }

    fn enter<'a>(&'a self, held: MutexGuard<'a>) -> Result<Guard<'a, T>, AcquireError<'a, T>> {
        if let Some(pid) = held.owner_died() {
            self.state.died.store(if pid == 0 { UNKNOWN } else { pid }, Relaxed);
        }
        let guard = Guard { state: &self.state, _held: held };
        match self.state.died.load(Relaxed) {
            NOBODY => Ok(guard),
            UNKNOWN => Err(AcquireError::OwnerDied(OwnerDied { guard, pid: None })),
            pid => Err(AcquireError::OwnerDied(OwnerDied { guard, pid: Some(pid) })),
        }
    }
}

impl<T: Plain> Clone for Lock<T> {
    /// 같은 값을 가리키는 손잡이를 하나 더 만듭니다.
    fn clone(&self) -> Self {
        Lock { state: self.state.clone() }
    }
}

/// 락을 쥐고 있는 동안 값에 닿게 해 줍니다. 사라질 때 락을 해제합니다.
#[must_use = "가드를 바로 버리면 락이 그 자리에서 해제됩니다. 변수에 담아 두십시오"]
pub struct Guard<'a, T: Plain> {
    state: &'a State<T>,
    /// 스레드를 떠나지 못하게 하고, 사라질 때 해제합니다.
    _held: MutexGuard<'a>,
}

impl<T: Plain> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: 가드가 있는 동안은 이 스레드만 값에 닿습니다.
        unsafe { &*self.state.value.get() }
    }
}

impl<T: Plain> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: 위와 같고, `&mut self`이므로 빌린 참조가 하나뿐입니다.
        unsafe { &mut *self.state.value.get() }
    }
}

/// 락을 획득하지 못했거나, 획득했지만 값을 믿을 수 없는 까닭입니다.
///
/// 가드를 돌려주므로 `std::error::Error`는 아니지만, `?`로 `anyhow::Error`가 됩니다.
pub enum AcquireError<'a, T: Plain> {
    /// 앞의 주인이 쥔 채 죽었습니다. 락은 지금 여기에 있습니다.
    OwnerDied(OwnerDied<'a, T>),
    /// 획득하지 못했습니다.
    Mutex(MutexError),
}

/// 주인이 죽은 락. 값을 확인하고 고친 뒤 [`OwnerDied::repair`]로 이어 쓸 수 있습니다.
///
/// 그대로 버리면 락이 해제되고, 다음 차례도 같은 에러를 받습니다.
pub struct OwnerDied<'a, T: Plain> {
    guard: Guard<'a, T>,
    /// 죽은 프로세스의 PID. 모르면 `None`.
    pub pid: Option<u32>,
}

impl<'a, T: Plain> OwnerDied<'a, T> {
    /// 가드를 넘겨받습니다. 이 뒤로는 아무도 [`AcquireError::OwnerDied`]를 받지 않으므로, 값을 먼저 확인하십시오.
    pub fn repair(self) -> Guard<'a, T> {
        self.guard.state.died.store(NOBODY, Relaxed);
        self.guard
    }
}

/// 고치기 전에 값을 들여다봅니다.
impl<T: Plain> Deref for OwnerDied<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: Plain> From<MutexError> for AcquireError<'_, T> {
    fn from(error: MutexError) -> Self {
        AcquireError::Mutex(error)
    }
}

impl<T: Plain> From<AcquireError<'_, T>> for anyhow::Error {
    fn from(error: AcquireError<'_, T>) -> Self {
        anyhow::Error::msg(error.to_string())
    }
}

impl<T: Plain> fmt::Display for AcquireError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcquireError::OwnerDied(OwnerDied { pid, .. }) => {
                let who =
                    pid.map_or("프로세스가".into(), |pid| format!("프로세스(PID {pid})가"));
                write!(f, "락을 쥔 {who} 죽었습니다. 값을 확인해 고친 뒤 repair()로 이어 쓰십시오")
            }
            AcquireError::Mutex(error) => write!(f, "락을 획득하지 못했습니다: {error}"),
        }
    }
}

impl<T: Plain> fmt::Debug for AcquireError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
