//! [`Lock`]: 여러 프로세스가 함께 쓰는 값과, 그 값을 지키는 락입니다.

mod contents;
mod error;

use std::fmt;
use std::io;
use std::iter;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

pub use contents::Contents;
use contents::Place;
pub use error::LockError;
use ipc_core::Shared;
use ipc_core::build::{
    Deadline, Mutex, MutexError, MutexGuard, Open, Placed, SpanKind, What, after, begin, waiting,
};
pub use ipc_core::{Plain, plain};
use serde::{Deserialize, Serialize};

/// 여러 프로세스가 함께 쓰는 값 하나입니다. 락을 쥔 쪽만 값에 접근합니다.
///
/// 파이썬에서는 락을 획득하지 않고도 값(`Value`)을 바꿀 수 있습니다. 여기서는 값이 락 안에 있어 그런 코드가
/// 컴파일되지 않습니다. `std::sync::Mutex`와는 두 가지가 다릅니다. 복제해 [`Process`](ipc_core::Process)의
/// 인수로 건네면 다른 프로세스도 같은 값을 보고, 쥔 프로세스가 죽으면 다음 차례가
/// [`LockError::OwnerDied`]를 받습니다.
///
/// ```
/// let counter = lock::Lock::new(0)?;
/// *counter.acquire()? += 1;
/// assert_eq!(*counter.acquire()?, 1);
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Lock<T: Contents + ?Sized> {
    state: Shared<State, Place<T::Item>>,
}

/// [`State::died`]의 값: 쥔 채 죽은 프로세스가 없습니다.
const NOBODY: u32 = 0;
/// [`State::died`]의 값: 획득하거나 해제하는 찰나에 죽어 PID를 모릅니다.
const UNKNOWN: u32 = u32::MAX;

/// 공유 메모리에 놓이는 것. 뒤에 값([`Place`])이 하나, 또는 슬라이스의 길이만큼 이어집니다.
struct State {
    mutex: Mutex,
    /// 쥔 채 죽었고 아직 아무도 값을 고치지 않은 프로세스의 PID. 없으면 [`NOBODY`]. 락을 쥔 쪽만 고칩니다.
    died: AtomicU32,
}

// SAFETY: 뮤텍스와 아토믹은 어떤 바이트도 올바른 값이고, 뮤텍스는 하나입니다.
unsafe impl Placed for State {
    fn mutexes_in(these: &[State], visit: &mut dyn FnMut(&Mutex)) {
        these.iter().for_each(|state| visit(&state.mutex));
    }
}

impl<T: Plain + Send> Lock<T> {
    /// 처음 값이 `value`인 락을 만듭니다.
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라면 [`LockError::Create`].
    pub fn new(value: T) -> Result<Lock<T>, LockError> {
        Lock::filled(1, iter::once(value))
    }
}

impl<T: Plain + Send> Lock<[T]> {
    /// `value`가 `len`개인 락을 만듭니다. 파이썬의 `Array('d', len)`에 해당합니다.
    ///
    /// 스택을 거치지 않고 공유 메모리에 바로 씁니다. `bool`이나 `char`, `plain!`의 열거형처럼 올바르지 않은 바이트가 있는 원소는
    /// 락을 획득할 때마다 모두 확인하므로 길이만큼 시간이 걸립니다. 수는 그렇지 않습니다.
    ///
    /// ```
    /// let samples = lock::Lock::with_len(2_000_000, 0.0)?;
    /// samples.acquire()?[1_999_999] = 0.5;
    /// assert_eq!(samples.acquire()?.iter().sum::<f64>(), 0.5);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라면 [`LockError::Create`].
    pub fn with_len(len: usize, value: T) -> Result<Lock<[T]>, LockError>
    where
        T: Clone,
    {
        Lock::filled(len, iter::repeat_n(value, len))
    }

    /// `items`를 차례로 담은 락을 만듭니다. `Vec`, 배열, 범위처럼 길이를 아는 것이면 됩니다.
    ///
    /// ```
    /// let squares = lock::Lock::from_items((0..5).map(|n| n * n))?;
    /// assert_eq!(squares.acquire()?[..], [0, 1, 4, 9, 16]);
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라거나, 반복자가 스스로 알린 길이보다 일찍 끝나면 [`LockError::Create`].
    pub fn from_items<I>(items: I) -> Result<Lock<[T]>, LockError>
    where
        I: IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    {
        let items = items.into_iter();
        Lock::filled(items.len(), items)
    }
}

impl<T: Contents + ?Sized> Lock<T>
where
    T::Item: Send,
{
    /// `items`의 앞 `len`개를 제자리에 쓴 락.
    fn filled(len: usize, mut items: impl Iterator<Item = T::Item>) -> Result<Self, LockError> {
        let state = State { mutex: Mutex::new(), died: AtomicU32::new(NOBODY) };
        let state: Shared<_, Place<T::Item>> =
            Shared::with_tail(state, len).map_err(LockError::Create)?;
        for place in state.tail() {
            let item = items.next().ok_or_else(|| {
                LockError::Create(io::Error::other("반복자가 알린 길이보다 일찍 끝났습니다"))
            })?;
            // SAFETY: 방금 만들어 아직 아무도 보지 못하는 곳이므로, 다른 참조가 없습니다.
            unsafe { place.0.get().write(MaybeUninit::new(item)) };
        }
        Ok(Lock { state })
    }

    /// 차례가 올 때까지 기다려 락을 획득합니다. 가드가 사라질 때(패닉으로도) 해제됩니다.
    ///
    /// # Errors
    ///
    /// 앞의 주인이 쥔 채 죽었으면 [`LockError::OwnerDied`], 이 스레드가 이미 쥐었으면 [`LockError::AlreadyHeld`], 다른 프로세스가
    /// 값을 망가뜨렸으면 [`LockError::Corrupted`]. 어느 때나 락은 획득하지 않은 채입니다.
    #[inline]
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

    #[inline]
    fn acquire_until(&self, deadline: Deadline) -> Result<Guard<'_, T>, LockError> {
        self.enter(self.lock(deadline)?)?.healthy()
    }

    /// 쥔 채 죽은 프로세스의 락을 넘겨받습니다. [`LockError::OwnerDied`]를 받은 뒤에 호출합니다. 차례를 기다립니다.
    ///
    /// 그사이 다른 프로세스가 이미 고쳤으면 [`OwnerDied::pid`]도 `None`이고 [`OwnerDied::is_repaired`]가 참입니다.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`]를 뺀 [`Lock::acquire`]의 에러입니다.
    pub fn recover(&self) -> Result<OwnerDied<'_, T>, LockError> {
        self.enter(self.lock(None)?)
    }

    #[inline]
    fn lock(&self, deadline: Deadline) -> Result<MutexGuard<'_>, MutexError> {
        waiting(SpanKind::Lock, || self.state.id(), || self.state.mutex.lock(deadline))
    }

    /// 획득한 뒤에 할 일: 앞의 주인이 죽었는지 적고, 값을 확인합니다.
    #[inline]
    fn enter<'a>(&'a self, held: MutexGuard<'a>) -> Result<OwnerDied<'a, T>, LockError> {
        if let Some(pid) = held.owner_died() {
            self.state.died.store(if pid == 0 { UNKNOWN } else { pid }, Relaxed);
        }
        let holding = begin(What::Hold, SpanKind::Lock, 1, || self.state.id());
        let places = self.state.tail();
        // SAFETY: 락을 쥔 동안 원소의 크기와 정렬을 갖춘 곳이고, 락을 지키는 쪽은 아무도 쓰지 않습니다.
        let valid = |place: &Place<T::Item>| unsafe { T::Item::is_valid(place.0.get().cast()) };
        if !T::Item::ANY_BYTES && !places.iter().all(valid) {
            return Err(LockError::Corrupted);
        }
        let Some(value) = T::view(places) else { return Err(LockError::Corrupted) };
        let died = self.state.died.load(Relaxed);
        let guard = Guard { state: &self.state, value, _holding: holding, _held: held };
        Ok(OwnerDied { guard, died })
    }
}

impl<T: Contents + ?Sized> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lock({})", std::any::type_name::<T>())
    }
}

impl<T: Contents + ?Sized> Clone for Lock<T> {
    /// 같은 값을 가리키는 핸들을 하나 더 만듭니다.
    fn clone(&self) -> Self {
        Lock { state: self.state.clone() }
    }
}

/// 락을 쥐고 있는 동안 값에 접근하게 해 줍니다. 사라질 때 락을 해제합니다.
#[must_use = "가드를 바로 버리면 락이 그 자리에서 해제됩니다. 변수에 담아 두십시오"]
pub struct Guard<'a, T: Contents + ?Sized> {
    state: &'a State,
    /// 공유 메모리에 놓인 값. 확인을 마쳤습니다.
    value: NonNull<T>,
    /// `_held`보다 먼저 사라집니다. 해제하기 전에 끝나야 합니다.
    _holding: Open,
    /// 스레드를 떠나지 못하게 하고, 사라질 때 해제합니다.
    _held: MutexGuard<'a>,
}

impl<T: Contents + ?Sized> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: 가드가 빌린 공유 메모리 안의 값입니다. 가드가 있는 동안은 이 스레드만 접근하고, 만들 때 올바른 값임을 확인했습니다.
        unsafe { self.value.as_ref() }
    }
}

impl<T: Contents + ?Sized> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: 위와 같고, `&mut self`이므로 빌린 참조가 하나뿐입니다.
        unsafe { self.value.as_mut() }
    }
}

impl<T: Contents + fmt::Debug + ?Sized> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Contents + fmt::Display + ?Sized> fmt::Display for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Contents + fmt::Debug + ?Sized> fmt::Debug for OwnerDied<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerDied").field("pid", &self.pid()).field("value", &&**self).finish()
    }
}

/// 주인이 죽은 락을 넘겨받은 것. 값을 확인하고 고친 뒤 [`OwnerDied::repair`]로 이어 쓸 수 있습니다.
///
/// 그대로 버리면 락이 해제되고, 다음 차례도 [`LockError::OwnerDied`]를 받습니다.
#[must_use = "버리면 고치지 않은 채 락이 해제됩니다. repair로 가드를 받으십시오"]
pub struct OwnerDied<'a, T: Contents + ?Sized> {
    guard: Guard<'a, T>,
    /// [`State::died`]의 값.
    died: u32,
}

impl<'a, T: Contents + ?Sized> OwnerDied<'a, T> {
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

    #[inline]
    fn healthy(self) -> Result<Guard<'a, T>, LockError> {
        if self.is_repaired() {
            Ok(self.guard)
        } else {
            Err(LockError::OwnerDied { pid: self.pid() })
        }
    }
}

/// 고치기 전에 값을 들여다봅니다.
impl<T: Contents + ?Sized> Deref for OwnerDied<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}
