//! [`Pool`]: 함수 하나를 많은 항목에, 여러 프로세스가 나누어.
//!
//! 작업자 프로세스를 한 번 띄워 두고 항목들을 묶음(chunk)으로 나누어 보냅니다. 파이썬의 풀은 작업자가 죽으면 그
//! 결과를 영원히 기다리지만, 여기서는 죽은 작업자가 계산하던 항목만 에러가 되고, 작업자는 새로 바뀝니다.
//!
//! 데이터는 한 방향으로 흐릅니다: 부른 쪽(`imap.rs`, `later.rs`) → 호출(`job.rs`) → 나누어 주기(`dispatch.rs`) →
//! 자리(`seat.rs`) → 작업자(`worker.rs`). 오가는 것은 묶음(`chunk.rs`)이고, 그 안의 형식은 `record.rs`에 있습니다.

mod chunk;
mod dispatch;
mod error;
mod imap;
mod job;
mod later;
mod record;
mod seat;
mod worker;

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use ipc_core::{Channel, Output, RemoteFn, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;

use dispatch::Dispatcher;
pub use error::{Cause, ItemError, PoolError};
pub use imap::Imap;
pub use later::AsyncResult;
use seat::{Initializer, Options};

/// 작업자 프로세스들의 풀입니다. 파이썬의 `multiprocessing.Pool`에 해당합니다.
///
/// rayon의 스레드 풀과 달리 항목과 결과가 복사되어 건너가므로, 항목 하나의 일이 작으면 스레드가 낫습니다. 대신
/// 작업자가 죽어도 프로그램은 죽지 않습니다. 풀의 메서드는 부른 스레드에서 일을 나누어 주며, 보조 스레드를 쓰지
/// 않습니다. 버리면 작업자들을 바로 끝냅니다.
///
/// 함수는 항목 하나를 인수로 받습니다. 항목이 튜플이면 여러 인수로 풀어 받을 수도 있습니다(파이썬의 `starmap`).
/// 값이나 `anyhow::Result`를 돌려줍니다.
///
/// ```standalone_crate
/// fn main() -> anyhow::Result<()> {
///     ipc_core::init();
///     let pool = pool::Pool::new(2)?;
///     assert_eq!(pool.map(|n: u32| n * n, 0..5)?, [0, 1, 4, 9, 16]);
///     assert_eq!(pool.map(u32::pow, [(2, 3), (3, 2)])?, [8, 9]);
///     Ok(())
/// }
/// ```
pub struct Pool {
    dispatcher: RefCell<Dispatcher>,
    chunk_size: Option<NonZeroUsize>,
}

/// 풀을 만들기 전에 정하는 것들입니다. [`Pool::builder`]로 시작합니다.
pub struct Builder {
    options: Options,
    chunk_size: Option<NonZeroUsize>,
}

impl Builder {
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
    /// 다시 하면 같은 항목의 함수가 두 번 불릴 수 있습니다. 그래도 되는 일에만 쓰십시오.
    pub fn retries(mut self, retries: u32) -> Builder {
        self.options.retries = retries;
        self
    }

    /// 작업자 하나가 받을 묶음의 수. 다 받으면 새 프로세스로 바뀝니다. 0은 1로 봅니다.
    pub fn max_tasks_per_child(mut self, chunks: u64) -> Builder {
        self.options.max_tasks_per_child = Some(chunks.max(1));
        self
    }

    /// 작업자마다 처음에 한 번 `task(args)`를 부릅니다. 실패하면 작업자를 다시 띄우고, 자리 하나에서 거듭
    /// 세 번 실패하면 풀의 호출이 [`PoolError::Initializer`]로 끝납니다.
    pub fn initializer<F, A, M, K>(mut self, task: F, args: A) -> Builder
    where
        F: Task<A, M, Output: Output<K>>,
        A: Serialize + DeserializeOwned + Send + 'static,
    {
        let _zero_sized = task;
        let run = RemoteFn::new(worker::initialize::<F, A, M, K>);
        let send_args = Box::new(move |channel: &Channel| channel.send(&args, None));
        self.options.initializer = Some(Initializer { run, send_args });
        self
    }

    /// 작업자들을 띄웁니다. 준비되기를 기다리지 않습니다.
    ///
    /// # Errors
    ///
    /// 작업자가 0명이면 [`PoolError::NoWorkers`], 하나도 띄우지 못하면 [`PoolError::Start`].
    pub fn build(self) -> Result<Pool, PoolError> {
        if self.options.workers == 0 {
            return Err(PoolError::NoWorkers);
        }
        let dispatcher = RefCell::new(Dispatcher::new(self.options)?);
        Ok(Pool { dispatcher, chunk_size: self.chunk_size })
    }
}

impl Pool {
    /// 작업자가 `workers`명인 풀. 에러는 [`Builder::build`]와 같습니다.
    pub fn new(workers: usize) -> Result<Pool, PoolError> {
        Pool::builder().workers(workers).build()
    }

    /// 풀을 골라 만듭니다.
    pub fn builder() -> Builder {
        let workers = available_parallelism().map_or(1, NonZeroUsize::get);
        let options = Options { workers, retries: 0, max_tasks_per_child: None, initializer: None };
        Builder { options, chunk_size: None }
    }

    /// 항목마다 `task`를 부른 결과를 입력 순서로 모읍니다. 모두 끝날 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// 실패한 항목이 있으면 그 가운데 가장 앞의 것을 [`PoolError::Item`]으로 돌려주고 나머지는 그만둡니다. 실패를
    /// 항목마다 보려면 [`Pool::try_map`]을 쓰십시오.
    pub fn map<F, I, M, K>(&self, task: F, items: I) -> Result<Vec<Value<F, I, M, K>>, PoolError>
    where
        F: Task<I::Item, M, Output: Output<K>>,
        I: IntoIterator<Item: Serialize + DeserializeOwned>,
    {
        self.whole(task, items).collect()
    }

    /// [`Pool::map`]과 같지만 항목마다의 성공과 실패를 모두 돌려줍니다.
    ///
    /// # Errors
    ///
    /// 작업자를 띄우지 못하는 등, 풀 자체가 일할 수 없을 때뿐입니다.
    #[allow(clippy::type_complexity, reason = "바깥은 풀의, 안쪽은 항목의 성공과 실패입니다")]
    pub fn try_map<F, I, M, K>(
        &self,
        task: F,
        items: I,
    ) -> Result<Vec<ItemResult<Value<F, I, M, K>>>, PoolError>
    where
        F: Task<I::Item, M, Output: Output<K>>,
        I: IntoIterator<Item: Serialize + DeserializeOwned>,
    {
        let separate = |result| match result {
            Ok(value) => Ok(Ok(value)),
            Err(PoolError::Item(error)) => Ok(Err(error)),
            Err(error) => Err(error),
        };
        self.whole(task, items).map(separate).collect()
    }

    /// [`Pool::map`]의 일을 맡기고 바로 돌아옵니다. 결과는 [`AsyncResult::get`]이 입력 순서로 모읍니다.
    ///
    /// 작업자들은 미리 받은 묶음까지만 스스로 계산합니다. 나머지는 이 풀의 메서드나 [`AsyncResult`]의 메서드를
    /// 부를 때 나누어 줍니다.
    ///
    /// # Errors
    ///
    /// 닫힌 풀이면 [`PoolError::Closed`].
    pub fn map_async<F, I, M, K>(
        &self,
        task: F,
        items: I,
    ) -> Result<MapResult<'_, Value<F, I, M, K>>, PoolError>
    where
        F: Task<I::Item, M, Output: Output<K>>,
        I: IntoIterator<Item: Serialize + DeserializeOwned>,
    {
        let _zero_sized = task;
        let (items, chunk_size) = self.gather(items);
        let run = run::<F, I::Item, M, K>();
        AsyncResult::submit(&self.dispatcher, run, items, chunk_size, Some)
    }

    /// 결과를 입력 순서로 하나씩 내는 반복자입니다. 결과를 가져가는 만큼만 입력을 읽습니다.
    pub fn imap<F, I, M, K>(&self, task: F, items: I) -> Imap<'_, I::IntoIter, Value<F, I, M, K>>
    where
        F: Task<I::Item, M, Output: Output<K>>,
        I: IntoIterator<Item: Serialize + DeserializeOwned>,
    {
        let _zero_sized = task;
        let chunk_size = self.chunk_size.map_or(1, NonZeroUsize::get);
        Imap::new(&self.dispatcher, run::<F, I::Item, M, K>(), items.into_iter(), chunk_size)
    }

    /// [`Pool::imap`]과 같지만 먼저 끝난 묶음의 결과를 먼저 냅니다.
    pub fn imap_unordered<F, I, M, K>(
        &self,
        task: F,
        items: I,
    ) -> Imap<'_, I::IntoIter, Value<F, I, M, K>>
    where
        F: Task<I::Item, M, Output: Output<K>>,
        I: IntoIterator<Item: Serialize + DeserializeOwned>,
    {
        self.imap(task, items).unordered()
    }

    /// 작업자 하나에서 `task(args)`를 부르고 결과를 기다립니다. 에러는 [`Pool::map`]과 같습니다.
    pub fn apply<F, A, M, K>(&self, task: F, args: A) -> Result<Applied<F, A, M, K>, PoolError>
    where
        F: Task<A, M, Output: Output<K>>,
        A: Serialize + DeserializeOwned,
    {
        self.apply_async(task, args)?.get()
    }

    /// `task(args)`를 맡기고 바로 돌아옵니다. 결과는 [`AsyncResult::get`]으로 받습니다.
    ///
    /// # Errors
    ///
    /// 닫힌 풀이면 [`PoolError::Closed`].
    pub fn apply_async<F, A, M, K>(
        &self,
        task: F,
        args: A,
    ) -> Result<AsyncResult<'_, Applied<F, A, M, K>>, PoolError>
    where
        F: Task<A, M, Output: Output<K>>,
        A: Serialize + DeserializeOwned,
    {
        let _zero_sized = task;
        let (run, item) = (run::<F, A, M, K>(), std::iter::once(args));
        AsyncResult::submit(&self.dispatcher, run, item, 1, |mut values| values.pop())
    }

    /// 지금 있는 작업자들의 PID.
    pub fn worker_ids(&self) -> Vec<u32> {
        self.dispatcher.borrow().workers().collect()
    }

    /// 더 맡기지 않겠다고 정합니다. 이 뒤로 맡기는 호출은 [`PoolError::Closed`]로 끝납니다.
    pub fn close(&self) {
        self.dispatcher.borrow_mut().closed = true;
    }

    /// 작업자들이 받은 일을 마치고 끝나기를 기다립니다.
    pub fn join(self) {
        self.dispatcher.into_inner().join();
    }

    /// 작업자들을 바로 끝냅니다. 풀을 버리는 것과 같습니다.
    pub fn terminate(self) {}

    /// 입력을 모두 모아, 묶음의 크기를 정하고 맡깁니다.
    fn whole<F, I, M, K>(
        &self,
        task: F,
        items: I,
    ) -> Imap<'_, std::vec::IntoIter<I::Item>, Value<F, I, M, K>>
    where
        F: Task<I::Item, M, Output: Output<K>>,
        I: IntoIterator<Item: Serialize + DeserializeOwned>,
    {
        let _zero_sized = task;
        let (items, chunk_size) = self.gather(items);
        Imap::new(&self.dispatcher, run::<F, I::Item, M, K>(), items, chunk_size).unbounded()
    }

    /// 입력을 모두 모아, 묶음의 크기와 함께 돌려줍니다.
    fn gather<I: IntoIterator>(&self, items: I) -> (std::vec::IntoIter<I::Item>, usize) {
        let items: Vec<I::Item> = items.into_iter().collect();
        let workers = self.dispatcher.borrow().worker_count();
        let even = items.len().div_ceil(4 * workers).max(1);
        (items.into_iter(), self.chunk_size.map_or(even, NonZeroUsize::get))
    }
}

/// [`Pool::map_async`]의 결과를 받을 표.
pub type MapResult<'p, R> = AsyncResult<'p, R, Vec<R>>;
/// 항목 하나의 결과.
pub type ItemResult<R> = Result<R, ItemError>;
/// `F`가 `I`의 항목 하나로 내는 값.
type Value<F, I, M, K> = Applied<F, <I as IntoIterator>::Item, M, K>;
/// `F`가 `A`로 내는 값.
type Applied<F, A, M, K> = <<F as Task<A, M>>::Output as Output<K>>::Value;

fn run<F, A, M, K>() -> worker::RunChunk
where
    F: Task<A, M, Output: Output<K>>,
    A: DeserializeOwned,
{
    RemoteFn::new(worker::run_chunk::<F, A, M, K>)
}
