//! 고리의 모형. 기록 하나는 길이 한 칸과 내용 `length`칸이며, 내용의 칸마다 항목의 번호가 적힙니다.

use loom::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};

use crate::parts::{EventCount, Life, Process, RobustMutex, Twist};

/// 길이와 번호. 내용은 번호를 `length`번 되풀이한 것이라, 찢어졌는지 스스로 압니다.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    pub number: u64,
    pub length: u64,
}

impl Item {
    pub fn new(number: u64) -> Item {
        Item { number, length: 1 }
    }

    fn words(self) -> u64 {
        1 + self.length
    }
}

struct Side {
    turn: RobustMutex,
    position: AtomicU64,
    moved: EventCount,
}

pub struct Ring {
    put: Side,
    get: Side,
    closed: AtomicBool,
    words: Vec<AtomicU64>,
    twist: Twist,
}

/// `get`이 항목을 얻지 못한 까닭.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnected;

impl Ring {
    pub fn new(words: u64, look_again: bool, twist: Twist) -> Ring {
        let side = || Side {
            turn: RobustMutex::default(),
            position: AtomicU64::new(0),
            moved: EventCount::new(look_again, twist),
        };
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        Ring { put: side(), get: side(), closed: AtomicBool::new(false), words, twist }
    }

    fn word(&self, at: u64) -> &AtomicU64 {
        &self.words[at as usize % self.words.len()]
    }

    // queue.rs: `put_until`
    /// 자리가 날 때까지 기다려 넣습니다.
    pub fn put(&self, me: &Process, item: Item) -> Life {
        // queue.rs: self.ring.wait_for_get(deadline, attempt)?.ok_or(QueueError::Timeout)
        self.get.moved.wait_for(me, || self.put_now(me, item))
    }

    // ring.rs: `put`
    /// 자리가 없으면 `None`입니다.
    fn put_now(&self, me: &Process, item: Item) -> Life<Option<()>> {
        // ring.rs: let turn = self.shared.put.turn.lock(deadline)?;
        let turn = self.put.turn.lock(me)?;
        // ring.rs: let tail = self.shared.put.position();
        me.step()?;
        let tail = self.put.position.load(Acquire);
        // ring.rs: let used = tail.words.wrapping_sub(self.shared.get.position().words) as usize;
        me.step()?;
        let used = tail - self.get.position.load(Acquire);
        if item.words() > self.words.len() as u64 - used {
            return Ok(None);
        }
        if self.twist == Twist::NotifyFirst {
            self.put.moved.notify_one(me)?;
        }
        if self.twist == Twist::PositionFirst {
            self.put.position.store(tail + item.words(), Release);
        }
        // ring.rs: store_bytes(words.by_ref().take(1), &(bytes.len() as u64).to_ne_bytes());
        me.step()?;
        self.word(tail).store(item.length, Relaxed);
        for at in 1..item.words() {
            // ring.rs: store_bytes(words, bytes);
            me.step()?;
            self.word(tail + at).store(item.number, Relaxed);
        }
        // ring.rs: self.shared.put.advance(tail, needed as u32);
        me.step()?;
        let order = if self.twist == Twist::RelaxedPosition { Relaxed } else { Release };
        self.put.position.store(tail + item.words(), order);
        // ring.rs: drop(turn);
        me.step()?;
        drop(turn);
        if self.twist != Twist::NotifyFirst {
            // ring.rs: self.shared.put.moved.notify_one();
            self.put.moved.notify_one(me)?;
        }
        Ok(Some(()))
    }

    // queue.rs: `get_holding`
    /// 항목이 들어오거나 닫힐 때까지 기다려 꺼냅니다.
    pub fn get(&self, me: &Process) -> Life<Result<Item, Disconnected>> {
        // queue.rs: None => self.ring.wait_for_put(deadline, attempt)?.ok_or(QueueError::Timeout)?,
        self.put.moved.wait_for(me, || self.get_now(me))
    }

    // queue.rs: `get_now`
    /// 지금 없으면 `None`입니다.
    pub fn get_now(&self, me: &Process) -> Life<Option<Result<Item, Disconnected>>> {
        // queue.rs: let closed = self.ring.is_closed();
        me.step()?;
        let closed = self.closed.load(Acquire);
        if !self.is_empty(me)? {
            if let Some(item) = self.take(me)? {
                return Ok(Some(Ok(item)));
            }
        }
        Ok(closed.then_some(Err(Disconnected)))
    }

    fn is_empty(&self, me: &Process) -> Life<bool> {
        // ring.rs: let taken = self.items_taken();
        me.step()?;
        let taken = self.get.position.load(Acquire);
        // ring.rs: self.items_put().wrapping_sub(taken) as usize
        me.step()?;
        Ok(self.put.position.load(Acquire) == taken)
    }

    // ring.rs: `get`
    fn take(&self, me: &Process) -> Life<Option<Item>> {
        let turn = match self.twist {
            Twist::NoTurn => None,
            // ring.rs: let turn = self.shared.get.turn.lock(deadline)?;
            _ => Some(self.get.turn.lock(me)?),
        };
        // ring.rs: let head = self.shared.get.position();
        me.step()?;
        let head = self.get.position.load(Acquire);
        // ring.rs: if head.words == self.shared.put.position().words {
        me.step()?;
        if head == self.put.position.load(Acquire) {
            return Ok(None);
        }
        // ring.rs: let length = words.next().map_or(0, |word| word.load(Relaxed)) as usize;
        me.step()?;
        let length = self.word(head).load(Relaxed);
        assert!((1..self.words.len() as u64).contains(&length), "길이가 찢어졌습니다: {length}");
        // ring.rs: load_bytes(words, length, bytes);
        me.step()?;
        let number = self.word(head + 1).load(Relaxed);
        for at in 2..=length {
            assert_eq!(self.word(head + at).load(Relaxed), number, "내용이 찢어졌습니다");
        }
        let item = Item { number, length };
        // ring.rs: self.shared.get.advance(head, Self::words_for(length) as u32);
        me.step()?;
        self.get.position.store(head + item.words(), Release);
        // ring.rs: drop(turn);
        me.step()?;
        drop(turn);
        match self.twist {
            Twist::WakeOnePutter => self.get.moved.notify_one(me)?,
            // ring.rs: self.shared.get.moved.notify_all();
            _ => self.get.moved.notify_all(me)?,
        }
        Ok(Some(item))
    }

    // ring.rs: `close`
    pub fn close(&self, me: &Process) -> Life {
        // ring.rs: let turn = self.shared.put.turn.lock(None)?;
        let turn = self.put.turn.lock(me)?;
        // ring.rs: self.shared.closed.store(true, Release);
        me.step()?;
        self.closed.store(true, Release);
        // ring.rs: drop(turn);
        me.step()?;
        drop(turn);
        // ring.rs: self.shared.put.moved.notify_all();
        self.put.moved.notify_all(me)?;
        // ring.rs: self.shared.get.moved.notify_all();
        self.get.moved.notify_all(me)
    }
}
