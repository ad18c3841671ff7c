//! 나누어 주기(dispatch): 묶음을 게시판에 붙이고, 결과를 모으고, 죽은 작업자를 바꿉니다.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use ipc_core::build::expired;
use ipc_core::{ChannelError, ProcessError};
use rustix::process::{Resource, getrlimit};

use crate::board::{Board, POST_MAX, Post, Who};
use crate::chunk::Chunk;
use crate::error::PoolError;
use crate::slot::{DESCRIPTORS, EXIT_GRACE, Ending, Posted, Slot, Worker};
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
pub struct Call {
    /// 끝났지만 아직 가져가지 않은 묶음들.
    pub finished: BTreeMap<usize, Chunk>,
    /// 맡겼지만 끝나지 않은 묶음의 수.
    pub outstanding: usize,
    /// 결과를 받을 쪽이 없습니다. 오는 대로 버립니다.
    pub detached: bool,
    /// 시작하지 않은 묶음은 하지 않습니다.
    pub cancelled: bool,
    pub fault: Option<Fault>,
}

/// 풀 자체가 일할 수 없게 된 이유.
#[derive(Debug, Clone)]
pub enum Fault {
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
pub struct State {
    pub options: Options,
    pub board: Board,
    /// 게시판의 위치마다, 붙어 있는 묶음.
    pub posted: Vec<Option<Posted>>,
    /// 마지막으로 붙인 위치.
    last_place: usize,
    /// 게시판에 다 싣지 못해 우편으로 보낼 묶음의 위치와 번호. 누가 가져가면 보냅니다.
    mail_due: Vec<(usize, u64)>,
    pub slots: Vec<Slot>,
    pub waiting: VecDeque<Chunk>,
    pub calls: HashMap<u64, Call>,
    pub last_call: u64,
    pub last_seq: u64,
    pub closed: bool,
    /// 하던 일도 그만두고 끝냅니다.
    pub stopping: bool,
    /// 모든 호출의 `outstanding`을 더한 것.
    pub outstanding: usize,
    /// 살펴보라는 우편([`ToParent::Look`](crate::worker::ToParent::Look))을 꺼냈습니다.
    pub looked: bool,
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
    /// 작업자들을 띄웁니다. 하나라도 띄우지 못하면 에러이며, 이미 띄운 것은 모두 끝내고 회수합니다.
    pub fn start(options: Options) -> Result<State, PoolError> {
        check_descriptors(options.workers)?;
        let board = Board::new((4 * options.workers).max(8));
        let board = board.map_err(|error| ProcessError::from(ChannelError::Io(error)))?;
        let mut state = State {
            posted: (0..board.places()).map(|_| None).collect(),
            slots: (0..options.workers).map(|_| Slot::default()).collect(),
            last_place: 0,
            mail_due: Vec::new(),
            options,
            board,
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
        Ok(state)
    }

    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.slots.iter().filter_map(|slot| slot.worker.as_ref())
    }

    pub fn has_work(&self) -> bool {
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
    pub fn attend(&mut self) {
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

    /// 작업자들의 결과를 모으고, 빈자리에 기다리던 묶음을 붙입니다. 끝난 묶음이 있으면 `true`입니다.
    pub fn collect(&mut self, mail: bool) -> bool {
        let mut finished = Vec::new();
        let news = self.board.news();
        for slot in &mut self.slots {
            let told = |worker: &&mut Worker| mail || news.from(worker.who);
            let Some(worker) = slot.worker.as_mut().filter(told) else { continue };
            let before = finished.len();
            if !worker.collect(&self.board, &mut self.posted, &mut finished, mail) {
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
        self.mail_due.retain(|(place, seq)| {
            let posted = self.posted[*place].as_ref().filter(|posted| posted.seq == *seq);
            let Some(posted) = posted else { return false };
            let Ok(who @ 1..) = self.board.owner(*place, *seq) else { return true };
            let slot = self.slots.get(usize::from(who) - 1);
            let worker = slot.and_then(|slot| slot.worker.as_ref());
            worker.is_none_or(|worker| !worker.mail(posted))
        });
    }

    /// 기다리는 묶음을 게시판의 빈 자리에 붙입니다. 작업자가 먼저 붙인 것을 바로 찾게, 위치를 돌아가며 씁니다.
    pub fn post(&mut self) {
        while !self.waiting.is_empty() {
            let mut places = (self.last_place + 1..self.posted.len()).chain(0..=self.last_place);
            let Some(place) = places.find(|place| self.posted[*place].is_none()) else { return };
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
            if items.is_none() {
                self.mail_due.push((place, seq));
            }
            self.posted[place] = Some(Posted { seq, chunk, begun_by: None, unbegun_since: None });
            self.last_place = place;
        }
    }

    /// 호출의 묶음 가운데 아직 아무도 가져가지 않은 것을 버립니다.
    pub fn take_down(&mut self, call: u64) {
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

    pub fn finish(&mut self, chunk: Chunk) {
        let Some(call) = self.calls.get_mut(&chunk.call) else { return };
        call.outstanding = call.outstanding.saturating_sub(1);
        self.outstanding = self.outstanding.saturating_sub(1);
        if !call.detached {
            call.finished.insert(chunk.number, chunk);
        } else if call.outstanding == 0 {
            self.calls.remove(&chunk.call);
        }
    }

    pub fn take_finished(
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

    /// 끝난 작업자를 회수하고, 갖고 있던 묶음을 정리합니다.
    fn reap(&mut self) {
        for index in 0..self.slots.len() {
            let ended = |worker: &mut Worker| !worker.link.process.is_running();
            if let Some(worker) = self.slots[index].worker.take_if(ended) {
                self.bury(index, worker);
            }
        }
    }

    fn bury(&mut self, index: usize, mut worker: Worker) {
        let Ending { death, by_itself } = worker.ending(EXIT_GRACE);
        // 죽기 전에 놓은 결과까지 모읍니다. 망가진 곳부터는 믿지 않습니다.
        let mut finished = Vec::new();
        worker.collect(&self.board, &mut self.posted, &mut finished, true);
        let mut progressed = !finished.is_empty();
        finished.into_iter().for_each(|chunk| self.finish(chunk));
        for place in (0..self.posted.len()).rev() {
            let working_on = |posted: &Posted| worker.working_on == Some((place, posted.seq));
            // 시작하기 전에는 표지를 믿을 수밖에 없습니다. 틀렸다면 누가 시작할 때 드러납니다.
            let claimed = |posted: &Posted| {
                posted.begun_by.is_none()
                    && self.board.owner(place, posted.seq).is_ok_and(|owner| owner == worker.who)
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
    pub fn end_all(&mut self) {
        let busy = self.has_work();
        self.fail_all(&Fault::Terminated);
        self.closed = true;
        self.board.close();
        if busy {
            self.workers().for_each(|worker| worker.link.process.kill());
        }
        // 작업자마다가 아니라 모두 합쳐 이만큼만 기다립니다.
        let until = Instant::now() + EXIT_GRACE;
        for slot in &mut self.slots {
            if let Some(mut worker) = slot.worker.take() {
                worker.ending(until.saturating_duration_since(Instant::now()));
            }
        }
    }
}
