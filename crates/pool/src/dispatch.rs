//! 나누어 주기(dispatch): 묶음을 작업자들에게 보내고, 결과를 모으고, 죽은 작업자를 바꿉니다.
//!
//! 스레드는 없습니다. 풀을 부른 스레드가 [`Dispatcher::step`]을 돌며 작업자들의 채널을 한꺼번에 기다립니다.
//! 작업자에게는 묶음을 둘까지 미리 줍니다. 하나를 계산하는 동안 다음 것이 이미 와 있으므로 놀지 않습니다. 다만 긴
//! 일 뒤에 밀린 묶음이 다른 작업자를 놀게 하면, 아직 시작하지 않은 그 묶음을 거두어 노는 작업자에게 줍니다.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Acquire;

use ipc_core::ChannelError;
use ipc_core::futex::Deadline;
use ipc_core::ready::wait_any_ready;
use nix::poll::{PollFd, PollFlags};

use crate::chunk::Chunk;
use crate::error::PoolError;
use crate::seat::{Options, Seat, Worker};

/// 작업자 하나에 미리 주는 묶음의 수.
const PREFETCH: usize = 2;
/// 작업자 자리 하나에서 준비에 거듭 실패해도 되는 횟수.
const MAX_FAILED_STARTS: u32 = 3;

/// 풀의 부모 쪽 전체.
pub struct Dispatcher {
    options: Options,
    seats: Vec<Seat>,
    waiting: VecDeque<Chunk>,
    /// 끝났지만 아직 가져가지 않은 묶음들.
    finished: HashMap<u64, BTreeMap<usize, Chunk>>,
    last_job: u64,
    pub closed: bool,
}

impl Dispatcher {
    pub fn new(options: Options) -> Result<Dispatcher, PoolError> {
        let seats = (0..options.workers).map(|_| Seat::default()).collect();
        let (waiting, finished) = Default::default();
        let mut dispatcher =
            Dispatcher { options, seats, waiting, finished, last_job: 0, closed: false };
        dispatcher.hire()?;
        Ok(dispatcher)
    }

    pub fn worker_count(&self) -> usize {
        self.seats.len()
    }

    pub fn workers(&self) -> impl Iterator<Item = u32> + '_ {
        self.seats.iter().filter_map(|seat| Some(seat.worker.as_ref()?.process.id()))
    }

    /// 새 호출을 엽니다.
    pub fn open_job(&mut self) -> u64 {
        // 노는 동안 밖에서 죽임을 당한 작업자는 이 호출의 실패가 아닙니다.
        self.seats.iter_mut().for_each(|seat| seat.failed_starts = 0);
        self.last_job += 1;
        self.finished.insert(self.last_job, BTreeMap::new());
        self.last_job
    }

    /// 호출을 닫습니다. 아직 시작하지 않은 묶음은 버리고, 계산 중인 묶음의 결과는 오는 대로 버립니다.
    pub fn close_job(&mut self, job: u64) {
        self.finished.remove(&job);
        self.waiting.retain(|chunk| chunk.job != job);
    }

    /// 묶음 하나를 맡깁니다.
    pub fn submit(&mut self, mut chunk: Chunk) {
        chunk.retries = self.options.retries;
        self.waiting.push_back(chunk);
        self.hand_out();
    }

    /// 묶음을 더 받아 바로 보낼 수 있는지 봅니다. 빈자리에도 곧 작업자가 앉습니다.
    pub fn hungry(&self) -> bool {
        let room = |seat: &Seat| seat.worker.as_ref().is_none_or(|w| w.in_flight.len() < PREFETCH);
        self.waiting.is_empty() && self.seats.iter().any(room)
    }

    /// 끝난 묶음을 가져갑니다. `number`가 없으면 아무것이나 하나입니다.
    pub fn take_finished(&mut self, job: u64, number: Option<usize>) -> Option<Chunk> {
        let finished = self.finished.get_mut(&job)?;
        match number {
            Some(number) => finished.remove(&number),
            None => finished.pop_first().map(|(_, chunk)| chunk),
        }
    }

    /// 작업자들의 소식을 한 차례 기다려 처리합니다. 마감이 먼저 오면 `false`입니다.
    pub fn step(&mut self, deadline: Deadline) -> Result<bool, PoolError> {
        self.hire()?;
        self.hand_out();
        let news = self.news(deadline)?;
        for (number, ended) in &news {
            self.receive(*number, *ended)?;
        }
        // 부른 쪽이 다음 묶음을 가져오기 전에 채워 둡니다. 비워 두면 받을 작업자가 없다고 여겨 더 맡기지 않고,
        // 아무도 일하지 않는 채 소식만 기다리게 됩니다. 띄우지 못했으면 다음 차례에 알립니다.
        let _ = self.hire();
        self.hand_out();
        Ok(!news.is_empty())
    }

    /// 소식이 있는 자리들과, 그 작업자가 이미 끝났는지. 마감이 먼저 오면 비어 있습니다.
    ///
    /// 작업자마다 채널과 프로세스를 함께 기다립니다. 작업이 손수 `fork`한 손자가 채널을 물려받아 쥐고 있으면, 채널만
    /// 보아서는 작업자의 죽음을 모릅니다.
    fn news(&self, deadline: Deadline) -> Result<Vec<(usize, bool)>, PoolError> {
        let seated =
            || self.seats.iter().enumerate().filter_map(|(n, s)| Some((n, s.worker.as_ref()?)));
        let mut fds: Vec<PollFd> = seated()
            .flat_map(|(_, worker)| [worker.channel.as_fd(), worker.process.as_fd()])
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        wait_any_ready(&mut fds, deadline).map_err(ChannelError::Io)?;
        let ready = |fd: &PollFd| fd.any().unwrap_or(false);
        Ok((seated().zip(fds.chunks_exact(2)))
            .filter(|(_, fds)| fds.iter().any(ready))
            .map(|((number, _), fds)| (number, ready(&fds[1])))
            .collect())
    }

    /// 빈자리에 작업자를 앉힙니다. 일할 작업자가 하나라도 있으면 나머지는 다음에 다시 해 봅니다.
    fn hire(&mut self) -> Result<(), PoolError> {
        for number in 0..self.seats.len() {
            if self.seats[number].worker.is_none() {
                match Worker::start(&self.options) {
                    Ok(worker) => self.seats[number].worker = Some(worker),
                    Err(error) if self.workers().next().is_none() => return Err(error),
                    Err(_) => break,
                }
            }
        }
        Ok(())
    }

    /// 기다리는 묶음을 한가한 작업자부터 나누어 줍니다.
    fn hand_out(&mut self) {
        for depth in 0..PREFETCH {
            for number in 0..self.seats.len() {
                let free = |worker: &Worker| {
                    worker.in_flight.len() == depth && !worker.tired(&self.options)
                };
                if self.seats[number].worker.as_ref().is_some_and(free) {
                    let Some(chunk) = self.waiting.pop_front().or_else(|| self.take_back(depth))
                    else {
                        return;
                    };
                    self.send(number, chunk);
                }
            }
        }
    }

    /// 노는 작업자(`depth`가 0)를 위해, 다른 작업자에게 밀려 있는 묶음 하나를 거두어들입니다.
    fn take_back(&mut self, depth: usize) -> Option<Chunk> {
        if depth > 0 {
            return None;
        }
        self.seats.iter_mut().filter_map(|seat| seat.worker.as_mut()).find_map(Worker::take_back)
    }

    fn send(&mut self, number: usize, chunk: Chunk) {
        let Some(worker) = &mut self.seats[number].worker else {
            return self.waiting.push_front(chunk);
        };
        if let Some(failed) = worker.send(chunk) {
            self.finish(failed);
        }
    }

    fn finish(&mut self, chunk: Chunk) {
        if let Some(finished) = self.finished.get_mut(&chunk.job) {
            finished.insert(chunk.number, chunk);
        }
    }

    /// 작업자의 채널에서 결과 하나를, 또는 끊김을 받습니다. `ended`이면 이미 끝난 작업자입니다.
    fn receive(&mut self, number: usize, ended: bool) -> Result<(), PoolError> {
        let seat = &mut self.seats[number];
        let Some(worker) = &mut seat.worker else { return Ok(()) };
        let (head, piece) = match worker.receive() {
            Ok(received) => received,
            Err(ChannelError::Timeout) if !ended => return Ok(()),
            Err(error) => {
                if !matches!(error, ChannelError::Disconnected | ChannelError::Timeout) {
                    // 결과 하나를 잃었으므로 이 작업자가 보낼 것을 더 믿을 수 없습니다.
                    worker.process.kill();
                }
                return self.bury(number);
            }
        };
        seat.failed_starts = 0;
        let Some((number, Some(chunk))) = worker.in_flight.front_mut() else { return Ok(()) };
        debug_assert_eq!(*number, head.chunk, "작업자는 받은 순서대로 계산합니다");
        chunk.done += piece.len();
        chunk.pieces.push(piece);
        if chunk.done < chunk.count {
            return Ok(());
        }
        let finished = worker.in_flight.pop_front().and_then(|(_, chunk)| chunk);
        // 거두어들인 묶음이 뒤에 있었다면 작업자는 이제 그것을 바로 지나칩니다.
        worker.in_flight.retain(|(_, chunk)| chunk.is_some());
        if worker.tired(&self.options) && worker.in_flight.is_empty() {
            seat.worker.take().into_iter().for_each(Worker::renew);
        }
        if let Some(chunk) = finished {
            self.finish(chunk);
        }
        Ok(())
    }

    /// 죽은 작업자를 거두고, 맡겼던 묶음을 정리합니다. 빈자리는 다음 [`Dispatcher::hire`]가 채웁니다.
    fn bury(&mut self, number: usize) -> Result<(), PoolError> {
        let Some(mut worker) = self.seats[number].worker.take() else { return Ok(()) };
        let death = worker.describe_death();
        for (chunk_number, chunk) in worker.in_flight.drain(..).rev() {
            let Some(mut chunk) = chunk else { continue };
            if let Some(item) = worker.progress.item_of(chunk_number) {
                chunk.recover(&worker.progress, item, &death);
            }
            if chunk.done < chunk.count {
                self.waiting.push_front(chunk)
            } else {
                self.finish(chunk)
            }
        }
        let seat = &mut self.seats[number];
        if worker.progress.ready.load(Acquire) {
            seat.failed_starts = 0;
            return Ok(());
        }
        seat.failed_starts += 1;
        if seat.failed_starts < MAX_FAILED_STARTS {
            return Ok(());
        }
        Err(PoolError::Initializer {
            attempts: std::mem::take(&mut seat.failed_starts),
            message: death,
        })
    }

    /// 작업자들이 받은 일을 마치고 스스로 끝나기를 기다립니다.
    pub fn join(&mut self) {
        self.seats.iter_mut().filter_map(|seat| seat.worker.take()).for_each(Worker::dismiss);
    }
}
