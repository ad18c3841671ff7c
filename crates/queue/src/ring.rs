//! [`Ring`]: 공유 메모리에 놓인 바이트 고리. 어느 명령에서 죽어도 온전합니다.
//!
//! ```text
//!        꺼낼 곳(get)             넣을 곳(put)
//!            ▼                        ▼
//!   ······┌──────┬─────────┬─────────┐··········
//!         │길이│내용│길이│내용 …     │  빈 곳
//! ```
//!
//! 넣는 쪽은 먼저 빈 곳에 기록을 다 쓰고, 맨 나중에 넣을 곳의 위치를 한 번에 옮깁니다. 위치를 옮기기 전에 죽으면 아무것도 넣지
//! 않은 것이 되고, 옮긴 뒤에 죽으면 다 넣은 것이 됩니다. 꺼내는 쪽도 같습니다. 넣는 쪽끼리, 꺼내는 쪽끼리는
//! 로버스트 뮤텍스로 차례를 지키므로, 죽은 프로세스의 차례는 다음 프로세스가 넘겨받습니다.
//!
//! 공간이 모자라면 넣는 쪽은 차례를 *쥔 채로* 기다립니다. 차례를 내주고 기다리면, 큰 기록이 들어갈 만큼 비기 전에 작은 기록들이 먼저
//! 들어가 큰 기록은 영영 들어가지 못합니다.
//!
//! 위치와 길이는 다른 프로세스가 쓴 것이므로 믿지 않습니다. 고리의 크기와 어긋나면 [`QueueError::Corrupted`]입니다.

use std::io;
use std::sync::atomic::{
    AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

use ipc_core::Shared;
use ipc_core::build::{
    Deadline, EventCount, Mutex, MutexError, Placed, RECHECK, SpanKind, after, load_bytes,
    store_bytes, waiting,
};
use serde::{Deserialize, Serialize};

use crate::error::QueueError;

/// 고리는 이 크기(바이트)의 칸으로 나뉩니다.
const WORD: usize = 8;
/// 고리의 최대 크기(칸). 위치를 32비트로 세므로 그 절반까지입니다.
const MAX_WORDS: usize = 1 << 31;
/// 이보다 큰 고리(칸)는, 꺼내고 난 메모리를 [`DISCARD`]칸마다 운영체제에 반납합니다. 이만큼까지는 다시 쓰려고 남겨 둡니다.
const KEPT_WORDS: usize = 8 * 1024 * 1024 / WORD;
/// 커널에 한 번에 반납하는 메모리(칸).
const DISCARD: usize = 1024 * 1024 / WORD;

/// 큐의 한쪽(넣는 쪽이나 꺼내는 쪽)의 차례와 위치.
///
/// 코어는 메모리를 캐시 라인(64바이트나 128바이트) 단위로 주고받습니다. 반대쪽이 들여다보는 위치를 차례와 다른 라인에 두어야,
/// 들여다보는 것만으로 이쪽이 느려지지 않습니다.
#[repr(C, align(128))]
struct Side {
    turn: Mutex,
    /// 지난번에 본 반대쪽의 위치. 차례를 쥔 쪽만 씁니다. 반대쪽은 앞으로만 가므로, 이것만으로 되면 다시 보지 않습니다.
    seen: AtomicU64,
    progress: Progress,
}

/// 반대쪽이 보는 것.
#[repr(C, align(128))]
struct Progress {
    /// [`Position`] 하나. 한 번의 저장으로 바뀌므로 반쯤 바뀐 위치는 보이지 않습니다.
    position: AtomicU64,
    /// 위치가 바뀌면 알립니다. 반대쪽이 여기서 기다립니다.
    moved: EventCount,
}

/// 지금까지 지나간 칸과 기록의 수. 둘 다 가장 큰 수 다음은 0입니다.
#[derive(Clone, Copy)]
struct Position {
    words: u32,
    items: u32,
}

impl Position {
    fn unpack(packed: u64) -> Position {
        Position { words: packed as u32, items: (packed >> 32) as u32 }
    }
}

impl Side {
    fn position(&self) -> Position {
        Position::unpack(self.progress.position.load(Acquire))
    }

    fn advance(&self, from: Position, words: u32) {
        let next = (from.words.wrapping_add(words), from.items.wrapping_add(1));
        self.progress.position.store(u64::from(next.0) | u64::from(next.1) << 32, Release);
    }

    /// 지난번에 본 `other`의 위치. 차례를 쥔 동안에만 호출합니다.
    fn seen(&self) -> Position {
        // 앞의 주인이 뮤텍스를 해제하기 전에 적었으므로, 그때 주인이 본 내용은 이쪽에도 보입니다.
        Position::unpack(self.seen.load(Relaxed))
    }

    /// `other`의 위치를 다시 봅니다. 차례를 쥔 동안에만 호출합니다.
    fn look_at(&self, other: &Side) -> Position {
        let packed = other.progress.position.load(Acquire);
        self.seen.store(packed, Relaxed);
        Position::unpack(packed)
    }
}

/// 공유 메모리의 앞부분. 내용이 담기는 칸들이 그 뒤에 이어집니다.
struct Header {
    put: Side,
    get: Side,
    /// 담을 수 있는 기록의 수.
    max_items: AtomicU32,
    /// 0이 아니면, 공간을 기다리던 쪽은 그만둡니다.
    closing: AtomicU32,
    /// 0이 아니면, 더는 아무것도 들어오지 않습니다. 넣는 차례를 쥔 쪽만 고칩니다.
    closed: AtomicU32,
}

// SAFETY: 뮤텍스와 수의 아토믹뿐이고 `Drop`이 없습니다. 뮤텍스는 둘입니다.
unsafe impl Placed for Header {
    fn mutexes_in(these: &[Header], visit: &mut dyn FnMut(&Mutex)) {
        for header in these {
            visit(&header.put.turn);
            visit(&header.get.turn);
        }
    }
}

/// 여러 프로세스가 기록을 넣고 꺼내는 고리입니다.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ring {
    shared: Shared<Header, AtomicU64>,
}

impl Ring {
    /// 적어도 `capacity`바이트이고 기록을 `max_items`개까지 담는 고리. 위치가 한 바퀴 돌아도 어긋나지 않게 크기를 2의
    /// 거듭제곱으로 올림합니다.
    pub fn new(capacity: usize, max_items: u32) -> io::Result<Ring> {
        let words = capacity.div_ceil(WORD).max(1);
        if words > MAX_WORDS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "큐의 최대 크기는 16GiB입니다",
            ));
        }
        let side = || Side {
            turn: Mutex::new(),
            seen: AtomicU64::new(0),
            progress: Progress { position: AtomicU64::new(0), moved: EventCount::default() },
        };
        let header = Header {
            put: side(),
            get: side(),
            max_items: AtomicU32::new(max_items),
            closing: AtomicU32::new(0),
            closed: AtomicU32::new(0),
        };
        Ok(Ring { shared: Shared::with_tail(header, words.next_power_of_two())? })
    }

    /// 고리의 크기(바이트).
    pub fn capacity(&self) -> usize {
        self.slots().len() * WORD
    }

    /// 들어 있는 기록의 수.
    pub fn len(&self) -> usize {
        // 꺼낸 쪽을 먼저 읽습니다. 그 사이에 더 꺼내더라도 음수가 되지 않습니다.
        let taken = self.items_taken();
        self.items_put().wrapping_sub(taken) as usize
    }

    /// 지금까지 넣은 기록의 수. 가장 큰 수 다음은 0입니다.
    pub fn items_put(&self) -> u32 {
        self.shared.put.position().items
    }

    /// 지금까지 꺼낸 기록의 수. 가장 큰 수 다음은 0입니다.
    pub fn items_taken(&self) -> u32 {
        self.shared.get.position().items
    }

    /// 꺼낼 것이 있어 보이는지 봅니다. 참이어도 다른 프로세스가 먼저 꺼냈을 수 있습니다.
    pub fn has_items(&self) -> bool {
        let get = self.shared.get.position();
        // 지난번에 본 것이 남았으면, 넣는 쪽이 쓰고 있는 위치를 들여다보지 않습니다.
        self.shared.get.seen().items != get.items || self.items_put() != get.items
    }

    /// 닫혔는지 봅니다. 참이면, 이 뒤로 보이는 기록이 전부입니다.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Acquire) != 0
    }

    /// `bytes`를 기록 하나로 넣습니다. 차례와 공간을 제한 시간까지 기다립니다.
    pub fn put(&self, bytes: &[u8], deadline: Deadline) -> Result<(), QueueError> {
        let needed = self.words_needed(bytes)?;
        // 앞 프로세스가 쥔 채 죽었어도 고칠 것이 없습니다. 위치는 언제나 온전합니다.
        let turn = self.shared.put.turn.lock(deadline)?;
        if !self.has_room(needed, self.shared.put.seen())? {
            let room = || {
                let get = self.shared.put.look_at(&self.shared.get);
                Ok::<_, QueueError>(self.has_room(needed, get)?.then_some(()))
            };
            let wait = || self.shared.get.progress.moved.wait_for(deadline, room);
            waiting(SpanKind::Queue, || self.shared.id(), wait)?.ok_or(QueueError::Timeout)?;
        }
        self.write(bytes, needed);
        drop(turn);
        self.shared.put.progress.moved.notify_one();
        Ok(())
    }

    /// 지금 공간이 있을 때만 넣습니다. 다른 프로세스가 넣는 중이면 길어도 [`RECHECK`]만 차례를 기다립니다.
    pub fn try_put(&self, bytes: &[u8]) -> Result<(), QueueError> {
        let needed = self.words_needed(bytes)?;
        if !self.has_room(needed, self.shared.get.position())? {
            return Err(QueueError::Full); // 차례를 쥔 쪽도 공간을 기다리고 있을 것입니다.
        }
        let turn = match self.shared.put.turn.lock(after(RECHECK)) {
            Err(MutexError::Timeout) => return Err(QueueError::Full),
            turn => turn?,
        };
        if !self.has_room(needed, self.shared.put.look_at(&self.shared.get))? {
            return Err(QueueError::Full);
        }
        self.write(bytes, needed);
        drop(turn);
        self.shared.put.progress.moved.notify_one();
        Ok(())
    }

    /// 기록이 차지하는 칸의 수: 길이를 적는 한 칸과 내용.
    fn words_needed(&self, bytes: &[u8]) -> Result<usize, QueueError> {
        let needed = 1 + bytes.len().div_ceil(WORD);
        if needed <= self.slots().len() {
            return Ok(needed);
        }
        Err(QueueError::TooLarge { size: needed * WORD, capacity: self.capacity() })
    }

    /// 꺼낸 쪽이 `get`까지 갔다면, 닫히지 않았고 `needed`칸이 비었는지 봅니다.
    fn has_room(&self, needed: usize, get: Position) -> Result<bool, QueueError> {
        if self.shared.closing.load(Acquire) != 0 {
            return Err(QueueError::Disconnected);
        }
        let put = self.shared.put.position();
        let used = put.words.wrapping_sub(get.words) as usize;
        let free = self.slots().len().checked_sub(used).ok_or(QueueError::Corrupted)?;
        let items = put.items.wrapping_sub(get.items);
        Ok(needed <= free && items < self.shared.max_items.load(Relaxed))
    }

    /// 차례를 쥐고 공간을 확인한 뒤에 씁니다.
    fn write(&self, bytes: &[u8], needed: usize) {
        let put = self.shared.put.position();
        let (head, tail) = self.slots_from(put, needed);
        if let Some((length, first)) = head.split_first() {
            length.store(bytes.len() as u64, Relaxed);
            let (front, back) = bytes.split_at(bytes.len().min(first.len() * WORD));
            store_bytes(first, front);
            store_bytes(tail, back);
        }
        self.shared.put.advance(put, needed as u32);
    }

    /// 기록 하나를 꺼내 `bytes`에 담습니다. 비었으면 `false`입니다. 차례는 제한 시간까지 기다립니다.
    pub fn get(&self, bytes: &mut Vec<u8>, deadline: Deadline) -> Result<bool, QueueError> {
        let turn = self.shared.get.turn.lock(deadline)?;
        let get = self.shared.get.position();
        let mut filled = self.shared.get.seen().words.wrapping_sub(get.words) as usize;
        if filled == 0 {
            let put = self.shared.get.look_at(&self.shared.put);
            filled = put.words.wrapping_sub(get.words) as usize;
        }
        if filled == 0 {
            return Ok(false);
        }
        let length = self.slots_from(get, 1).0.first().map_or(0, |word| word.load(Relaxed));
        let words = usize::try_from(length.div_ceil(WORD as u64)).unwrap_or(usize::MAX);
        let words = words.saturating_add(1);
        if filled > self.slots().len() || words > filled {
            return Err(QueueError::Corrupted);
        }
        let (head, tail) = self.slots_from(get, words);
        bytes.clear();
        load_bytes(head.get(1..).unwrap_or_default(), bytes);
        load_bytes(tail, bytes);
        bytes.truncate(length as usize);
        self.discard(get, words);
        self.shared.get.advance(get, words as u32);
        drop(turn);
        // 넣는 쪽은 하나씩 기다리므로(차례를 쥔 채) 하나만 깨우면 됩니다.
        self.shared.get.progress.moved.notify_one();
        Ok(true)
    }

    /// 큰 고리에서, 다 읽은 메모리를 운영체제에 반납합니다. 위치를 옮기기 *전에* 해야 새로 넣은 것을 지우지 않습니다.
    fn discard(&self, get: Position, words: usize) {
        let slots = self.slots().len();
        if slots <= KEPT_WORDS {
            return;
        }
        let start = get.words as usize & (slots - 1);
        let block = |at: usize| at / DISCARD * DISCARD;
        let (from, to) = (block(start), block(start + words));
        if from < to {
            self.shared.discard(from, to.min(slots));
            self.shared.discard(0, to.saturating_sub(slots));
        }
    }

    /// 더 넣지 못하게 합니다. 이미 넣은 기록은 남습니다.
    pub fn close(&self) -> Result<(), QueueError> {
        // 공간을 기다리며 차례를 쥔 쪽이 먼저 그만두게 합니다.
        self.shared.closing.store(1, Release);
        self.shared.get.progress.moved.notify_all();
        // 차례를 얻었다면 넣는 중인 쪽이 없습니다. 이제 보이는 기록이 전부입니다.
        let turn = self.shared.put.turn.lock(None)?;
        self.shared.closed.store(1, Release);
        drop(turn);
        self.shared.put.progress.moved.notify_all();
        Ok(())
    }

    /// 넣은 쪽이 있을 때마다 `check`를 다시 호출해, `Some`이 나오거나 제한 시간이 지날 때까지 기다립니다.
    pub fn wait_for_put<T, E>(
        &self,
        deadline: Deadline,
        check: impl FnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let wait = || self.shared.put.progress.moved.wait_for(deadline, check);
        waiting(SpanKind::Queue, || self.shared.id(), wait)
    }

    fn slots(&self) -> &[AtomicU64] {
        self.shared.tail()
    }

    /// `position`부터 `count`칸. 끝에 닿으면 처음으로 이어지므로 두 조각입니다.
    fn slots_from(&self, position: Position, count: usize) -> (&[AtomicU64], &[AtomicU64]) {
        let slots = self.slots();
        let start = position.words as usize & (slots.len() - 1);
        let (front, back) = slots.split_at(start);
        let first = count.min(back.len());
        (&back[..first], &front[..(count - first).min(start)])
    }
}
