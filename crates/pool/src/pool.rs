//! [`Pool`]: 함수 하나를 여러 프로세스가 나누어, 많은 항목에 적용합니다.
//!
//! 작업자 프로세스를 한 번 띄워 두고 항목들을 묶음(chunk)으로 나누어 맡깁니다. 파이썬의 풀은 작업자가 죽으면 그
//! 결과를 영원히 기다리지만, 여기서는 죽은 작업자가 계산하던 항목만 에러가 되고, 작업자는 새로 바뀝니다.
//!
//! 항목 하나의 길: 호출한 쪽(`imap.rs`, `later.rs`) → 묶음 만들기(`call.rs`, `chunk.rs`) → 맡기기(`core.rs`) → 나누어 주기(`dispatch.rs`) →
//! 게시판(`board.rs`) → 작업자(`worker.rs`) → 책상(`board.rs`) → 결과 모으기(`slot.rs`) → 다시 호출한 쪽.

mod board;
mod call;
mod chunk;
mod core;
mod dispatch;
mod error;
mod imap;
mod later;
mod slot;
mod worker;

use std::num::NonZeroUsize;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::thread::{JoinHandle, available_parallelism};
use std::time::Duration;
use std::{fmt, thread, vec};

use ipc_core::build::{Message, Parcel, RemoteFn, Task, after};
use ipc_core::{ChannelError, ProcessError};

use crate::core::Core;
use dispatch::Options;
pub use error::{Cause, ItemError, PoolError};
pub use imap::Imap;
pub use later::AsyncResult;
use worker::{Initializer, RunChunk};

/// 작업자 프로세스들의 풀입니다. 파이썬의 `multiprocessing.Pool`에 해당합니다.
///
/// rayon의 스레드 풀과 달리 항목과 결과가 복사되어 건너가므로, 항목 하나의 일이 작으면 스레드가 낫습니다. 대신
/// 작업자가 죽어도 프로그램은 죽지 않습니다. 맡긴 일은 부모가 다른 일을 하는 동안에도 계속되고, 여러 스레드가 풀 하나를
/// 함께 쓸 수 있습니다(`static`에 두어도 됩니다). 버리면 하던 일을 그만두고 작업자들을 끝냅니다.
///
/// 함수는 항목 하나를 인수로 받습니다. 항목이 튜플이면 여러 인수로 풀어 받을 수도 있습니다(파이썬의 `starmap`).
/// 값이나 `Result`를 반환합니다. 이름이 있는 함수나, 바깥 변수를 캡처하지 않은 클로저면 됩니다. 시그니처의 `F`, `I`, `A`, `M`은
/// 컴파일러가 알아내므로 적을 일이 없습니다.
///
/// ```
/// fn main() -> anyhow::Result<()> {
///     ipc_core::init();
///     let pool = pool::Pool::new(2)?;
///     assert_eq!(pool.map(|n: u32| n * n, 0..5)?, [0, 1, 4, 9, 16]);
///     assert_eq!(pool.map(u32::pow, [(2, 3), (3, 2)])?, [8, 9]);
///     Ok(())
/// }
/// ```
pub struct Pool {
    core: Arc<Core>,
    /// 끝날 때까지 `Some`입니다.
    supervisor: Option<JoinHandle<()>>,
    chunk_size: Option<NonZeroUsize>,
}

/// 풀을 만들기 전에 정하는 것들입니다. [`Pool::builder`]로 시작합니다.
pub struct Builder {
    options: Options,
    chunk_size: Option<NonZeroUsize>,
    /// `initializer`를 보낼 수 없으면 그 이유. [`Builder::build`]가 알립니다.
    refused: Option<ProcessError>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builder(작업자 {}명)", self.options.workers)
    }
}

impl Builder {
    fn of(workers: usize) -> Builder {
        let options = Options { workers, retries: 0, max_tasks_per_child: None, initializer: None };
        Builder { options, chunk_size: None, refused: None }
    }

    /// 작업자의 수. 정하지 않으면 코어의 수입니다.
    pub fn workers(mut self, workers: usize) -> Builder {
        self.options.workers = workers;
        self
    }

    /// 한 번에 보내는 항목의 수. 정하지 않으면 `map`은 작업자마다 네 묶음쯤 되게, `imap`은 하나씩 보냅니다.
    /// 0은 1로 봅니다.
    pub fn chunk_size(mut self, items: usize) -> Builder {
        self.chunk_size = NonZeroUsize::new(items.max(1));
        self
    }

    /// 작업자가 죽었을 때 계산하던 항목을 다시 해 볼 횟수(묶음마다). 정하지 않으면 0입니다.
    ///
    /// 다시 하면 같은 항목의 함수가 두 번 호출될 수 있습니다. 그래도 되는 일에만 쓰십시오.
    pub fn retries(mut self, retries: u32) -> Builder {
        self.options.retries = retries;
        self
    }

    /// 작업자 하나가 맡을 묶음의 수. 다 마치면 새 프로세스로 바뀝니다. 0은 1로 봅니다.
    pub fn max_tasks_per_child(mut self, chunks: u64) -> Builder {
        self.options.max_tasks_per_child = Some(chunks.max(1));
        self
    }

    /// 작업자마다 처음에 한 번 `task(args)`를 호출합니다. 실패하면 작업자를 다시 띄우고, 모두가 거듭
    /// 세 번 실패하면 풀의 호출이 [`PoolError::Initializer`]로 끝납니다.
    pub fn initializer<F: Task<A, M>, A: Message, M>(mut self, task: F, args: A) -> Builder {
        let _zero_sized = task;
        let mut parcel = Parcel::default();
        let pushed = parcel.push(&args).map_err(|e| ProcessError::Channel(ChannelError::Codec(e)));
        let run = RemoteFn::new(worker::initialize::<F, A, M>);
        match (pushed, run) {
            (Ok(()), Some(run)) => {
                self.options.initializer = Some(Initializer { run, args: parcel });
            }
            (Err(error), _) => self.refused = Some(error),
            (_, None) => {
                let task = std::any::type_name::<F>();
                self.refused = Some(ProcessError::OtherObject { task });
            }
        }
        self
    }

    /// 작업자들을 띄웁니다. 준비되기를 기다리지 않습니다.
    ///
    /// # Errors
    ///
    /// 작업자가 0명이면 [`PoolError::NoWorkers`], 열린 파일의 한도에 비해 너무 많으면 [`PoolError::TooManyWorkers`], 하나라도
    /// 띄우지 못하면 [`PoolError::Start`]이며, 이미 띄운 것은 모두 끝내고 회수합니다.
    pub fn build(self) -> Result<Pool, PoolError> {
        if self.options.workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        if let Some(error) = self.refused {
            return Err(error.into());
        }
        let core = Core::start(self.options)?;
        let shared = Arc::clone(&core);
        let named = thread::Builder::new().name("pool-supervisor".into());
        match named.spawn(move || shared.supervise()) {
            Ok(supervisor) => {
                Ok(Pool { core, supervisor: Some(supervisor), chunk_size: self.chunk_size })
            }
            Err(error) => {
                // 스레드를 만들지 못했으므로, 관리 스레드가 할 정리를 여기서 합니다.
                core.stop();
                core.supervise();
                Err(ProcessError::Start(error).into())
            }
        }
    }
}

impl Pool {
    /// 작업자가 `workers`명인 풀을 만듭니다. 에러는 [`Builder::build`]와 같습니다.
    pub fn new(workers: usize) -> Result<Pool, PoolError> {
        Builder::of(workers).build()
    }

    /// 작업자의 수, 묶음의 크기, 재시도 횟수 등을 정해 풀을 만듭니다.
    pub fn builder() -> Builder {
        Builder::of(available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// 항목마다 `task`를 호출한 결과를 입력 순서로 모읍니다. 모두 끝날 때까지 기다립니다.
    ///
    /// `items`는 `Vec`, 배열, 범위처럼 `for`로 돌 수 있는 것이고, `task`는 항목 하나를 받는 함수입니다. 결과는 `Vec`에 담깁니다.
    ///
    /// # Errors
    ///
    /// 실패한 항목이 있으면 그 가운데 가장 앞의 것을 [`PoolError::Item`]으로 반환하고 나머지는 그만둡니다. 실패를
    /// 항목마다 보려면 [`Pool::try_map`]을 쓰십시오.
    pub fn map<F, I, M>(&self, task: F, items: I) -> Result<Vec<F::Value>, PoolError>
    where
        F: Task<I::Item, M>,
        I: IntoIterator<Item: Message>,
    {
        let items = items.into_iter();
        match items.size_hint() {
            // 길이를 아는 입력은 모아 두지 않고 읽는 대로 맡깁니다.
            (least, Some(most)) if least == most => {
                Imap::new(&self.core, run_of(task), items, self.even(least)).values()
            }
            _ => self.whole(task, items).values(),
        }
    }

    /// [`Pool::map`]과 같지만 항목마다의 성공과 실패를 모두 반환합니다.
    ///
    /// # Errors
    ///
    /// 작업자를 띄우지 못하는 등, 풀 자체가 일할 수 없을 때뿐입니다.
    pub fn try_map<F, I, M>(
        &self,
        task: F,
        items: I,
    ) -> Result<Vec<ItemResult<F::Value>>, PoolError>
    where
        F: Task<I::Item, M>,
        I: IntoIterator<Item: Message>,
    {
        let separate = |result| match result {
            Ok(value) => Ok(Ok(value)),
            Err(PoolError::Item(error)) => Ok(Err(error)),
            Err(error) => Err(error),
        };
        self.whole(task, items).map(separate).collect()
    }

    /// [`Pool::map`]의 일을 맡기고 바로 반환합니다. 결과는 [`AsyncResult::get`]이 입력 순서로 모읍니다.
    ///
    /// # Errors
    ///
    /// 닫힌 풀이면 [`PoolError::Closed`].
    pub fn map_async<F, I, M>(&self, task: F, items: I) -> Result<MapResult<F::Value>, PoolError>
    where
        F: Task<I::Item, M>,
        I: IntoIterator<Item: Message>,
    {
        let (items, chunk_size) = self.gather(items);
        AsyncResult::submit(&self.core, run_of(task)?, items, chunk_size, Some)
    }

    /// 결과를 입력 순서로 하나씩 내는 반복자입니다. 결과를 가져가는 만큼만 입력을 읽습니다.
    pub fn imap<F, I, M>(&self, task: F, items: I) -> Imap<I::IntoIter, F::Value>
    where
        F: Task<I::Item, M>,
        I: IntoIterator<Item: Message>,
    {
        let chunk_size = self.chunk_size.map_or(1, NonZeroUsize::get);
        Imap::new(&self.core, run_of(task), items.into_iter(), chunk_size)
    }

    /// [`Pool::imap`]과 같지만 먼저 끝난 묶음의 결과를 먼저 냅니다.
    pub fn imap_unordered<F, I, M>(&self, task: F, items: I) -> Imap<I::IntoIter, F::Value>
    where
        F: Task<I::Item, M>,
        I: IntoIterator<Item: Message>,
    {
        self.imap(task, items).unordered()
    }

    /// 작업자 하나에서 `task(args)`를 호출하고 결과를 기다립니다. 에러는 [`Pool::map`]과 같습니다.
    ///
    /// 인수가 여럿이면 `args`에 튜플을 주십시오.
    pub fn apply<F, A, M>(&self, task: F, args: A) -> Result<F::Value, PoolError>
    where
        F: Task<A, M>,
        A: Message,
    {
        self.apply_async(task, args)?.get()
    }

    /// `task(args)`를 맡기고 바로 반환합니다. 결과는 [`AsyncResult::get`]으로 받습니다.
    ///
    /// # Errors
    ///
    /// 닫힌 풀이면 [`PoolError::Closed`].
    pub fn apply_async<F, A, M>(&self, task: F, args: A) -> Result<AsyncResult<F::Value>, PoolError>
    where
        F: Task<A, M>,
        A: Message,
    {
        let item = std::iter::once(args);
        AsyncResult::submit(&self.core, run_of(task)?, item, 1, |mut values| values.pop())
    }

    /// 지금 있는 작업자들의 PID.
    pub fn worker_ids(&self) -> Vec<u32> {
        self.core.workers()
    }

    /// 더 맡기지 않겠다고 정합니다. 이 뒤로 맡기는 호출은 [`PoolError::Closed`]로 끝납니다. 이미 맡긴 일은 끝까지 합니다.
    pub fn close(&self) {
        self.core.close();
    }

    /// 닫고, 맡긴 일이 모두 끝나기를 기다린 뒤 작업자들을 끝냅니다. 결과를 받지 않은 일도 끝까지 합니다.
    pub fn join(self) {
        self.core.drain(None);
    }

    /// [`join`](Pool::join)과 같지만 `timeout`까지만 기다립니다. 시간이 지나면 `false`이며, 풀은 닫힌 채로 일을 계속합니다.
    pub fn join_timeout(&self, timeout: Duration) -> bool {
        self.core.drain(after(timeout))
    }

    /// 하던 일을 그만두고 작업자들을 끝냅니다. 풀을 버리는 것과 같습니다.
    pub fn terminate(self) {}

    /// 입력을 모두 모아, 묶음의 크기를 정하고 맡깁니다.
    fn whole<F, I, M>(&self, task: F, items: I) -> Imap<vec::IntoIter<I::Item>, F::Value>
    where
        F: Task<I::Item, M>,
        I: IntoIterator<Item: Message>,
    {
        let (items, chunk_size) = self.gather(items);
        Imap::new(&self.core, run_of(task), items, chunk_size).unbounded()
    }

    /// 입력을 모두 모아, 묶음의 크기와 함께 반환합니다.
    fn gather<I: IntoIterator>(&self, items: I) -> (vec::IntoIter<I::Item>, usize) {
        let items: Vec<I::Item> = items.into_iter().collect();
        let chunk_size = self.even(items.len());
        (items.into_iter(), chunk_size)
    }

    /// 항목 `count`개를 묶는 크기.
    fn even(&self, count: usize) -> usize {
        let even = count.div_ceil(4 * self.core.worker_count()).max(1);
        self.chunk_size.map_or(even, NonZeroUsize::get)
    }
}

/// 상태를 고치는 동안에는 사용자의 코드를 호출하지 않으므로, 패닉이 지나가도 풀은 온전합니다.
impl UnwindSafe for Pool {}
/// 위와 같습니다.
impl RefUnwindSafe for Pool {}

impl Drop for Pool {
    fn drop(&mut self) {
        self.core.stop();
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool(작업자 {}명)", self.core.worker_count())
    }
}

/// [`Pool::map_async`]의 결과를 받을 핸들.
pub type MapResult<R> = AsyncResult<R, Vec<R>>;
/// 항목 하나의 결과.
pub type ItemResult<R> = Result<R, ItemError>;

/// `task`를 계산하는 함수의 위치.
fn run_of<F: Task<A, M>, A: Message, M>(task: F) -> Result<RunChunk, PoolError> {
    let _zero_sized = task; // 함수는 타입만으로 정해지므로 값은 보내지 않습니다.
    let run = RemoteFn::new(worker::run_chunk::<F, A, M>);
    let task = std::any::type_name::<F>();
    run.ok_or_else(|| ProcessError::OtherObject { task }.into())
}
