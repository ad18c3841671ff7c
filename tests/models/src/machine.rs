//! 기계의 대역: 아토믹, 커널(퓨텍스, pthread의 로버스트 뮤텍스, 시계), 그리고 죽을 수 있는 프로세스.
//!
//! 모형의 프로세스는 loom의 스레드이고, loom의 스레드는 모두 실제 스레드 하나 위에서 번갈아 실행됩니다. 그래서 커널의
//! 표([`Kernel`])는 보통의 스레드 지역 변수이며, loom이 순서를 바꾸는 곳(아토믹의 걸음) 사이에서는 원자적입니다.
//!
//! 프로세스의 죽음은 패닉으로 나타냅니다. 패닉이 지나가는 동안 실행되는 `Drop`은 진짜 죽음에서는 실행되지 않으므로, 그동안의
//! 걸음은 아무것도 하지 않습니다([`step`]).

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed as Plain};

pub use std::time::Duration;

use loom::thread::Thread;

/// 실행 하나(가능한 순서 가운데 하나)의 커널.
#[derive(Default)]
struct Kernel {
    /// 잠든 스레드와 그것이 기다리는 주소, 잠든 순서대로.
    sleepers: RefCell<Vec<(usize, Thread)>>,
    /// 마지막으로 준 PID.
    last_pid: Cell<u32>,
    /// 누가 죽었는지.
    killed: Cell<bool>,
    /// 지금까지의 걸음의 수.
    steps: Cell<usize>,
    /// 잠든 쪽이 모두 스스로 일어난 횟수.
    rechecks: Cell<usize>,
    /// 모형이 끝났는지.
    over: Cell<bool>,
    /// 켠 비틀기.
    twist: Cell<Option<&'static str>>,
}

thread_local! {
    static KERNEL: Kernel = Kernel::default();
}

/// 모형의 프로세스 하나.
struct Process {
    pid: Cell<u32>,
    /// 죽기까지 남은 걸음. `None`이면 죽지 않습니다.
    left: Cell<Option<usize>>,
    /// 쥔 로버스트 뮤텍스들.
    held: RefCell<Vec<*const libc::pthread_mutex_t>>,
}

loom::thread_local! {
    static ME: Process = Process { pid: Cell::new(1), left: Cell::new(None), held: RefCell::default() };
}

/// 프로세스가 죽었음.
struct Death;

/// 공유 메모리나 커널을 바꾸는 걸음. 죽을 때가 되었으면 여기서 죽습니다. 이미 죽는 중이면 `false`입니다.
///
/// 읽기만 하는 걸음은 세지 않습니다. 읽고 죽은 것과 읽기 전에 죽은 것을 남은 프로세스는 가려내지 못합니다.
fn step() -> bool {
    if !glance() {
        return false;
    }
    let dies = ME.with(|me| {
        let left = me.left.get();
        me.left.set(left.map(|left| left.saturating_sub(1)));
        left == Some(0)
    });
    if dies {
        KERNEL.with(|kernel| kernel.killed.set(true));
        resume_unwind(Box::new(Death));
    }
    true
}

/// 보기만 하는 걸음. 죽는 중이면 `false`입니다.
fn glance() -> bool {
    KERNEL.with(|kernel| kernel.steps.set(kernel.steps.get() + 1));
    !std::thread::panicking()
}

pub(crate) fn own_pid() -> u32 {
    ME.with(|me| me.pid.get())
}

/// `name`이라는 비틀기를 켰는지 봅니다.
pub(crate) fn twisted(name: &str) -> bool {
    KERNEL.with(|kernel| kernel.twist.get() == Some(name))
}

/// 아토믹. loom의 것과 같지만, 바꾸는 걸음마다 죽을 수 있습니다.
pub mod atomic {
    pub use loom::sync::atomic::Ordering;
    /// 모형이 쓰지 않는 곳에 있는 정적 변수의 타입입니다.
    pub use std::sync::atomic::{AtomicIsize, AtomicUsize};

    macro_rules! atomic {
        ($($name:ident: $number:ty),*) => { $(
            #[derive(Debug, Default)]
            pub struct $name(pub(super) loom::sync::atomic::$name);

            impl $name {
                pub fn new(value: $number) -> Self {
                    $name(loom::sync::atomic::$name::new(value))
                }

                pub fn load(&self, order: Ordering) -> $number {
                    if super::glance() { self.0.load(order) } else { 0 }
                }

                pub fn store(&self, value: $number, order: Ordering) {
                    if super::step() {
                        self.0.store(value, order);
                    }
                }

                pub fn swap(&self, value: $number, order: Ordering) -> $number {
                    if super::step() { self.0.swap(value, order) } else { 0 }
                }

                pub fn fetch_add(&self, value: $number, order: Ordering) -> $number {
                    if super::step() { self.0.fetch_add(value, order) } else { 0 }
                }

                pub fn fetch_or(&self, value: $number, order: Ordering) -> $number {
                    if super::step() { self.0.fetch_or(value, order) } else { 0 }
                }

                pub fn fetch_max(&self, value: $number, order: Ordering) -> $number {
                    if super::step() { self.0.fetch_max(value, order) } else { 0 }
                }

                pub fn compare_exchange(
                    &self,
                    old: $number,
                    new: $number,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$number, $number> {
                    if super::step() { self.0.compare_exchange(old, new, success, failure) } else { Err(0) }
                }

                pub fn fetch_update(
                    &self,
                    success: Ordering,
                    failure: Ordering,
                    update: impl FnMut($number) -> Option<$number>,
                ) -> Result<$number, $number> {
                    if super::step() { self.0.fetch_update(success, failure, update) } else { Err(0) }
                }
            }
        )* };
    }
    atomic!(AtomicU8: u8, AtomicU16: u16, AtomicU32: u32, AtomicU64: u64);
    atomic!(AtomicI8: i8, AtomicI16: i16, AtomicI32: i32, AtomicI64: i64);
}

/// `address`에서 잠듭니다. 앞의 확인과 잠드는 것 사이에는 다른 프로세스가 끼어들지 못합니다.
fn sleep(address: usize) {
    let rechecks = || KERNEL.with(|kernel| kernel.rechecks.get());
    let before = rechecks();
    KERNEL.with(|kernel| kernel.sleepers.borrow_mut().push((address, loom::thread::current())));
    loom::thread::park();
    if rechecks() != before {
        loom::thread::yield_now(); // loom은 이것을 지나야, 앞에서 본 낡은 값을 다시 보여 주지 않습니다.
    }
}

/// `address`에서 먼저 잠든 쪽부터 `count`까지 깨웁니다.
fn wake(address: usize, count: u32) {
    let woken: Vec<Thread> = KERNEL.with(|kernel| {
        let mut sleepers = kernel.sleepers.borrow_mut();
        let here = |(at, _): &(usize, Thread)| *at == address;
        let next = || sleepers.iter().position(here).map(|index| sleepers.remove(index).1);
        std::iter::from_fn(next).take(count as usize).collect()
    });
    woken.iter().for_each(Thread::unpark);
}

/// 퓨텍스.
pub mod futex {
    use super::atomic::{AtomicU32, Ordering::SeqCst};
    use super::step;
    use rustix::io::Errno;
    use rustix::time::Timespec;

    pub struct Flags;

    impl Flags {
        pub fn empty() -> Flags {
            Flags
        }
    }

    /// 커널은 값을 확인하는 일과 잠드는 일을 한 번에 합니다. 그래서 가장 새로운 값을 읽습니다(더하는 0은 그것을 위한 것입니다).
    pub fn wait(word: &AtomicU32, _: Flags, seen: u32, _: Option<&Timespec>) -> Result<(), Errno> {
        if !step() {
            return Ok(());
        }
        if word.0.fetch_add(0, SeqCst) != seen {
            return Err(Errno::AGAIN);
        }
        super::sleep(std::ptr::from_ref(word).addr());
        Ok(())
    }

    pub fn wake(word: &AtomicU32, _: Flags, count: u32) -> Result<(), Errno> {
        if step() {
            word.0.fetch_add(0, SeqCst);
            super::wake(std::ptr::from_ref(word).addr(), count);
        }
        Ok(())
    }
}

/// 로버스트 pthread 뮤텍스. 걸음마다 `word`를 지나므로 서로 끼어들지 못하고, 쥘 때는 획득, 놓을 때는 해제입니다.
#[allow(non_camel_case_types, clippy::missing_safety_doc, reason = "libc의 이름을 그대로 씁니다")]
pub mod libc {
    use super::{ME, own_pid, step};
    use loom::sync::atomic::{
        AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, fence,
    };
    use rustix::time::Timespec;
    use std::cell::Cell;

    pub type c_int = i32;
    pub type clockid_t = i32;
    pub struct pthread_mutexattr_t;

    pub const EBUSY: c_int = 16;
    pub const EDEADLK: c_int = 35;
    pub const ETIMEDOUT: c_int = 110;
    pub const EOWNERDEAD: c_int = 130;
    pub const CLOCK_MONOTONIC: clockid_t = 1;
    pub const PTHREAD_PROCESS_SHARED: c_int = 1;
    pub const PTHREAD_MUTEX_ROBUST: c_int = 1;
    pub const PTHREAD_MUTEX_ERRORCHECK: c_int = 2;
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "libc에서도 복사해 쓰는 처음 값입니다"
    )]
    pub const PTHREAD_MUTEX_INITIALIZER: pthread_mutex_t =
        pthread_mutex_t { word: None, owner: Cell::new(0), owner_died: Cell::new(false) };

    pub struct pthread_mutex_t {
        /// 초기화하면 생깁니다.
        word: Option<AtomicU32>,
        /// 쥔 프로세스. 0은 아무도 아닙니다.
        owner: Cell<u32>,
        owner_died: Cell<bool>,
    }

    impl pthread_mutex_t {
        fn pass(&self, order: loom::sync::atomic::Ordering) {
            if let Some(word) = &self.word {
                word.fetch_add(0, order);
            }
        }

        fn take(&self) -> c_int {
            self.pass(Relaxed);
            match self.owner.get() {
                0 => {
                    fence(Acquire);
                    self.owner.set(own_pid());
                    ME.with(|me| me.held.borrow_mut().push(self));
                    if self.owner_died.get() { EOWNERDEAD } else { 0 }
                }
                owner if owner == own_pid() => EDEADLK,
                _ => EBUSY,
            }
        }

        fn free(&self, died: bool) {
            self.pass(Release);
            self.owner.set(0);
            self.owner_died.set(died || self.owner_died.get());
            super::wake(std::ptr::from_ref(self).addr(), u32::MAX);
        }
    }

    pub unsafe fn pthread_mutexattr_init(_: *mut pthread_mutexattr_t) -> c_int {
        0
    }

    pub unsafe fn pthread_mutexattr_setpshared(_: *mut pthread_mutexattr_t, _: c_int) -> c_int {
        0
    }

    pub unsafe fn pthread_mutexattr_setrobust(_: *mut pthread_mutexattr_t, _: c_int) -> c_int {
        0
    }

    pub unsafe fn pthread_mutexattr_settype(_: *mut pthread_mutexattr_t, _: c_int) -> c_int {
        0
    }

    pub unsafe fn pthread_mutex_init(
        mutex: *mut pthread_mutex_t,
        _: *const pthread_mutexattr_t,
    ) -> c_int {
        // SAFETY: 호출한 쪽이 약속하듯이 아직 아무도 보지 못하는 뮤텍스입니다.
        unsafe { (*mutex).word = Some(AtomicU32::new(0)) };
        0
    }

    pub unsafe fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: 초기화한 뮤텍스입니다.
        if step() { unsafe { &*mutex }.take() } else { EBUSY }
    }

    /// 모형의 시계는 멈추어 있습니다. 제한 시간이 이미 지나지 않았으면 차례가 올 때까지 기다립니다.
    pub unsafe fn pthread_mutex_clocklock(
        mutex: *mut pthread_mutex_t,
        _: clockid_t,
        until: *const Timespec,
    ) -> c_int {
        // SAFETY: 초기화한 뮤텍스이고, 호출한 쪽이 준 때입니다.
        let (mutex, until) = unsafe { (&*mutex, &*until) };
        if !step() {
            return ETIMEDOUT;
        }
        loop {
            match mutex.take() {
                EBUSY if *until <= super::clock() => return ETIMEDOUT,
                EBUSY => super::sleep(std::ptr::from_ref(mutex).addr()),
                code => return code,
            }
        }
    }

    pub unsafe fn pthread_mutex_consistent(mutex: *mut pthread_mutex_t) -> c_int {
        // SAFETY: 초기화한 뮤텍스입니다.
        unsafe { &*mutex }.owner_died.set(false);
        0
    }

    pub unsafe fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int {
        if step() {
            ME.with(|me| me.held.borrow_mut().retain(|held| !std::ptr::eq(*held, mutex)));
            // SAFETY: 초기화한 뮤텍스입니다.
            unsafe { &*mutex }.free(false);
        }
        0
    }

    /// 커널이 죽은 프로세스의 로버스트 뮤텍스들을 놓습니다.
    pub(super) fn exit() {
        let held = ME.with(|me| me.held.take());
        // SAFETY: 뮤텍스는 프로세스들이 갖는 공유 메모리(`Arc`)에 있고, 죽은 프로세스의 몫은 아직 사라지지 않았습니다.
        held.into_iter().for_each(|mutex| unsafe { &*mutex }.free(true));
    }
}

/// 멈추어 있는 시계.
pub(crate) fn clock() -> rustix::time::Timespec {
    rustix::time::Timespec::default()
}

/// [`std::time::Instant`]의 자리. 지금은 언제나 0입니다.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub fn now() -> Instant {
        Instant(Duration::ZERO)
    }

    pub fn checked_add(self, later: Duration) -> Option<Instant> {
        self.0.checked_add(later).map(Instant)
    }

    pub fn saturating_duration_since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// 깨어서 기다리지 않고 곧바로 잠듭니다. 깨어서 살펴보는 것은 늦게 온 것과 같으므로 새로운 순서가 없습니다.
pub struct Awake;

impl Awake {
    pub fn start() -> Awake {
        Awake
    }

    pub fn pause(&mut self) -> bool {
        false
    }
}

/// `RECHECK`의 대역: 아무도 더 나아가지 못하면, 잠든 쪽이 모두 스스로 일어나 다시 살펴봅니다.
fn recheck_when_quiet() {
    let now = || KERNEL.with(|kernel| kernel.steps.get());
    while !KERNEL.with(|kernel| kernel.over.get()) {
        let before = now();
        loom::thread::yield_now(); // 나아갈 수 있는 다른 스레드가 있으면 그쪽이 먼저입니다.
        if now() == before {
            let woken = KERNEL.with(|kernel| {
                kernel.rechecks.set(kernel.rechecks.get() + 1);
                kernel.sleepers.take()
            });
            woken.iter().for_each(|(_, thread)| thread.unpark());
        }
    }
}

/// 모형을 실행하는 방법.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// 한 번의 실행에서 차례를 빼앗는 횟수의 한도. 스스로 기다리며 내주는 것은 세지 않습니다.
    pub preemptions: usize,
    /// 깨우지 않아도, 기다리는 쪽이 언젠가 스스로 다시 살펴보는지. 아니면 `RECHECK`가 끝없이 긴 것과 같습니다.
    pub rechecks: bool,
    pub twist: Option<&'static str>,
}

impl Mode {
    /// 깨워야만 일어납니다.
    pub const STRICT: Mode = Mode { preemptions: 2, rechecks: false, twist: None };
    /// 언젠가 스스로 다시 살펴봅니다. 누가 죽는 모형에 씁니다.
    pub const RECHECKS: Mode = Mode { rechecks: true, ..Mode::STRICT };

    /// 빼앗기의 한도만 다른 방법.
    pub const fn preempting(self, preemptions: usize) -> Mode {
        Mode { preemptions, ..self }
    }

    /// 가능한 순서를 모두 실행해 봅니다. 멈추거나(교착 상태) 패닉하는 순서가 있으면 패닉합니다.
    pub fn explore(self, model: impl Fn() + Send + Sync + 'static) {
        self.run(model);
    }

    /// 죽는 걸음을 0부터 늘려 가며, 죽기 전에 일이 끝날 때까지 실행해 봅니다.
    pub fn at_every_step(self, model: impl Fn(usize) + Copy + Send + Sync + 'static) {
        let mut steps = 0;
        while self.run(move || model(steps)) {
            steps += 1;
        }
    }

    /// 누가 죽은 실행이 있으면 `true`입니다.
    fn run(self, model: impl Fn() + Send + Sync + 'static) -> bool {
        let missing = crate::MISSING;
        assert!(
            missing.is_empty(),
            "코드에서 찾지 못한 줄이 있습니다. models의 build.rs와 twists.rs를 고치십시오: {missing:#?}"
        );
        let killed = Arc::new(AtomicBool::new(false));
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(self.preemptions);
        builder.max_branches = 10_000;
        let any = Arc::clone(&killed);
        builder.check(move || {
            KERNEL.with(|kernel| {
                kernel.sleepers.borrow_mut().clear();
                kernel.last_pid.set(1);
                kernel.killed.set(false);
                kernel.over.set(false);
                kernel.twist.set(self.twist);
            });
            let timer = self.rechecks.then(|| loom::thread::spawn(recheck_when_quiet));
            model();
            KERNEL.with(|kernel| kernel.over.set(true));
            if let Some(timer) = timer {
                timer.join().unwrap();
            }
            any.fetch_or(KERNEL.with(|kernel| kernel.killed.get()), Plain);
        });
        killed.load(Plain)
    }
}

/// 띄운 프로세스.
pub struct Child<T>(loom::thread::JoinHandle<Option<T>>);

impl<T: 'static> Child<T> {
    /// 끝나기를 기다립니다. 죽었으면 `None`입니다.
    pub fn join(self) -> Option<T> {
        self.0.join().unwrap_or_else(|payload| resume_unwind(payload))
    }
}

/// 죽지 않는 프로세스를 띄웁니다.
pub fn spawn<T: 'static>(work: impl FnOnce() -> T + 'static) -> Child<T> {
    start(None, work)
}

/// `steps`걸음을 마치고 죽는 프로세스를 띄웁니다.
pub fn spawn_doomed<T: 'static>(steps: usize, work: impl FnOnce() -> T + 'static) -> Child<T> {
    start(Some(steps), work)
}

fn start<T: 'static>(left: Option<usize>, work: impl FnOnce() -> T + 'static) -> Child<T> {
    let pid = KERNEL.with(|kernel| {
        kernel.last_pid.set(kernel.last_pid.get() + 1);
        kernel.last_pid.get()
    });
    Child(loom::thread::spawn(move || {
        ME.with(|me| {
            me.pid.set(pid);
            me.left.set(left);
        });
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(value) => {
                ME.with(|me| me.left.set(None));
                Some(value)
            }
            Err(payload) if payload.is::<Death>() => {
                ME.with(|me| me.left.set(None));
                libc::exit();
                None
            }
            Err(payload) => resume_unwind(payload),
        }
    }))
}

/// 이 실행에서 누가 죽었는지 봅니다.
pub fn killed() -> bool {
    KERNEL.with(|kernel| kernel.killed.get())
}
