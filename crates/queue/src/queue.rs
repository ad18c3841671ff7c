//! [`Queue`]: 여러 프로세스가 넣고 여러 프로세스가 꺼내는 줄입니다. 먼저 넣은 것이 먼저 나옵니다.
//!
//! 내용은 공유 메모리의 고리(`ring.rs`)에 놓입니다. 파이썬의 큐는 넣은 것을 보조 스레드가 파이프로 나르므로,
//! 넣자마자 죽은 프로세스의 항목은 사라집니다. 여기서는 [`Queue::put`]이 반환되었다면 항목은 이미 고리에 있습니다.

mod error;
mod joinable;
mod ring;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use ipc_core::build::{Accepts, Deadline, Inline, RECHECK, after, decode};
use serde::{Deserialize, Serialize};

pub use error::QueueError;
pub use joinable::{JoinableQueue, MAX_TASKS, Task};
use ring::Ring;

/// [`Queue::new`]가 만드는 고리의 크기(바이트). 쓰지 않은 부분은 실제 메모리를 차지하지 않습니다.
pub const DEFAULT_CAPACITY: usize = 4 * 1024 * 1024;
/// 항목을 직렬화하는 버퍼를 이보다 크게(바이트) 남겨 두지 않습니다.
const KEPT_BUFFER: usize = 1024 * 1024;

/// 여러 프로세스가 함께 쓰는 큐입니다. 파이썬의 `multiprocessing.Queue`에 해당합니다.
///
/// `std::sync::mpsc`와 달리 꺼내는 쪽도 여럿일 수 있고, 복제해 [`Process`](ipc_core::Process)의 인수로 건넵니다. 파이썬과
/// 달리 담을 수 있는 바이트 수가 정해져 있어서, 가득 차면 [`put`](Queue::put)이 기다립니다.
///
/// 항목은 넣은 순서대로 *나옵니다*. 여럿이 꺼내면 일을 마치는 순서는 정해지지 않습니다.
///
/// ```
/// let queue = queue::Queue::<String>::new()?;
/// queue.put("아이템 1")?;
/// queue.put("아이템 2")?;
/// assert_eq!(queue.get()?, "아이템 1");
/// assert_eq!(queue.len(), 1);
/// # Ok::<(), queue::QueueError>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Queue<T> {
    ring: Ring,
    items: PhantomData<fn(T) -> T>,
}

thread_local! {
    /// 항목을 직렬화할 때 다시 쓰는 버퍼.
    #[expect(clippy::box_collection, reason = "빌려주고 받을 때마다 옮기는 것이 포인터 하나입니다")]
    static BYTES: Cell<Option<Box<Vec<u8>>>> = const { Cell::new(None) };
}

impl<T: Inline> Queue<T> {
    /// [`DEFAULT_CAPACITY`]바이트인 큐를 만듭니다.
    ///
    /// # Errors
    ///
    /// 메모리나 디스크립터가 모자라면 [`QueueError::Create`].
    pub fn new() -> Result<Queue<T>, QueueError> {
        Queue::with_capacity(DEFAULT_CAPACITY)
    }

    /// 적어도 `bytes`바이트를 담는 큐를 만듭니다. 항목 하나는 내용의 크기에 길이를 적는 8바이트를 더 차지합니다.
    ///
    /// # Errors
    ///
    /// [`Queue::new`]와 같고, 16GiB가 넘어도 [`QueueError::Create`]입니다.
    pub fn with_capacity(bytes: usize) -> Result<Queue<T>, QueueError> {
        Queue::create(bytes, u32::MAX)
    }

    /// 항목을 `items`개까지만 담는 큐를 만듭니다. 파이썬의 `Queue(maxsize=items)`입니다. 0은 1로 봅니다.
    ///
    /// # Errors
    ///
    /// [`Queue::new`]와 같습니다.
    pub fn with_maxsize(items: u32) -> Result<Queue<T>, QueueError> {
        Queue::create(DEFAULT_CAPACITY, items.max(1))
    }

    fn create(bytes: usize, items: u32) -> Result<Queue<T>, QueueError> {
        Ok(Queue { ring: Ring::new(bytes, items).map_err(QueueError::Create)?, items: PhantomData })
    }
}

impl<T> Queue<T> {
    /// 들어 있는 항목의 수. 반환된 뒤에는 이미 바뀌었을 수 있습니다.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// 비어 있는지 봅니다.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// 더 넣지 않겠다고 알립니다. 꺼내는 쪽은 남은 것을 다 꺼낸 뒤 [`QueueError::Disconnected`]를 받습니다.
    ///
    /// # Errors
    ///
    /// 운영체제가 뮤텍스를 거절하면 [`QueueError::Mutex`].
    pub fn close(&self) -> Result<(), QueueError> {
        self.ring.close()
    }
}

impl<T: Inline> Queue<T> {
    /// 항목을 복사해 넣습니다. 가득 찼으면 자리가 날 때까지 기다립니다.
    ///
    /// `item`은 `&T`입니다. `T`가 `Option<U>`이면 `put(&값)`은 `Some(값)`을 넣고, `String`이면 `put("글")`도 됩니다([`Accepts`]).
    ///
    /// 반환되었다면, 이 프로세스가 바로 죽더라도 항목은 전달됩니다.
    ///
    /// # Errors
    ///
    /// 닫힌 큐면 [`QueueError::Disconnected`], 큐 전체보다 크면 [`QueueError::TooLarge`], 직렬화하지 못하면
    /// [`QueueError::Codec`]. 실패하면 아무것도 넣지 않은 것과 같습니다.
    pub fn put<V: ?Sized>(&self, item: &V) -> Result<(), QueueError>
    where
        T: Accepts<V>,
    {
        self.put_until(item, None)
    }

    /// 지금 자리가 있을 때만 넣습니다. 다른 프로세스가 넣는 중이면 길어도 50ms만 차례를 기다립니다.
    ///
    /// # Errors
    ///
    /// 자리가 없으면 [`QueueError::Full`]. 나머지는 [`Queue::put`]과 같습니다.
    pub fn try_put<V: ?Sized>(&self, item: &V) -> Result<(), QueueError>
    where
        T: Accepts<V>,
    {
        with_bytes(|bytes| {
            T::encode(item, bytes)?;
            self.ring.try_put(bytes)
        })
    }

    /// `timeout`까지만 기다려 넣습니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`QueueError::Timeout`]. 나머지는 [`Queue::put`]과 같습니다.
    pub fn put_timeout<V: ?Sized>(&self, item: &V, timeout: Duration) -> Result<(), QueueError>
    where
        T: Accepts<V>,
    {
        self.put_until(item, after(timeout))
    }

    fn put_until<V: ?Sized>(&self, item: &V, deadline: Deadline) -> Result<(), QueueError>
    where
        T: Accepts<V>,
    {
        with_bytes(|bytes| {
            T::encode(item, bytes)?;
            self.ring.put(bytes, deadline)
        })
    }
}

impl<T: Inline> Queue<T> {
    /// 맨 앞의 항목을 꺼냅니다. 비었으면 누가 넣을 때까지 기다립니다.
    ///
    /// 큐의 핸들은 누구나 넣고 꺼낼 수 있으므로, 넣을 프로세스가 모두 죽었는지는 큐가 알 수 없습니다. 그런 일이 걱정이면
    /// [`get_timeout`](Queue::get_timeout)을 쓰거나, 자식을 조인한 부모가 [`close`](Queue::close)를 호출하십시오.
    ///
    /// # Errors
    ///
    /// 닫힌 큐가 비면 [`QueueError::Disconnected`], 항목을 읽지 못하면 [`QueueError::Codec`].
    pub fn get(&self) -> Result<T, QueueError> {
        self.get_until(None)
    }

    /// 지금 있는 항목만 꺼냅니다. 다른 프로세스가 꺼내는 중이면 길어도 50ms만 차례를 기다립니다.
    ///
    /// # Errors
    ///
    /// 비었으면 [`QueueError::Empty`]. 나머지는 [`Queue::get`]과 같습니다.
    pub fn try_get(&self) -> Result<T, QueueError> {
        with_bytes(|bytes| match self.take(bytes, after(RECHECK)) {
            Ok(Some(())) => Ok(decode(bytes)?),
            Ok(None) | Err(QueueError::Timeout) => Err(QueueError::Empty),
            Err(error) => Err(error),
        })
    }

    /// `timeout`까지만 기다려 꺼냅니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`QueueError::Timeout`]. 나머지는 [`Queue::get`]과 같습니다.
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, QueueError> {
        self.get_until(after(timeout))
    }

    /// 큐가 닫히고 빌 때까지 항목을 꺼내는 반복자입니다. 에러를 만나면 그 에러를 내고 끝냅니다.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { queue: self, ended: false }
    }

    fn get_until(&self, deadline: Deadline) -> Result<T, QueueError> {
        with_bytes(|bytes| {
            let attempt = || self.take(bytes, deadline);
            self.ring.wait_for_put(deadline, attempt)?.ok_or(QueueError::Timeout)?;
            Ok(decode(bytes)?)
        })
    }

    /// 항목이 있으면 `bytes`에 꺼냅니다. 없으면 `None`입니다.
    fn take(&self, bytes: &mut Vec<u8>, deadline: Deadline) -> Result<Option<()>, QueueError> {
        // 닫혔는지를 먼저 봅니다. 닫히기 전에 넣은 것은 그 뒤의 확인에서 반드시 보입니다.
        let closed = self.ring.is_closed();
        if self.ring.has_items() && self.ring.get(bytes, deadline)? {
            return Ok(Some(()));
        }
        if closed { Err(QueueError::Disconnected) } else { Ok(None) }
    }
}

/// 큐가 닫히고 빌 때까지 항목을 꺼내는 반복자. [`Queue::iter`]와 `for`가 만듭니다.
#[must_use = "반복자는 next를 호출해야 꺼냅니다"]
pub struct Iter<'a, T> {
    queue: &'a Queue<T>,
    ended: bool,
}

impl<T: Inline> Iterator for Iter<'_, T> {
    type Item = Result<T, QueueError>;

    fn next(&mut self) -> Option<Self::Item> {
        until_disconnected(&mut self.ended, || self.queue.get())
    }
}

impl<'a, T: Inline> IntoIterator for &'a Queue<T> {
    type Item = Result<T, QueueError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// 반복자의 다음 항목. 큐가 닫히고 비면 끝나고, 다른 에러를 만나면 그 에러를 내고 끝냅니다.
fn until_disconnected<I>(
    ended: &mut bool,
    get: impl FnOnce() -> Result<I, QueueError>,
) -> Option<Result<I, QueueError>> {
    if *ended {
        return None;
    }
    let next = get();
    *ended = next.is_err();
    if let Err(QueueError::Disconnected) = next { None } else { Some(next) }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue(항목 {}개)", self.len())
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iter({:?})", self.queue)
    }
}

impl<T> Clone for Queue<T> {
    /// 같은 큐를 가리키는 핸들을 하나 더 만듭니다.
    fn clone(&self) -> Self {
        Queue { ring: self.ring.clone(), items: PhantomData }
    }
}

/// 스레드의 빈 버퍼를 빌려줍니다. 빌린 동안 다시 호출하면(직렬화 도중에 큐를 쓰면) 새 버퍼를 줍니다.
#[inline]
fn with_bytes<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut bytes = BYTES.take().unwrap_or_default();
    let outcome = work(&mut bytes);
    bytes.clear();
    bytes.shrink_to(KEPT_BUFFER);
    BYTES.set(Some(bytes));
    outcome
}
