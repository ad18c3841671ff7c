//! 차례(take turns): 한 번에 한 프로세스만 들어갑니다.
//!
//! [`Mutex`]는 공유 메모리에 놓는 `pthread_mutex_t`이며, 세 가지 속성을 켭니다.
//!
//! - `PTHREAD_PROCESS_SHARED`: 다른 프로세스와 함께 씁니다.
//! - `PTHREAD_MUTEX_ROBUST`: 쥔 채 죽은 주인을 커널이 알아채고 다음 차례에게 알립니다.
//! - `PTHREAD_MUTEX_ERRORCHECK`: 같은 스레드가 두 번 쥐면 멈추지 않고 에러가 됩니다.
//!
//! `std::sync::Mutex`는 프로세스 전용 퓨텍스로 기다리고, `parking_lot::Mutex`는 기다리는 스레드의 명단을 자기 프로세스의
//! 메모리에 둡니다. 그래서 둘 다 공유 메모리에 두면 다른 프로세스를 깨우지 못해 멈춥니다. `sem_t`와 `pthread_cond_t`는
//! 공유할 수 있지만 로버스트하지 않습니다.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use rustix::io::Errno;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::awake::Awake;
use crate::clocklock::pthread_mutex_clocklock;
use crate::error::debug_is_display;
use crate::wait::{Deadline, Naps, Turns, expired, remaining};

/// 스레드 하나가 한꺼번에 쥘 수 있는 로버스트 뮤텍스의 수. 쥔 채 죽었을 때 커널이 해제해 주는 수(`ROBUST_LIST_LIMIT`)입니다.
const HELD_MAX: usize = 2048;

/// 어느 프로세스였는지 모르는 앞의 주인. PID가 될 수 없는 수입니다.
const UNKNOWN: NonZeroU32 = NonZeroU32::MAX;

thread_local! {
    /// 이 스레드가 쥐고 있는 뮤텍스의 수.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

debug_is_display!(MutexError);

/// 뮤텍스를 얻지 못한 이유입니다.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MutexError {
    /// 다른 스레드나 프로세스가 쥐고 있습니다(`try_lock`).
    #[error("다른 스레드나 프로세스가 쥐고 있습니다")]
    WouldBlock,
    /// 제한 시간이 지났습니다.
    #[error("제한 시간 안에 차례가 오지 않았습니다. 더 기다리려면 다시 호출하십시오")]
    Timeout,
    /// 이 스레드가 이미 쥐고 있습니다. 기다리면 영원히 멈추므로 거절합니다.
    #[error("이 스레드가 이미 쥐고 있습니다. 앞의 가드를 먼저 drop하십시오")]
    AlreadyHeld,
    /// 이 스레드가 너무 많이 쥐고 있습니다. 더 쥐면, 쥔 채 죽었을 때 커널이 모두 해제하지는 못합니다.
    #[error(
        "스레드 하나가 락과 허가를 {HELD_MAX}개까지만 쥘 수 있습니다. 앞의 것을 먼저 drop하십시오"
    )]
    TooManyHeld,
    /// 운영체제의 에러입니다. 다른 프로세스가 공유 메모리를 망가뜨린 때에도 그렇습니다.
    #[error("운영체제가 뮤텍스를 거절했습니다({0})")]
    Os(Errno),
}

/// 여러 프로세스가 함께 쓰는 로버스트 뮤텍스입니다. 데이터는 갖지 않습니다.
///
/// [`Shared`](crate::Shared)에 놓인 뒤에야 위의 세 속성을 갖습니다. 데이터를 지키는 안전한 락은 이것으로 만듭니다.
#[repr(C)]
pub struct Mutex {
    raw: UnsafeCell<libc::pthread_mutex_t>,
    /// 쥔 프로세스의 PID. 비었으면 0. 쥔 쪽만 고칩니다.
    holder: AtomicU32,
    /// 오래 기다린 쪽에게 차례를 넘겨줍니다.
    turns: Turns,
}

// SAFETY: pthread 뮤텍스는 여러 스레드가 함께 호출하도록 만든 것이고, 나머지는 아토믹입니다.
unsafe impl Sync for Mutex {}
// SAFETY: 잠기지 않은 뮤텍스에는 만든 스레드에 매인 것이 없습니다.
unsafe impl Send for Mutex {}

/// 이 프로세스의 PID. `getpid`는 시스템 호출이므로 한 번만 호출합니다.
static OWN_PID: LazyLock<u32> = LazyLock::new(std::process::id);

impl Mutex {
    /// [`Shared`](crate::Shared)에 놓을 값.
    pub const fn new() -> Mutex {
        Mutex {
            raw: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            holder: AtomicU32::new(0),
            turns: Turns::new(),
        }
    }

    /// 위의 세 속성을 켭니다.
    ///
    /// # Safety
    ///
    /// 공유 메모리에 놓인 바로 뒤, 다른 프로세스가 보기 전에 한 번만 호출합니다.
    pub(crate) unsafe fn initialize(&self) -> io::Result<()> {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: 첫 호출이 속성을 초기화하고, 다음 셋이 바꾸고, 마지막이 씁니다. 뮤텍스는 호출한 쪽이 보장하듯이
        // 아직 아무도 보지 못합니다. 리눅스에서 이 호출들은 메모리를 얻지 않고, 알려진 값으로는 실패하지 않습니다.
        let codes = unsafe {
            [
                libc::pthread_mutexattr_init(attributes),
                libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED),
                libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST),
                libc::pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_ERRORCHECK),
                libc::pthread_mutex_init(self.raw.get(), attributes),
            ]
        };
        match codes.into_iter().find(|code| *code != 0) {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(()),
        }
    }

    /// 이 프로세스의 스레드가 쥐고 있는지 봅니다.
    pub(crate) fn held_here(&self) -> bool {
        self.holder.load(Relaxed) == *OWN_PID
    }

    /// 차례가 올 때까지, 제한 시간이 있으면 그때까지만 기다립니다.
    ///
    /// # Errors
    ///
    /// [`MutexError::Timeout`], 이 스레드가 이미 쥐었으면 [`MutexError::AlreadyHeld`].
    #[inline]
    pub fn lock(&self, deadline: Deadline) -> Result<MutexGuard<'_>, MutexError> {
        // SAFETY: 뮤텍스는 빌린 동안 제자리에 있고, pthread가 상호 배제를 맡습니다.
        match unsafe { libc::pthread_mutex_trylock(self.raw.get()) } {
            libc::EBUSY => self.wait(deadline),
            code => self.enter(code),
        }
    }

    /// 차례를 기다립니다. 가끔([`Naps`]) 깨어나 스스로 살펴봅니다.
    ///
    /// glibc는 해제할 때 기다리는 쪽 하나만 깨웁니다. 깨어난 쪽이 획득하기 전에 죽고 그 사이 다른 쪽이 획득했다 해제하면,
    /// 커널도 glibc도 그다음에 기다리는 쪽을 깨우지 않습니다. 그런 쪽도 이 간격만큼만 늦습니다.
    #[cold]
    fn wait(&self, deadline: Deadline) -> Result<MutexGuard<'_>, MutexError> {
        // 잠들기 전에 잠깐 깨어서 다시 해 봅니다. 쥔 쪽이 곧 놓는 흔한 경우에 양쪽의 커널 호출을 아낍니다.
        let mut awake = Awake::start();
        while !expired(deadline) && awake.pause() {
            // SAFETY: 뮤텍스는 빌린 동안 제자리에 있습니다.
            match unsafe { libc::pthread_mutex_trylock(self.raw.get()) } {
                libc::EBUSY => {}
                code => return self.enter(code),
            }
        }
        let (mut impatient, mut naps) = (None, Naps::new());
        loop {
            let nap = if impatient.is_none() { Turns::PATIENCE } else { naps.next() };
            let nap = remaining(deadline).map_or(nap, |left| left.min(nap));
            let until =
                clock_gettime(ClockId::Monotonic) + Timespec::try_from(nap).unwrap_or_default();
            // SAFETY: 뮤텍스는 빌린 동안 제자리에 있고, `until`은 이 호출보다 오래 삽니다.
            match unsafe { pthread_mutex_clocklock(self.raw.get(), libc::CLOCK_MONOTONIC, &until) }
            {
                libc::ETIMEDOUT if !expired(deadline) => {
                    // 앞의 표시를 지운 다음 다시 알립니다. 넘겨주려던 쪽이 수를 줄였을 수 있습니다.
                    drop(impatient.take());
                    impatient = Some(self.turns.impatient());
                }
                code => return self.enter(code),
            }
        }
    }

    /// 지금 비어 있을 때만 쥡니다.
    ///
    /// # Errors
    ///
    /// 다른 쪽이(같은 스레드라도) 쥐고 있으면 [`MutexError::WouldBlock`].
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_>, MutexError> {
        // SAFETY: 뮤텍스는 빌린 동안 제자리에 있습니다.
        match unsafe { libc::pthread_mutex_trylock(self.raw.get()) } {
            libc::EDEADLK => Err(MutexError::WouldBlock),
            code => self.enter(code),
        }
    }

    /// 지금 쥔 프로세스의 PID. 비었으면 `None`입니다. 반환된 뒤에는 이미 바뀌었을 수 있습니다.
    ///
    /// 쥔 채 죽은 프로세스는 다음 차례가 올 때까지 남아 있습니다. 비었으면, 앞의 주인이 쥔 동안 한 일이 이 뒤로 모두 보입니다.
    pub fn holder(&self) -> Option<u32> {
        Some(self.holder.load(Acquire)).filter(|pid| *pid != 0)
    }

    /// 쥔 스레드만 호출합니다.
    ///
    /// 인라인하지 않습니다. 그래야 가드와 가드를 담은 타입을 버리는 코드가 작아, 그쪽이 어디서나 인라인되고 가드가 레지스터에 머뭅니다.
    #[inline(never)]
    fn unlock(&self) {
        HELD.set(HELD.get() - 1);
        self.holder.store(0, Release);
        // SAFETY: 가드가 있다는 것은 이 스레드가 쥐고 있다는 뜻입니다.
        unsafe { libc::pthread_mutex_unlock(self.raw.get()) };
        self.turns.hand_over();
    }

    #[inline]
    fn enter(&self, code: libc::c_int) -> Result<MutexGuard<'_>, MutexError> {
        let owner_died = match code {
            0 => None,
            libc::EOWNERDEAD => {
                // SAFETY: `EOWNERDEAD`는 이 스레드가 쥐었다는 뜻입니다. 데이터를 고칠지는 호출한 쪽이 정합니다.
                unsafe { libc::pthread_mutex_consistent(self.raw.get()) };
                Some(NonZeroU32::new(self.holder.load(Relaxed)).unwrap_or(UNKNOWN))
            }
            libc::EBUSY => return Err(MutexError::WouldBlock),
            libc::ETIMEDOUT => return Err(MutexError::Timeout),
            libc::EDEADLK => return Err(MutexError::AlreadyHeld),
            other => return Err(MutexError::Os(Errno::from_raw_os_error(other))),
        };
        self.holder.store(*OWN_PID, Relaxed);
        HELD.set(HELD.get() + 1);
        let guard = MutexGuard { mutex: self, owner_died, stays_on_thread: PhantomData };
        if HELD.get() > HELD_MAX {
            return Err(MutexError::TooManyHeld); // 가드가 사라지며 도로 해제됩니다.
        }
        Ok(guard)
    }
}

impl Default for Mutex {
    fn default() -> Self {
        Mutex::new()
    }
}

impl fmt::Debug for Mutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutex(쥔 프로세스 {:?})", self.holder())
    }
}

/// 뮤텍스를 쥐고 있음을 나타내는 가드. 사라질 때 해제되며, 쥔 스레드 밖으로 옮길 수 없습니다.
#[must_use = "가드를 바로 버리면 그 자리에서 해제됩니다"]
#[derive(Debug)]
pub struct MutexGuard<'a> {
    mutex: &'a Mutex,
    /// 쥔 채 죽은 앞의 주인. 모르면 [`UNKNOWN`]입니다.
    owner_died: Option<NonZeroU32>,
    stays_on_thread: PhantomData<*const ()>,
}

impl MutexGuard<'_> {
    /// 앞의 주인이 쥔 채 죽었으면 그 PID. 획득하거나 해제하는 찰나에 죽어 알 수 없으면 0입니다.
    pub fn owner_died(&self) -> Option<u32> {
        self.owner_died.map(|pid| if pid == UNKNOWN { 0 } else { pid.get() })
    }
}

impl Drop for MutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}
