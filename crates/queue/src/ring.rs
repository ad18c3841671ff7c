//! [`Ring`]: 공유 메모리에 놓인 바이트 고리. 어느 명령에서 죽어도 온전합니다.
//!
//! ```text
//!        꺼낼 곳(head)            넣을 곳(tail)
//!            ▼                        ▼
//!   ······┌──────┬─────────┬─────────┐··········
//!         │길이│내용│길이│내용 …     │  빈 곳
//! ```
//!
//! 넣는 쪽은 먼저 빈 곳에 기록을 다 쓰고, 맨 나중에 `tail`을 한 번에 옮깁니다. 그 앞에서 죽으면 아무것도 넣지
//! 않은 것이고, 그 뒤에 죽으면 다 넣은 것입니다. 꺼내는 쪽의 `head`도 같습니다. 넣는 쪽끼리, 꺼내는 쪽끼리는
//! 로버스트 뮤텍스로 차례를 지키므로, 죽은 쪽의 차례는 다음 쪽이 넘겨받습니다.

use std::io;
use std::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

use ipc_core::futex::{Deadline, EventCount};
use ipc_core::{Mutex, MutexError, Plain, Shared, load_bytes, store_bytes};
use serde::{Deserialize, Serialize};

/// 고리는 이 크기(바이트)의 칸으로 나뉩니다.
const WORD: usize = 8;
/// 고리의 최대 크기(칸). 위치를 32비트로 세므로 그 절반까지입니다.
const MAX_WORDS: usize = 1 << 31;

/// 큐의 한쪽(넣는 쪽이나 꺼내는 쪽)의 차례와 위치.
struct Side {
    turn: Mutex,
    /// [`Position`] 하나. 한 번의 저장으로 바뀌므로 반쯤 바뀐 위치는 보이지 않습니다.
    position: AtomicU64,
    /// 위치가 바뀌면 알립니다. 반대쪽이 여기서 기다립니다.
    moved: EventCount,
}

/// 지금까지 지나간 칸과 기록의 수. 둘 다 한 바퀴 돌아 0으로 갑니다.
#[derive(Clone, Copy)]
struct Position {
    words: u32,
    items: u32,
}

impl Side {
    fn position(&self) -> Position {
        let packed = self.position.load(Acquire);
        Position { words: packed as u32, items: (packed >> 32) as u32 }
    }

    fn advance(&self, from: Position, words: u32) {
        let next = (from.words.wrapping_add(words), from.items.wrapping_add(1));
        self.position.store(u64::from(next.0) | u64::from(next.1) << 32, Release);
    }
}

/// 공유 메모리에 놓이는 머리. 꼬리에는 내용이 담기는 칸이 이어집니다.
struct Ends {
    put: Side,
    get: Side,
    /// 더 넣지 않기로 했으면 참. 넣는 차례를 쥔 쪽만 고칩니다.
    closed: AtomicBool,
}

// SAFETY: 뮤텍스와 아토믹뿐이고 `Drop`이 없습니다.
unsafe impl Plain for Ends {
    const LOCKS: bool = true;

    fn placed(&self) -> io::Result<()> {
        self.put.turn.placed()?;
        self.get.turn.placed()
    }

    fn pinned(&self) -> bool {
        self.put.turn.pinned() || self.get.turn.pinned()
    }
}

/// 여러 프로세스가 기록을 넣고 꺼내는 고리입니다.
///
/// `put`과 `get`은 차례만 기다리고, 자리나 기록은 기다리지 않습니다. 그 기다림은 `wait_*`가 맡습니다.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ring {
    shared: Shared<Ends, AtomicU64>,
}

/// 넣지 못한 까닭.
#[derive(Debug)]
pub enum PutError {
    /// 자리가 모자랍니다.
    Full,
    /// 고리 전체보다 큽니다.
    TooLarge,
    /// 닫혔습니다.
    Closed,
    /// 차례를 얻지 못했습니다.
    Turn(MutexError),
}

impl From<MutexError> for PutError {
    fn from(error: MutexError) -> Self {
        PutError::Turn(error)
    }
}

impl Ring {
    /// 적어도 `capacity`바이트인 고리. 위치가 한 바퀴 돌아도 어긋나지 않게 2의 거듭제곱으로 올림합니다.
    pub fn new(capacity: usize) -> io::Result<Ring> {
        let words = capacity.div_ceil(WORD).max(1);
        if words > MAX_WORDS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "큐의 최대 크기는 16GiB입니다",
            ));
        }
        let words = words.next_power_of_two();
        let side = || Side {
            turn: Mutex::new(),
            position: AtomicU64::new(0),
            moved: EventCount::default(),
        };
        let ends = Ends { put: side(), get: side(), closed: AtomicBool::new(false) };
        Ok(Ring { shared: Shared::with_tail(ends, words)? })
    }

    /// 고리의 크기(바이트).
    pub fn capacity(&self) -> usize {
        self.shared.tail().len() * WORD
    }

    /// 들어 있는 기록의 수.
    pub fn len(&self) -> usize {
        // 꺼낸 쪽을 먼저 읽습니다. 그 사이에 더 꺼내더라도 음수가 되지 않습니다.
        let taken = self.items_taken();
        self.items_put().wrapping_sub(taken) as usize
    }

    /// 지금까지 넣은 기록의 수. 한 바퀴 돌아 0으로 갑니다.
    pub fn items_put(&self) -> u32 {
        self.shared.put.position().items
    }

    /// 지금까지 꺼낸 기록의 수. 한 바퀴 돌아 0으로 갑니다.
    pub fn items_taken(&self) -> u32 {
        self.shared.get.position().items
    }

    /// 기록이 차지하는 칸의 수: 길이 8바이트와 내용.
    fn words_for(length: usize) -> usize {
        1 + length.div_ceil(WORD)
    }

    /// `bytes`를 기록 하나로 넣습니다. 차례는 마감까지 기다리지만, 자리는 기다리지 않습니다.
    pub fn put(&self, bytes: &[u8], deadline: Deadline) -> Result<(), PutError> {
        let needed = Self::words_for(bytes.len());
        let slots = self.shared.tail();
        if needed > slots.len() {
            return Err(PutError::TooLarge);
        }
        // 앞 사람이 쥔 채 죽었어도 고칠 것이 없습니다. 위치는 언제나 온전합니다.
        let turn = self.shared.put.turn.lock(deadline)?;
        if self.shared.closed.load(Relaxed) {
            return Err(PutError::Closed);
        }
        let tail = self.shared.put.position();
        let used = tail.words.wrapping_sub(self.shared.get.position().words) as usize;
        if needed > slots.len() - used {
            return Err(PutError::Full);
        }
        let mut words = self.words_from(tail);
        store_bytes(words.by_ref().take(1), &(bytes.len() as u64).to_ne_bytes());
        store_bytes(words, bytes);
        self.shared.put.advance(tail, needed as u32);
        drop(turn);
        self.shared.put.moved.notify_one();
        Ok(())
    }

    /// 기록 하나를 꺼내 `bytes`에 담습니다. 비었으면 `false`입니다. 차례는 마감까지 기다립니다.
    pub fn get(&self, bytes: &mut Vec<u8>, deadline: Deadline) -> Result<bool, MutexError> {
        let turn = self.shared.get.turn.lock(deadline)?;
        let head = self.shared.get.position();
        if head.words == self.shared.put.position().words {
            return Ok(false);
        }
        let mut words = self.words_from(head);
        let length = words.next().map_or(0, |word| word.load(Relaxed)) as usize;
        bytes.clear();
        load_bytes(words, length, bytes);
        self.shared.get.advance(head, Self::words_for(length) as u32);
        drop(turn);
        // 큰 항목에 모자란 자리가 작은 항목에는 넉넉할 수 있으므로, 넣으려는 쪽이 저마다 다시 봅니다.
        self.shared.get.moved.notify_all();
        Ok(true)
    }

    /// 더 넣지 못하게 합니다. 이미 넣은 기록은 남습니다.
    pub fn close(&self) -> Result<(), MutexError> {
        let turn = self.shared.put.turn.lock(None)?;
        self.shared.closed.store(true, Release);
        drop(turn);
        self.shared.put.moved.notify_all();
        self.shared.get.moved.notify_all();
        Ok(())
    }

    /// 닫혔는지 봅니다. 참이면, 이 뒤로 보이는 기록이 전부입니다.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Acquire)
    }

    /// 넣은 쪽이 있을 때마다 `check`를 다시 불러, `Some`이 나오거나 마감이 될 때까지 기다립니다.
    pub fn wait_for_put<T, E>(
        &self,
        deadline: Deadline,
        check: impl FnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        self.shared.put.moved.wait_for(deadline, check)
    }

    /// 꺼낸 쪽이 있을 때마다 `check`를 다시 불러, `Some`이 나오거나 마감이 될 때까지 기다립니다.
    pub fn wait_for_get<T, E>(
        &self,
        deadline: Deadline,
        check: impl FnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        self.shared.get.moved.wait_for(deadline, check)
    }

    /// `position`부터의 칸들. 끝에 닿으면 처음으로 이어집니다.
    fn words_from(&self, position: Position) -> impl Iterator<Item = &AtomicU64> {
        let words = self.shared.tail();
        let start = position.words as usize & (words.len() - 1);
        let (front, back) = words.split_at(start);
        back.iter().chain(front)
    }
}
