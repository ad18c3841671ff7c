//! 모형의 부품: 어느 단계에서든 죽을 수 있는 프로세스, 로버스트 뮤텍스, 귀띔(event count).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use loom::sync::atomic::{AtomicU32, Ordering::SeqCst};
use loom::sync::{Condvar, Mutex, MutexGuard};
use loom::thread::yield_now;

/// 죽었음. 남은 단계는 하나도 일어나지 않습니다.
#[derive(Debug)]
pub struct Killed;

/// 살아서 마쳤으면 `Ok`.
pub type Life<T = ()> = Result<T, Killed>;

/// 모형의 프로세스. 공유 메모리나 커널에 닿는 단계마다 [`Process::step`]을 먼저 부릅니다.
pub struct Process {
    /// 죽기까지 남은 단계. `None`이면 죽지 않습니다.
    left: Cell<Option<usize>>,
    killed: Arc<AtomicBool>,
}

impl Process {
    pub fn immortal() -> Process {
        Process { left: Cell::new(None), killed: Arc::default() }
    }

    /// `steps`단계를 마치고 죽습니다. 정말 죽었으면 `killed`에 적습니다.
    pub fn doomed(steps: usize, killed: &Arc<AtomicBool>) -> Process {
        Process { left: Cell::new(Some(steps)), killed: killed.clone() }
    }

    /// 죽을 때가 되었으면 여기서 멈춥니다. 아니면 다음 단계로 갑니다.
    pub fn step(&self) -> Life {
        match self.left.get() {
            Some(0) => {
                self.killed.store(true, Relaxed);
                Err(Killed)
            }
            left => {
                self.left.set(left.map(|left| left - 1));
                Ok(())
            }
        }
    }
}

/// 로버스트 뮤텍스(mutex.rs). 쥔 채 죽으면 커널이 놓아 주고, 다음 주인에게 그 사실을 알립니다.
///
/// 죽은 프로세스의 가드가 사라지는 것이 곧 커널이 놓는 것입니다. 고리는 `owner_died`를 보지 않습니다.
#[derive(Default)]
pub struct RobustMutex(Mutex<()>);

impl RobustMutex {
    pub fn lock(&self, me: &Process) -> Life<MutexGuard<'_, ()>> {
        me.step()?;
        Ok(self.0.lock().unwrap())
    }
}

/// 모형이 코드와 다르게 움직이는 자리. 하나라도 켜면 모형이 잘못을 찾아내야 합니다.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    /// 코드 그대로.
    None,
    /// 내용보다 위치를 먼저 옮깁니다.
    PositionFirst,
    /// 위치를 `Relaxed`로 저장합니다.
    RelaxedPosition,
    /// 잠든 쪽은 깨워야만 일어납니다.
    NeverLookAgain,
    /// 차례를 지키지 않고 꺼냅니다.
    NoTurn,
    /// 위치를 옮기기 전에 알립니다.
    NotifyFirst,
    /// "기다린다"고 적은 뒤에 다시 살펴보지 않습니다.
    NoSecondLook,
    /// "기다린다"는 표시를 교환하지 않고 저장합니다. C11의 규칙으로는 깨움을 놓칩니다.
    PlainMark,
    /// 깨어나 조건을 얻은 쪽이 다음 쪽을 깨우지 않습니다.
    KeepTheWake,
    /// 자리가 났을 때 하나만 깨웁니다. 깨어난 쪽에는 모자란 자리가 다른 쪽에는 넉넉할 수 있습니다.
    WakeOnePutter,
}

/// 귀띔(futex.rs의 EventCount)과, 커널이 잠든 쪽을 세워 두는 줄.
pub struct EventCount {
    count: AtomicU32,
    waiting: AtomicU32,
    bucket: Mutex<()>,
    sleepers: Condvar,
    look_again: bool,
    twist: Twist,
}

const WAITING: u32 = 1;

impl EventCount {
    /// `look_again`이면 잠든 쪽은 언제든 스스로 다시 살펴봅니다. 아니면 깨워야만 일어납니다.
    pub fn new(look_again: bool, twist: Twist) -> EventCount {
        let (count, waiting) = (AtomicU32::new(0), AtomicU32::new(0));
        let (bucket, sleepers) = (Mutex::new(()), Condvar::new());
        EventCount { count, waiting, bucket, sleepers, look_again, twist }
    }

    pub fn notify_one(&self, me: &Process) -> Life {
        self.notify(me, false)
    }

    pub fn notify_all(&self, me: &Process) -> Life {
        self.notify(me, true)
    }

    fn notify(&self, me: &Process, all: bool) -> Life {
        // futex.rs: if self.waiting.swap(0, SeqCst) == WAITING {
        me.step()?;
        if self.waiting.swap(0, SeqCst) == WAITING {
            // futex.rs: self.count.fetch_add(1, SeqCst);
            me.step()?;
            self.count.fetch_add(1, SeqCst);
            // futex.rs: wake(&self.count, sleepers);
            me.step()?;
            self.wake(all);
        }
        Ok(())
    }

    pub fn wait_for<T>(&self, me: &Process, mut check: impl FnMut() -> Life<Option<T>>) -> Life<T> {
        if let Some(found) = check()? {
            return Ok(found);
        }
        let mut slept = false;
        loop {
            // futex.rs: let seen = self.count.load(SeqCst);
            me.step()?;
            let seen = self.count.load(SeqCst);
            me.step()?;
            if self.twist == Twist::PlainMark {
                self.waiting.store(WAITING, SeqCst);
            } else {
                // futex.rs: self.waiting.swap(WAITING, SeqCst);
                self.waiting.swap(WAITING, SeqCst);
            }
            if self.twist != Twist::NoSecondLook {
                if let Some(found) = check()? {
                    if slept && self.twist != Twist::KeepTheWake {
                        // futex.rs: self.notify_one();
                        self.notify_one(me)?;
                    }
                    return Ok(found);
                }
            }
            // futex.rs: wait(&self.count, seen, …)
            me.step()?;
            self.wait(seen);
            slept = true;
        }
    }

    /// `FUTEX_WAIT`: 값을 확인하는 일과 줄에 서는 일이 한 번에 이루어집니다.
    fn wait(&self, seen: u32) {
        if self.look_again {
            return yield_now();
        }
        let bucket = self.bucket.lock().unwrap();
        if self.count.load(SeqCst) == seen {
            drop(self.sleepers.wait(bucket).unwrap());
        }
    }

    /// `FUTEX_WAKE`
    fn wake(&self, all: bool) {
        let _bucket = self.bucket.lock().unwrap();
        if all { self.sleepers.notify_all() } else { self.sleepers.notify_one() }
    }
}
