//! 나누어 주기(dispatch): 묶음을 게시판에 붙이고, 결과를 모으고, 죽은 작업자를 바꿉니다.
//!
//! 풀마다 관리 스레드가 하나 있습니다. 평소에는 자다가, 작업자가 죽거나, 부모를 깨워야 하는 소식이 있거나, 풀을 닫을 때
//! 일어납니다. 결과를 기다리는 스레드는 잠들기 전에 잠깐 스스로 책상들을 살펴보므로([`Core::wait`]), 짧은 일은 관리 스레드를
//! 깨우지 않고 끝납니다. 상태([`State`])는 뮤텍스 하나가 지키며, 쥐고 있는 동안 사용자의 코드는 실행하지 않습니다.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;
use ipc_core::ChannelError;
use ipc_core::build::{Deadline, after, expired, recheck, wait_all_ready};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, getrlimit};

use crate::board::{Board, POST_MAX, Post, Who};
use crate::chunk::Chunk;
use crate::error::PoolError;
use crate::slot::{DESCRIPTORS, EXIT_GRACE, Ending, Link, Posted, Slot, Worker};
use crate::worker::{Initializer, ToWorker};

/// 프로그램이 쓸 수 있게 남겨 두는 디스크립터의 수.
const RESERVED: usize = 64;
/// 묶음을 차지하고도 이만큼 시작하지 않는 작업자는 잘못된 것으로 봅니다. 차지한 바로 다음에 시작을 적습니다.
const BEGIN_GRACE: Duration = Duration::from_secs(2);

/// 풀을 만들 때 정하는 것들.
pub struct Options {
    pub workers: usize,
    pub retries: u32,
    pub max_tasks_per_child: Option<u64>,
    pub initializer: Option<Initializer>,
}

/// 호출 하나.
#[derive(Default)]
struct Call {
    /// 끝났지만 아직 가져가지 않은 묶음들.
    finished: BTreeMap<usize, Chunk>,
    /// 맡겼지만 끝나지 않은 묶음의 수.
    outstanding: usize,
    /// 결과를 받을 쪽이 없습니다. 오는 대로 버립니다.
    detached: bool,
    /// 시작하지 않은 묶음은 하지 않습니다.
    cancelled: bool,
    fault: Option<Fault>,
}

/// 풀 자체가 일할 수 없게 된 이유.
#[derive(Clone)]
enum Fault {
    Restart(String),
    Initializer(u32, String),
    NotReady(u32, String),
    Terminated,
}

impl From<Fault> for PoolError {
    fn from(fault: Fault) -> PoolError {
        match fault {
            Fault::Restart(reason) => PoolError::Restart { reason },
            Fault::Initializer(attempts, message) => PoolError::Initializer { attempts, message },
            Fault::NotReady(attempts, message) => PoolError::NotReady { attempts, message },
            Fault::Terminated => PoolError::Terminated,
        }
    }
}

/// 풀의 부모 쪽 전체.
struct State {
    options: Options,
    board: Board,
    /// 게시판의 위치마다, 붙어 있는 묶음.
    posted: Vec<Option<Posted>>,
    slots: Vec<Slot>,
    waiting: VecDeque<Chunk>,
    calls: HashMap<u64, Call>,
    last_call: u64,
    last_seq: u64,
    closed: bool,
    /// 하던 일도 그만두고 끝냅니다.
    stopping: bool,
    /// 모든 호출의 `outstanding`을 더한 것.
    outstanding: usize,
    /// 살펴보라는 우편([`ToParent::Look`](crate::worker::ToParent::Look))을 꺼냈습니다.
    looked: bool,
}

/// 풀과 결과를 받는 쪽들이 함께 갖는 것.
pub struct Core {
    state: Mutex<State>,
    /// 묶음이 끝나거나 호출이 실패하면 알립니다.
    changed: Condvar,
    /// 관리 스레드를 깨웁니다.
    wake: OwnedFd,
}

impl Core {
    /// 작업자들을 띄웁니다. 하나라도 띄우지 못하면 에러이며, 띄운 것은 모두 거둡니다.
    pub fn start(options: Options) -> Result<Arc<Core>, PoolError> {
        let io = |error| PoolError::Start(ChannelError::Io(error).into());
        check_descriptors(options.workers)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = wake.map_err(|errno| io(errno.into()))?;
        let board = Board::new((4 * options.workers).max(8)).map_err(io)?;
        let posted = (0..board.places()).map(|_| None).collect();
        let slots = (0..options.workers).map(|_| Slot::default()).collect();
        let mut state = State {
            options,
            board,
            posted,
            slots,
            waiting: VecDeque::new(),
            calls: HashMap::new(),
            last_call: 0,
            last_seq: 0,
            closed: false,
            stopping: false,
            outstanding: 0,
            looked: false,
        };
        for index in 0..state.slots.len() {
            if let Err(error) = state.start_worker(index) {
                state.kill_workers();
                return Err(error);
            }
        }
        Ok(Arc::new(Core { state: Mutex::new(state), changed: Condvar::new(), wake }))
    }

    fn wake(&self) {
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    pub fn workers(&self) -> Vec<u32> {
        self.state.lock().workers().map(|worker| worker.link.process.id()).collect()
    }

    pub fn worker_count(&self) -> usize {
        self.state.lock().slots.len()
    }

    /// 새 호출을 엽니다.
    pub fn open_call(&self) -> u64 {
        let mut state = self.state.lock();
        // 그동안 밖에서 죽임을 당한 작업자는 이 호출의 실패가 아닙니다.
        state.slots.iter_mut().for_each(|slot| slot.failed_starts = 0);
        state.last_call += 1;
        let call = state.last_call;
        state.calls.insert(call, Call::default());
        if state.workers().count() < state.slots.len() {
            self.wake();
        }
        call
    }

    /// 호출의 결과를 더 받지 않습니다. `cancel`이면 시작하지 않은 묶음은 하지 않습니다.
    pub fn close_call(&self, call: u64, cancel: bool) {
        let mut state = self.state.lock();
        let Some(closing) = state.calls.get_mut(&call) else { return };
        if closing.outstanding == 0 {
            state.calls.remove(&call);
            return;
        }
        closing.detached = true;
        closing.cancelled = cancel;
        closing.finished.clear();
        if cancel {
            state.take_down(call);
            // 남은 일이 없어졌을 수 있습니다. 끝나기를 기다리던 쪽과 관리 스레드가 다시 봅니다.
            self.changed.notify_all();
            self.wake();
        }
    }

    /// 묶음 하나를 맡깁니다.
    pub fn submit(&self, mut chunk: Chunk) -> Result<(), PoolError> {
        let mut state = self.state.lock();
        if state.closed || state.stopping {
            return Err(PoolError::Closed);
        }
        chunk.retries = state.options.retries;
        let Some(call) = state.calls.get_mut(&chunk.call) else { return Err(PoolError::Closed) };
        if let Some(fault) = &call.fault {
            return Err(fault.clone().into());
        }
        call.outstanding += 1;
        state.outstanding += 1;
        if chunk.is_done() {
            state.finish(chunk); // 보낼 수 있는 항목이 없었습니다.
        } else {
            state.waiting.push_back(chunk);
            state.post();
        }
        if state.workers().next().is_none() {
            // 아무도 없으면 관리 스레드는 이 일을 모른 채 자고 있을 수 있습니다. 호출을 연 뒤에 모두 포기했으면 다시 해 봅니다.
            if state.slots.iter().all(Slot::given_up) {
                state.slots.iter_mut().for_each(|slot| slot.failed_starts = 0);
            }
            self.wake();
        }
        Ok(())
    }

    /// 끝난 묶음을 가져갑니다. `number`가 없으면 아무것이나 하나입니다. 마감이 먼저 오면 `None`입니다.
    pub fn wait(
        &self,
        call: u64,
        number: Option<usize>,
        deadline: Deadline,
    ) -> Result<Option<Chunk>, PoolError> {
        let awake = Backoff::new();
        let mut state = self.state.lock();
        loop {
            // 깨어 있는 동안은 작업자가 관리 스레드를 깨우지 않아도 됩니다.
            let sleepy = awake.is_completed() || expired(deadline);
            state.board.parent_sleeps(sleepy);
            self.collect(&mut state, false);
            if let Some(taken) = state.take_finished(call, number) {
                if !sleepy {
                    // 다시 깨우라고 알린 뒤, 그 사이에 온 것을 한 번 더 봅니다.
                    state.board.parent_sleeps(true);
                    self.collect(&mut state, false);
                }
                return taken.map(Some);
            }
            if sleepy {
                break;
            }
            drop(state);
            awake.snooze();
            state = self.state.lock();
        }
        loop {
            if let Some(taken) = state.take_finished(call, number) {
                return taken.map(Some);
            }
            if expired(deadline) {
                return Ok(None);
            }
            self.sleep(&mut state, deadline);
        }
    }

    /// 결과를 거두고, 끝난 묶음이 있으면 기다리는 쪽에 알립니다.
    fn collect(&self, state: &mut State, mail: bool) -> bool {
        let any = state.collect(mail);
        if any {
            self.changed.notify_all();
        }
        if std::mem::take(&mut state.looked) {
            // 관리 스레드를 깨우려던 우편을 여기서 꺼냈습니다. 그 우편이 알린 것은 방금 살펴본 뒤에 왔을 수 있으므로 대신 깨웁니다.
            self.wake();
        }
        any
    }

    /// 바뀐 것이 있을 때까지 잡니다.
    fn sleep(&self, state: &mut MutexGuard<'_, State>, deadline: Deadline) {
        match deadline {
            None => self.changed.wait(state),
            Some(at) => drop(self.changed.wait_until(state, at)),
        }
    }

    pub fn close(&self) {
        self.state.lock().closed = true;
        self.wake();
    }

    /// 닫고, 맡긴 일이 모두 끝나기를 기다립니다. 마감이 먼저 오면 `false`입니다.
    pub fn drain(&self, deadline: Deadline) -> bool {
        self.close();
        let mut state = self.state.lock();
        while state.has_work() {
            if expired(deadline) {
                return false;
            }
            self.sleep(&mut state, deadline);
        }
        true
    }

    /// 모두 끝냅니다. 하던 일이 있으면 그만둡니다. 관리 스레드를 기다리기 전에 호출합니다.
    pub fn stop(&self) {
        self.state.lock().stopping = true;
        self.wake();
    }

    /// 관리 스레드의 `main`.
    pub fn supervise(&self) {
        loop {
            let mut state = self.state.lock();
            state.attend();
            self.changed.notify_all();
            if state.stopping {
                state.end_all();
                drop(state);
                self.changed.notify_all();
                return;
            }
            state.board.parent_sleeps(true);
            if self.collect(&mut state, false) {
                continue;
            }
            let links: Vec<Arc<Link>> = state.workers().map(|w| Arc::clone(&w.link)).collect();
            // 일이 있는 동안은 스스로도 살펴봅니다. 잘못된 작업자는 깨우지 않을 수 있습니다.
            let soon = if state.has_work() { after(recheck()) } else { None };
            let overdue = links.iter().filter_map(|link| link.overdue_at());
            let deadline = overdue.chain(soon).min();
            drop(state);
            let fds = links.iter().flat_map(|link| link.fds());
            let fds: Vec<_> = fds.chain([self.wake.as_fd()]).collect();
            if wait_all_ready(&fds, deadline).is_err() {
                std::thread::sleep(recheck()); // 기다릴 수 없으면(메모리 부족) 잠깐 쉬고 스스로 살펴봅니다.
            }
            let _ = rustix::io::read(&self.wake, &mut [0_u8; 8]);
        }
    }
}

/// 작업자들의 디스크립터를 빼고도 프로그램이 쓸 것이 남는지 봅니다.
fn check_descriptors(workers: usize) -> Result<(), PoolError> {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return Ok(()) };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let max = (limit.saturating_sub(RESERVED) / DESCRIPTORS).min(Who::MAX.into());
    // 한도가 아주 작으면 어림으로 거절하지 않고, 정말 모자란지 운영체제에 맡깁니다.
    if workers <= max || limit <= 2 * RESERVED {
        return Ok(());
    }
    Err(PoolError::TooManyWorkers { workers, limit, max })
}

impl State {
    fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.slots.iter().filter_map(|slot| slot.worker.as_ref())
    }

    fn has_work(&self) -> bool {
        self.outstanding > 0
    }

    fn start_worker(&mut self, index: usize) -> Result<(), PoolError> {
        let who = index as Who + 1;
        let max_chunks = self.options.max_tasks_per_child.unwrap_or(u64::MAX);
        let worker =
            Worker::start(who, &self.board, self.options.initializer.as_ref(), max_chunks)?;
        self.slots[index].worker = Some(worker);
        Ok(())
    }

    /// 관리 스레드가 할 일을 한 차례 합니다.
    fn attend(&mut self) {
        self.collect(true);
        self.reap();
        if self.closed && !self.has_work() {
            self.board.close();
        } else if !self.stopping {
            self.refill();
        }
        self.check_claims();
        self.workers()
            .filter(|worker| worker.link.overdue_at().is_some_and(|at| expired(Some(at))))
            .for_each(|worker| worker.link.process.kill());
    }

    /// 작업자들의 결과를 거두고, 빈 자리에 기다리던 묶음을 붙입니다. 끝난 묶음이 있으면 `true`입니다.
    fn collect(&mut self, mail: bool) -> bool {
        let mut finished = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(worker) = &mut slot.worker else { continue };
            let before = finished.len();
            let (who, posted) = (index as Who + 1, &mut self.posted);
            if !worker.collect(who, &self.board, posted, &mut finished, mail) {
                worker.link.process.kill(); // 죽음으로 정리합니다.
            }
            self.looked |= std::mem::take(&mut worker.looked);
            if finished.len() > before {
                slot.failed_starts = 0;
            }
        }
        let any = !finished.is_empty();
        finished.into_iter().for_each(|chunk| self.finish(chunk));
        self.send_mail();
        self.post();
        any
    }

    /// 항목들을 우편으로 받을 작업자가 정해졌으면 보냅니다.
    fn send_mail(&mut self) {
        for (place, posted) in self.posted.iter_mut().enumerate() {
            let Some(posted) = posted.as_mut().filter(|posted| posted.mail_due) else { continue };
            let Ok(who @ 1..) = self.board.owner(place, posted.seq) else { continue };
            let slot = self.slots.get(usize::from(who) - 1);
            if let Some(worker) = slot.and_then(|slot| slot.worker.as_ref()) {
                posted.mail_due = !worker.mail(posted);
            }
        }
    }

    /// 기다리는 묶음을 게시판의 빈 자리에 붙입니다.
    fn post(&mut self) {
        while !self.waiting.is_empty() {
            let Some(place) = self.posted.iter().position(Option::is_none) else { return };
            let Some(chunk) = self.waiting.pop_front() else { return };
            if self.calls.get(&chunk.call).is_none_or(|call| call.cancelled) {
                self.finish(chunk);
                continue;
            }
            self.last_seq += 1;
            let seq = self.last_seq;
            let items = match &chunk.items {
                ToWorker::Items(items) if items.descriptors() == 0 => Some(items.bytes()),
                _ => None,
            };
            let items = items.filter(|items| items.len() <= POST_MAX);
            let (run, skip, count) = (chunk.run.distance(), chunk.skip, chunk.to_run);
            self.board.post(place, seq, &Post { run, skip, count, items });
            let mail_due = items.is_none();
            self.posted[place] =
                Some(Posted { seq, chunk, mail_due, begun_by: None, unbegun_since: None });
        }
    }

    /// 호출의 묶음 가운데 아직 아무도 가져가지 않은 것을 버립니다.
    fn take_down(&mut self, call: u64) {
        let mut removed = Vec::new();
        for (place, posted) in self.posted.iter_mut().enumerate() {
            let ours = |posted: &&mut Posted| posted.chunk.call == call;
            if let Some(found) = posted.as_mut().filter(ours) {
                if self.board.take_down(place, found.seq) {
                    removed.extend(posted.take());
                }
            }
        }
        removed.into_iter().for_each(|posted| self.finish(posted.chunk));
        let waiting = std::mem::take(&mut self.waiting);
        let (dropped, kept): (VecDeque<Chunk>, VecDeque<Chunk>) =
            waiting.into_iter().partition(|chunk| chunk.call == call);
        self.waiting = kept;
        dropped.into_iter().for_each(|chunk| self.finish(chunk));
        self.post();
    }

    fn finish(&mut self, chunk: Chunk) {
        let Some(call) = self.calls.get_mut(&chunk.call) else { return };
        call.outstanding = call.outstanding.saturating_sub(1);
        self.outstanding = self.outstanding.saturating_sub(1);
        if !call.detached {
            call.finished.insert(chunk.number, chunk);
        } else if call.outstanding == 0 {
            self.calls.remove(&chunk.call);
        }
    }

    fn take_finished(
        &mut self,
        call: u64,
        number: Option<usize>,
    ) -> Option<Result<Chunk, PoolError>> {
        let Some(call) = self.calls.get_mut(&call) else {
            return Some(Err(PoolError::Terminated));
        };
        let chunk = match number {
            Some(number) => call.finished.remove(&number),
            None => call.finished.pop_first().map(|(_, chunk)| chunk),
        };
        match (chunk, &call.fault) {
            (Some(chunk), _) => Some(Ok(chunk)),
            (None, Some(fault)) => Some(Err(fault.clone().into())),
            (None, None) => None,
        }
    }

    /// 끝난 작업자를 거두고, 갖고 있던 묶음을 정리합니다.
    fn reap(&mut self) {
        for index in 0..self.slots.len() {
            let ended = |worker: &mut Worker| !worker.link.process.is_running();
            if let Some(worker) = self.slots[index].worker.take_if(ended) {
                self.bury(index, worker);
            }
        }
    }

    fn bury(&mut self, index: usize, mut worker: Worker) {
        let who = index as Who + 1;
        let Ending { death, by_itself } = worker.ending(EXIT_GRACE);
        // 죽기 전에 놓은 결과까지 거둡니다. 망가진 곳부터는 믿지 않습니다.
        let mut finished = Vec::new();
        worker.collect(who, &self.board, &mut self.posted, &mut finished, true);
        let mut progressed = !finished.is_empty();
        finished.into_iter().for_each(|chunk| self.finish(chunk));
        for place in (0..self.posted.len()).rev() {
            let working_on = |posted: &Posted| worker.working_on == Some((place, posted.seq));
            // 시작하기 전에는 표지를 믿을 수밖에 없습니다. 틀렸다면 누가 시작할 때 드러납니다.
            let claimed = |posted: &Posted| {
                posted.begun_by.is_none()
                    && self.board.owner(place, posted.seq).is_ok_and(|owner| owner == who)
            };
            let owned = |posted: &Posted| working_on(posted) || claimed(posted);
            if !self.posted[place].as_ref().is_some_and(owned) {
                continue;
            }
            let Some(posted) = self.posted[place].take() else { continue };
            let begun = posted.begun_by.is_some();
            let before = (posted.chunk.skip, posted.chunk.retries);
            let chunk = posted.reclaim(begun.then_some(&worker), &death);
            // 다시 해 볼 항목도 한 번은 해 본 것입니다.
            progressed |= (chunk.skip, chunk.retries) != before;
            if chunk.is_done() { self.finish(chunk) } else { self.waiting.push_front(chunk) }
        }
        self.post();
        let slot = &mut self.slots[index];
        if progressed || worker.is_retired(self.options.max_tasks_per_child) {
            slot.failed_starts = 0;
            return;
        }
        slot.failed_starts += 1;
        let attempts = slot.failed_starts;
        let idle = self.workers().next().is_none();
        if idle && self.slots.iter().all(Slot::given_up) {
            let blame = self.options.initializer.is_some() && by_itself && !worker.is_ready();
            let fault = if blame { Fault::Initializer } else { Fault::NotReady };
            self.fail_all(&fault(attempts, death));
        }
    }

    /// 빈 칸에 작업자를 앉힙니다. 일할 작업자가 하나라도 있으면 나머지는 다음에 다시 해 봅니다.
    fn refill(&mut self) {
        for index in 0..self.slots.len() {
            if self.slots[index].worker.is_some() || self.slots[index].given_up() {
                continue;
            }
            if let Err(error) = self.start_worker(index) {
                if self.workers().next().is_none() {
                    self.fail_all(&Fault::Restart(error.to_string()));
                }
                return;
            }
        }
    }

    /// 표지를 확인합니다. 있을 수 없는 값이면 누가 그 묶음을 가졌는지 알 수 없으므로, 작업자를 모두 바꿉니다. 차지하고도 시작하지
    /// 않는 작업자는 그 하나만 바꿉니다.
    fn check_claims(&mut self) {
        let mut broken = false;
        for (place, posted) in self.posted.iter_mut().enumerate() {
            let Some(posted) = posted else { continue };
            let owner = match self.board.owner(place, posted.seq) {
                Ok(0) => continue,
                Ok(who) => self.slots.get(usize::from(who) - 1),
                Err(_) => None,
            };
            let begun = |worker: &Worker| worker.working_on == Some((place, posted.seq));
            match owner {
                None => broken = true,
                Some(slot) if slot.worker.as_ref().is_some_and(begun) => {}
                Some(slot) => {
                    let since = posted.unbegun_since.get_or_insert_with(Instant::now);
                    match &slot.worker {
                        _ if since.elapsed() <= BEGIN_GRACE => {}
                        // 묶음은 이 작업자가 죽으면 되찾습니다. 다른 작업자의 일은 그대로입니다.
                        Some(worker) => worker.link.process.kill(),
                        None => broken = true,
                    }
                }
            }
        }
        if broken {
            self.rebuild_board();
        }
    }

    /// 게시판이 망가졌습니다. 작업자를 모두 끝내고 새 게시판으로 다시 시작합니다.
    fn rebuild_board(&mut self) {
        let mut removed = Vec::new();
        for index in 0..self.slots.len() {
            if let Some(worker) = self.slots[index].worker.take() {
                worker.link.process.kill();
                self.bury(index, worker);
            }
        }
        for posted in self.posted.iter_mut() {
            removed.extend(posted.take());
        }
        match Board::new(self.posted.len()) {
            Ok(board) => self.board = board,
            Err(error) => return self.fail_all(&Fault::Restart(error.to_string())),
        }
        for posted in removed.into_iter().rev() {
            self.waiting.push_front(posted.reclaim(None, ""));
        }
        self.post();
    }

    /// 결과를 기다리는 호출을 모두 `fault`로 끝냅니다.
    fn fail_all(&mut self, fault: &Fault) {
        self.waiting.clear();
        for (place, posted) in self.posted.iter_mut().enumerate() {
            if let Some(posted) = posted.take() {
                self.board.take_down(place, posted.seq);
            }
        }
        self.outstanding = 0;
        for call in self.calls.values_mut().filter(|call| call.outstanding > 0) {
            call.outstanding = 0;
            call.fault = Some(fault.clone());
        }
        self.calls.retain(|_, call| !call.detached);
    }

    fn kill_workers(&mut self) {
        self.workers().for_each(|worker| worker.link.process.kill());
        self.slots.iter_mut().for_each(|slot| slot.worker = None);
    }

    /// 풀이 끝납니다. 일이 남았으면 작업자를 죽이고, 아니면 스스로 끝나기를 기다립니다.
    fn end_all(&mut self) {
        let busy = self.has_work();
        self.fail_all(&Fault::Terminated);
        self.closed = true;
        self.board.close();
        if busy {
            self.workers().for_each(|worker| worker.link.process.kill());
        }
        // 기다리는 시간은 모두 합쳐서입니다.
        let until = Instant::now() + EXIT_GRACE;
        for slot in &mut self.slots {
            if let Some(mut worker) = slot.worker.take() {
                worker.ending(until.saturating_duration_since(Instant::now()));
            }
        }
    }
}
