//! [`Semaphore`]: 한 번에 정해진 수의 프로세스만 들어가게 합니다.
//!
//! # 자리마다 로버스트 뮤텍스 하나
//!
//! 남은 자리의 *수*를 세는 세마포어(파이썬, `sem_t`)는 허가를 쥔 프로세스가 죽으면 그 자리를 영원히 잃습니다.
//! 수를 되돌릴 프로세스가 없기 때문입니다. 여기서는 수를 세지 않습니다. 자리 하나가 뮤텍스 하나이고, 누가 어느
//! 자리에 있는지 커널이 압니다. 쥔 프로세스가 죽은 자리는 다음 프로세스가 그대로 넘겨받습니다.
//!
//! 자리가 모두 찼을 때는 퓨텍스에서 잠듭니다. 퓨텍스 값은 "자리를 다시 살펴보라"는 알림일 뿐입니다. 죽은
//! 프로세스는 알림을 남기지 못하므로, 잠든 쪽은 가끔([`RECHECK`](ipc_core::build::RECHECK)) 스스로 다시 살펴봅니다.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use ipc_core::build::{
    Deadline, EventCount, Mutex, MutexError, MutexGuard, Open, Placed, SpanKind, Turns, What,
    after, begin, expired, hint, waiting,
};
use ipc_core::{Shared, debug_is_display};
use serde::{Deserialize, Serialize};

/// 자리의 최대 수. 스레드 하나가 쥔 채 죽었을 때 커널이 해제해 주는 뮤텍스의 수(`ROBUST_LIST_LIMIT`)입니다.
pub const MAX_PLACES: usize = 2048;

/// 정해진 수의 프로세스만 동시에 들여보내는 세마포어입니다.
///
/// 스레드의 세마포어와 달리 복제해 [`Process`](ipc_core::Process)의 인수로 건네면 다른 프로세스와 함께 씁니다. 파이썬과
/// 달리 허가는 값([`Permit`])이어서 반납을 잊거나 두 번 반납할 수 없고, 쥔 프로세스가 죽어도 자리가
/// 반납됩니다.
///
/// ```
/// let semaphore = semaphore::Semaphore::new(2)?;
/// let first = semaphore.acquire()?;
/// let second = semaphore.acquire()?;
/// assert!(semaphore.try_acquire()?.is_none());
/// drop(first);
/// assert!(semaphore.try_acquire()?.is_some());
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Semaphore {
    /// 앞부분은 알림용 상태, 뒷부분은 자리마다 하나씩인 뮤텍스 배열입니다.
    door: Shared<Door, Mutex>,
}

/// 자리를 찾거나 기다릴 때 쓰는 알림. 어느 것도 자리의 수를 정하지 않습니다.
#[derive(Default)]
struct Door {
    /// 한 프로세스가 나가면 알립니다.
    released: EventCount,
    /// 오래 기다린 쪽에게 차례를 넘겨줍니다.
    turns: Turns,
    /// 마지막으로 빈 자리. 여기부터 살펴봅니다.
    last_free: AtomicU32,
}

// SAFETY: 필드가 모두 수의 아토믹이고 뮤텍스가 없습니다.
unsafe impl Placed for Door {}

impl Door {
    /// 나왔다고 알립니다. 인라인하지 않는 이유는 뮤텍스를 해제할 때와 같습니다: [`Permit`]을 버리는 코드가 작아집니다.
    #[inline(never)]
    fn left(&self, number: u32) {
        self.last_free.store(number, Relaxed);
        self.released.notify_one();
        self.turns.hand_over();
    }
}

debug_is_display!(SemaphoreError);

/// 허가를 얻지 못한 이유입니다.
#[derive(thiserror::Error)]
pub enum SemaphoreError {
    /// 자리가 하나도 없는 세마포어에는 아무도 들어갈 수 없습니다.
    #[error("자리가 0개인 세마포어는 만들 수 없습니다. 1 이상을 주십시오")]
    NoPlaces,
    /// 자리가 너무 많습니다.
    #[error("자리 {places}개는 너무 많습니다. {MAX_PLACES}개까지 만들 수 있습니다")]
    TooManyPlaces { places: usize },
    /// 공유 메모리를 만들지 못했습니다.
    #[error("세마포어를 만들지 못했습니다({0}). {hint}", hint = hint(.0))]
    Create(io::Error),
    /// 제한 시간이 지났습니다.
    #[error(
        "제한 시간 안에 자리가 나지 않았습니다(자리 {places}개). 더 기다리려면 다시 호출하십시오"
    )]
    Timeout { places: usize },
    /// 운영체제의 에러입니다.
    #[error(transparent)]
    Mutex(#[from] MutexError),
}

impl Semaphore {
    /// 자리가 `places`개인 세마포어를 만듭니다.
    ///
    /// # Errors
    ///
    /// 0이면 [`SemaphoreError::NoPlaces`], [`MAX_PLACES`]보다 많으면 [`SemaphoreError::TooManyPlaces`], 메모리가 모자라면 [`SemaphoreError::Create`].
    pub fn new(places: usize) -> Result<Semaphore, SemaphoreError> {
        if places == 0 {
            return Err(SemaphoreError::NoPlaces);
        }
        if places > MAX_PLACES {
            return Err(SemaphoreError::TooManyPlaces { places });
        }
        let door = Shared::with_tail(Door::default(), places).map_err(SemaphoreError::Create)?;
        Ok(Semaphore { door })
    }

    /// 자리가 날 때까지 기다려 들어갑니다. [`Permit`]이 사라질 때(패닉으로도) 나옵니다.
    ///
    /// 같은 스레드가 여러 자리를 차지할 수 있습니다. 먼저 기다린 프로세스가 먼저 들어간다는 보장은 없습니다.
    ///
    /// # Errors
    ///
    /// 운영체제가 뮤텍스를 거절하면 [`SemaphoreError::Mutex`].
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>, SemaphoreError> {
        self.acquire_until(None)
    }

    /// 지금 빈자리가 있을 때만 들어갑니다. 없으면 `Ok(None)`입니다.
    ///
    /// # Errors
    ///
    /// [`Semaphore::acquire`]와 같습니다.
    pub fn try_acquire(&self) -> Result<Option<Permit<'_>>, SemaphoreError> {
        let count = self.places() as u32;
        let start = self.door.last_free.load(Relaxed);
        for place in (start..count).chain(0..start.min(count)) {
            if let Some(permit) = self.try_place(place)? {
                return Ok(Some(permit));
            }
        }
        Ok(None)
    }

    /// 자리 하나가 비어 있으면 들어갑니다.
    #[inline]
    fn try_place(&self, number: u32) -> Result<Option<Permit<'_>>, SemaphoreError> {
        let places = self.door.tail();
        let held = match places.get(number as usize).map(Mutex::try_lock) {
            Some(Ok(held)) => held,
            None | Some(Err(MutexError::WouldBlock)) => return Ok(None),
            Some(Err(error)) => return Err(error.into()),
        };
        let count = places.len() as u32;
        let holding = begin(What::Hold, SpanKind::Semaphore, count, || self.door.id());
        Ok(Some(Permit { _holding: holding, held, place: Place { door: &self.door, number } }))
    }

    /// `timeout`까지만 기다려 들어갑니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`SemaphoreError::Timeout`]. 나머지는 [`Semaphore::acquire`]와 같습니다.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, SemaphoreError> {
        self.acquire_until(after(timeout))
    }

    #[inline]
    fn acquire_until(&self, deadline: Deadline) -> Result<Permit<'_>, SemaphoreError> {
        // 흔한 경우. 시계도 보지 않습니다.
        if let Some(permit) = self.try_place(self.door.last_free.load(Relaxed))? {
            return Ok(permit);
        }
        self.look_or_wait(deadline)
    }

    #[cold]
    fn look_or_wait(&self, deadline: Deadline) -> Result<Permit<'_>, SemaphoreError> {
        if let Some(permit) = self.try_acquire()? {
            return Ok(permit);
        }
        waiting(SpanKind::Semaphore, || self.door.id(), || self.wait_until(deadline))
    }

    fn wait_until(&self, deadline: Deadline) -> Result<Permit<'_>, SemaphoreError> {
        let patience = after(Turns::PATIENCE);
        let soon = deadline.map_or(patience, |at| patience.map(|soon| soon.min(at)));
        let mut permit = self.door.released.wait_for(soon, || self.try_acquire())?;
        if permit.is_none() && !expired(deadline) {
            let _impatient = self.door.turns.impatient();
            permit = self.door.released.wait_for(deadline, || self.try_acquire())?;
        }
        permit.ok_or(SemaphoreError::Timeout { places: self.places() })
    }

    /// 자리의 수.
    #[inline]
    pub fn places(&self) -> usize {
        self.door.tail().len()
    }

    /// 지금 비어 보이는 자리의 수. 반환된 뒤에는 이미 바뀌었을 수 있습니다.
    ///
    /// 쥔 채 죽은 프로세스의 자리는 누가 넘겨받을 때까지 차 있는 것으로 셉니다.
    pub fn available(&self) -> usize {
        self.door.tail().iter().filter(|place| place.holder().is_none()).count()
    }
}

/// 들어가 있는 동안의 허가(permit). 사라질 때 자리를 반납합니다. 얻은 스레드를 떠나지 못하므로, 파이썬처럼 다른 스레드나
/// 프로세스가 대신 반납할 수 없습니다.
///
/// ```compile_fail,E0277
/// let semaphore = semaphore::Semaphore::new(1).unwrap();
/// let permit = semaphore.acquire().unwrap();
/// std::thread::scope(|scope| scope.spawn(move || drop(permit)).join().unwrap());
/// ```
#[must_use = "허가를 바로 버리면 그 자리에서 나옵니다. 변수에 담아 두십시오"]
pub struct Permit<'a> {
    // 적은 순서대로 사라집니다: 기록을 끝내고, 자리를 반납하고, 나왔다고 알립니다.
    _holding: Open,
    held: MutexGuard<'a>,
    place: Place<'a>,
}

/// 나오는 자리.
struct Place<'a> {
    door: &'a Door,
    number: u32,
}

impl std::fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Permit(자리 {})", self.place.number)
    }
}

impl Permit<'_> {
    /// 이 자리를 쥔 채 죽은 프로세스에게서 넘겨받았으면 그 PID입니다.
    pub fn recovered_from(&self) -> Option<u32> {
        self.held.owner_died().filter(|pid| *pid != 0)
    }
}

impl Drop for Place<'_> {
    #[inline]
    fn drop(&mut self) {
        self.door.left(self.number);
    }
}
