//! [`JoinableQueue`]: 꺼낸 일이 *끝났는지*까지 아는 큐.
//!
//! 파이썬의 `JoinableQueue`는 넣은 수와 `task_done()`의 수가 같아지기를 기다립니다. 꺼낸 프로세스가 `task_done()` 전에 죽으면
//! `join()`은 끝나지 않습니다. 여기서는 일을 꺼낼 때마다 로버스트 뮤텍스(손, hand) 하나를 쥡니다. 쥔 프로세스가 죽으면
//! 커널이 손을 해제하므로, 꺼냈지만 마치지 않은 일이 쥔 손보다 많으면 그만큼은 이제 아무도 마치지 못합니다.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use ipc_core::Shared;
use ipc_core::build::{
    Accepts, Deadline, EventCount, Inline, Mutex, MutexError, MutexGuard, Placed, RECHECK, after,
    decode,
};
use serde::{Deserialize, Serialize};

use crate::{DEFAULT_CAPACITY, Queue, QueueError};

/// 마치지 않은 채 한꺼번에 쥘 수 있는 일의 수.
pub const MAX_TASKS: usize = 1024;

/// 넣은 일이 모두 끝나기를 기다릴 수 있는 큐입니다. 파이썬의 `multiprocessing.JoinableQueue`에 해당합니다.
///
/// [`Queue`]와 달리 [`get`](JoinableQueue::get)이 항목을 [`Task`]에 담아 줍니다. 일을 마치면 [`Task::done`]을 호출합니다
/// (파이썬의 `task_done`). 호출하지 않고 버리거나 쥔 채 죽으면 [`join`](JoinableQueue::join)이 에러로 알립니다.
///
/// ```
/// let queue = queue::JoinableQueue::<u32>::new()?;
/// queue.put(&7)?;
/// let task = queue.get()?;
/// assert_eq!(*task, 7);
/// task.done();
/// queue.join()?;
/// # Ok::<(), queue::QueueError>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct JoinableQueue<T> {
    queue: Queue<T>,
    /// 앞부분은 마친 수, 뒷부분은 손들입니다.
    desk: Shared<Desk, Mutex>,
}

/// 공유 메모리에 놓이는 것.
#[derive(Default)]
struct Desk {
    /// 마친 일의 수. 가장 큰 수 다음은 0입니다.
    done: AtomicU32,
    /// 일을 마치거나 버리면 알립니다.
    released: EventCount,
}

// SAFETY: 두 필드가 모두 수의 아토믹이고 뮤텍스가 없습니다.
unsafe impl Placed for Desk {}

impl<T: Inline> JoinableQueue<T> {
    /// [`DEFAULT_CAPACITY`]바이트인 큐를 만듭니다. 에러는 [`Queue::new`]와 같습니다.
    pub fn new() -> Result<JoinableQueue<T>, QueueError> {
        JoinableQueue::with_capacity(DEFAULT_CAPACITY)
    }

    /// 적어도 `bytes`바이트를 담는 큐를 만듭니다. 에러는 [`Queue::with_capacity`]와 같습니다.
    pub fn with_capacity(bytes: usize) -> Result<JoinableQueue<T>, QueueError> {
        let desk = Shared::with_tail(Desk::default(), MAX_TASKS).map_err(QueueError::Create)?;
        Ok(JoinableQueue { queue: Queue::with_capacity(bytes)?, desk })
    }
}

impl<T> JoinableQueue<T> {
    /// [`Queue::len`]과 같습니다. 꺼냈지만 마치지 않은 일은 세지 않습니다.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// [`Queue::is_empty`]와 같습니다.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// [`Queue::close`]와 같습니다.
    pub fn close(&self) -> Result<(), QueueError> {
        self.queue.close()
    }

    /// 지금까지 넣은 일이 모두 끝나기를 기다립니다.
    ///
    /// # Errors
    ///
    /// 꺼낸 쪽이 마치지 못한 일이 있으면 [`QueueError::Unfinished`]. 한 번 그렇게 되면 다시 호출해도 같습니다. 이 스레드가
    /// 마치지 않은 일을 쥐고 있으면 [`QueueError::Mutex`].
    pub fn join(&self) -> Result<(), QueueError> {
        self.join_until(None)
    }

    /// [`join`](JoinableQueue::join)과 같지만 `timeout`까지만 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`QueueError::Timeout`]. 꺼낼 프로세스가 하나도 남지 않았는지는 큐가 알 수 없습니다.
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), QueueError> {
        self.join_until(after(timeout))
    }

    fn join_until(&self, deadline: Deadline) -> Result<(), QueueError> {
        self.desk.released.wait_for(deadline, || self.settled())?.ok_or(QueueError::Timeout)
    }

    /// 모두 끝났는지, 또는 끝날 수 없게 되었는지 봅니다. 아직 모르면 `None`입니다.
    fn settled(&self) -> Result<Option<()>, QueueError> {
        let done = self.desk.done.load(SeqCst);
        if done == self.queue.ring.items_put() {
            return Ok(Some(()));
        }
        let taken = self.queue.ring.items_taken();
        // 마친 수, 꺼낸 수, 쥔 손을 차례로 보고, 그 사이 두 수가 바뀌지 않았을 때만 믿습니다. 꺼내려고 쥔 손도 세므로,
        // 잃은 수를 부풀리는 일은 없습니다.
        let mut held = 0;
        for hand in self.desk.tail().iter().filter(|hand| hand.holder().is_some()) {
            match hand.lock(after(Duration::ZERO)) {
                // 쥔 프로세스가 죽은 손이거나, 방금 해제된 손입니다.
                Ok(guard) => drop(Hand { desk: &self.desk, held: Some(guard) }),
                Err(MutexError::Timeout) => held += 1,
                Err(error) => return Err(error.into()),
            }
        }
        let steady = self.queue.ring.items_taken() == taken && self.desk.done.load(SeqCst) == done;
        match taken.wrapping_sub(done).saturating_sub(held) {
            count @ 1.. if steady => Err(QueueError::Unfinished { count }),
            _ => Ok(None),
        }
    }
}

impl<T: Inline> JoinableQueue<T> {
    /// [`Queue::put`]과 같습니다.
    pub fn put<V: ?Sized>(&self, item: &V) -> Result<(), QueueError>
    where
        T: Accepts<V>,
    {
        self.queue.put(item)
    }

    /// [`Queue::try_put`]과 같습니다.
    pub fn try_put<V: ?Sized>(&self, item: &V) -> Result<(), QueueError>
    where
        T: Accepts<V>,
    {
        self.queue.try_put(item)
    }

    /// [`Queue::put_timeout`]과 같습니다.
    pub fn put_timeout<V: ?Sized>(&self, item: &V, timeout: Duration) -> Result<(), QueueError>
    where
        T: Accepts<V>,
    {
        self.queue.put_timeout(item, timeout)
    }
}

impl<T: Inline> JoinableQueue<T> {
    /// 맨 앞의 일을 꺼냅니다. 비었으면 누가 넣을 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// [`Queue::get`]과 같고, 마치지 않은 일이 모두 [`MAX_TASKS`]개면 [`QueueError::TooManyTasks`].
    pub fn get(&self) -> Result<Task<'_, T>, QueueError> {
        self.get_until(None)
    }

    /// `timeout`까지만 기다려 꺼냅니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`QueueError::Timeout`]. 나머지는 [`JoinableQueue::get`]과 같습니다.
    pub fn get_timeout(&self, timeout: Duration) -> Result<Task<'_, T>, QueueError> {
        self.get_until(after(timeout))
    }

    /// 지금 있는 일만 꺼냅니다. 비었으면 [`QueueError::Empty`]. 나머지는 [`JoinableQueue::get`]과 같습니다.
    pub fn try_get(&self) -> Result<Task<'_, T>, QueueError> {
        crate::with_bytes(|bytes| match self.take(bytes, after(RECHECK)) {
            Ok(Some(hand)) => Ok(Task { item: decode(bytes)?, hand }),
            Ok(None) | Err(QueueError::Timeout) => Err(QueueError::Empty),
            Err(error) => Err(error),
        })
    }

    /// 큐가 닫히고 빌 때까지 일을 꺼내는 반복자입니다. 에러를 만나면 그 에러를 내고 끝냅니다.
    pub fn iter(&self) -> impl Iterator<Item = Result<Task<'_, T>, QueueError>> + '_ {
        let mut ended = false;
        std::iter::from_fn(move || crate::until_disconnected(&mut ended, || self.get()))
    }

    fn get_until(&self, deadline: Deadline) -> Result<Task<'_, T>, QueueError> {
        crate::with_bytes(|bytes| {
            let attempt = || self.take(bytes, deadline);
            let hand = self.queue.ring.wait_for_put(deadline, attempt)?;
            let hand = hand.ok_or(QueueError::Timeout)?;
            Ok(Task { item: decode(bytes)?, hand })
        })
    }

    /// [`Queue::take`]와 같지만, 빈손을 쥔 *다음에* 꺼냅니다. 그래야 꺼내자마자 죽어도 잃은 것을 압니다.
    fn take(
        &self,
        bytes: &mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<Option<Hand<'_>>, QueueError> {
        let closed = self.queue.ring.is_closed();
        if self.queue.ring.has_items() {
            let hand = self.take_hand()?;
            if self.queue.ring.get(bytes, deadline)? {
                return Ok(Some(hand));
            }
        }
        if closed { Err(QueueError::Disconnected) } else { Ok(None) }
    }

    /// 빈손 하나를 쥡니다.
    fn take_hand(&self) -> Result<Hand<'_>, QueueError> {
        for hand in self.desk.tail() {
            match hand.try_lock() {
                Err(MutexError::WouldBlock) => {}
                other => return Ok(Hand { desk: &self.desk, held: Some(other?) }),
            }
        }
        Err(QueueError::TooManyTasks)
    }
}

impl<T> Clone for JoinableQueue<T> {
    /// 같은 큐를 가리키는 핸들을 하나 더 만듭니다.
    fn clone(&self) -> Self {
        JoinableQueue { queue: self.queue.clone(), desk: self.desk.clone() }
    }
}

/// 꺼냈지만 아직 마치지 않은 일 하나. 꺼낸 스레드를 떠나지 못합니다.
///
/// [`done`](Task::done)을 호출하지 않고 버리면(패닉이나 `?`로도) 마치지 못한 일이 됩니다.
#[must_use = "버리면 마치지 못한 일이 됩니다. 일을 마친 뒤 done을 호출하십시오"]
pub struct Task<'q, T> {
    item: T,
    hand: Hand<'q>,
}

impl<T> Task<'_, T> {
    /// 마쳤다고 알립니다.
    pub fn done(self) {
        self.hand.desk.done.fetch_add(1, SeqCst);
    }
}

impl<T> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinableQueue(항목 {}개)", self.len())
    }
}

impl<T: fmt::Debug> fmt::Debug for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item.fmt(f)
    }
}

impl<T> Deref for Task<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

/// 쥔 손 하나. 일을 꺼내지 못했더라도 해제할 때 알립니다. 그 사이에 [`settled`](JoinableQueue::settled)가 이 손을 세었을 수 있습니다.
struct Hand<'q> {
    desk: &'q Desk,
    /// 사라지는 도중에만 비어 있습니다.
    held: Option<MutexGuard<'q>>,
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        self.held = None;
        self.desk.released.notify_all();
    }
}
