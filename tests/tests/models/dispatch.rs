//! 부모의 모형(dispatch.rs): 묶음을 나누어 주고, 결과를 모으고, 죽은 작업자를 바꿉니다.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::thread::{JoinHandle, spawn};

use crate::parts::Process;
use crate::pool::Twist;
use crate::wire::{Bell, Frame, Reply};
use crate::worker::Shared;

const PREFETCH: usize = 2;

/// 맡긴 묶음 하나.
#[derive(Debug)]
pub struct Chunk {
    pub number: usize,
    pub count: u32,
    pub done: u32,
    pub retries: u32,
    /// 항목마다의 결과. 잃었으면 `None`입니다.
    pub pieces: Vec<Option<u64>>,
}

struct Worker {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    in_flight: VecDeque<(u64, Option<Chunk>)>,
    sent: u64,
}

/// 새 작업자 프로세스를 만듭니다.
type Hire = Box<dyn FnMut() -> (Process, Arc<Shared>)>;

pub struct Dispatcher {
    seats: Vec<Option<Worker>>,
    waiting: VecDeque<Chunk>,
    pub finished: Vec<Chunk>,
    hire: Hire,
    bell: Arc<Bell>,
    twist: Twist,
    /// 보내다 실패하는 묶음(열린 파일의 한도에 닿았을 때처럼).
    unsendable: Option<usize>,
}

impl Dispatcher {
    pub fn new(
        workers: usize,
        hire: Hire,
        bell: Arc<Bell>,
        twist: Twist,
        unsendable: Option<usize>,
    ) -> Dispatcher {
        let seats = (0..workers).map(|_| None).collect();
        let (waiting, finished) = Default::default();
        Dispatcher { seats, waiting, finished, hire, bell, twist, unsendable }
    }

    /// 묶음들을 모두 끝내고, 작업자들을 돌려보냅니다.
    pub fn run(&mut self, chunks: Vec<Chunk>) {
        let total = chunks.len();
        self.hire();
        for chunk in chunks {
            // dispatch.rs: `submit`
            self.waiting.push_back(chunk);
            self.hand_out();
        }
        while self.finished.len() < total {
            self.step();
        }
        for worker in self.seats.drain(..).flatten() {
            worker.shared.socket.parent_closes();
            worker.thread.join().unwrap();
        }
    }

    fn step(&mut self) {
        self.hire();
        self.hand_out();
        // dispatch.rs: wait_any_ready(&mut fds, deadline).map_err(ChannelError::Io)?;
        self.bell.wait();
        for number in 0..self.seats.len() {
            while let Some(received) = self.seats[number].as_ref().and_then(receive_piece) {
                match received {
                    Some(reply) => self.receive(number, reply),
                    None => self.bury(number),
                }
            }
        }
        self.hand_out();
    }

    fn hire(&mut self) {
        for seat in self.seats.iter_mut().filter(|seat| seat.is_none()) {
            let (process, shared) = (self.hire)();
            let thread = spawn({
                let shared = shared.clone();
                move || shared.live(&process)
            });
            *seat = Some(Worker { shared, thread, in_flight: VecDeque::new(), sent: 0 });
        }
    }

    fn hand_out(&mut self) {
        for depth in 0..PREFETCH {
            for number in 0..self.seats.len() {
                if self.seats[number].as_ref().is_some_and(|worker| worker.in_flight.len() == depth)
                {
                    let chunk = self.waiting.pop_front().or_else(|| self.take_back(depth));
                    let Some(chunk) = chunk else { return };
                    self.send(number, chunk);
                }
            }
        }
    }

    fn take_back(&mut self, depth: usize) -> Option<Chunk> {
        if depth > 0 {
            return None;
        }
        let twist = self.twist;
        self.seats.iter_mut().flatten().find_map(|worker| {
            let [_, (number, chunk)] = worker.in_flight.make_contiguous() else { return None };
            // seat.rs: if chunk.is_some() && self.progress.claim(*number) { chunk.take() } else { None }
            if chunk.is_some() && worker.shared.progress.claim(*number, twist) {
                chunk.take()
            } else {
                None
            }
        })
    }

    fn send(&mut self, number: usize, mut chunk: Chunk) {
        let Some(worker) = &mut self.seats[number] else { return self.waiting.push_front(chunk) };
        // seat.rs: self.sent += 1;
        worker.sent += 1;
        // seat.rs: self.progress.offer(self.sent);
        worker.shared.progress.offer(worker.sent);
        if self.unsendable == Some(chunk.number) {
            if self.twist != Twist::NumberUsedUp {
                // seat.rs: self.sent -= 1;
                worker.sent -= 1;
            }
            // seat.rs: chunk.lose_rest(…)
            chunk.pieces.resize(chunk.count as usize, None);
            return self.finished.push(chunk);
        }
        let (count, skip) = (chunk.count, chunk.done);
        worker.shared.socket.send_down(Frame {
            chunk: worker.sent,
            number: chunk.number,
            count,
            skip,
        });
        worker.in_flight.push_back((worker.sent, Some(chunk)));
    }

    fn receive(&mut self, number: usize, reply: Reply) {
        let Some(worker) = &mut self.seats[number] else { return };
        let Some((sent, Some(chunk))) = worker.in_flight.front_mut() else { return };
        assert_eq!(*sent, reply.chunk, "작업자는 받은 순서대로 계산합니다");
        chunk.done += reply.values.len() as u32;
        chunk.pieces.extend(reply.values.into_iter().map(Some));
        if chunk.done == chunk.count {
            self.finished.extend(worker.in_flight.pop_front().and_then(|(_, chunk)| chunk));
            // dispatch.rs: worker.in_flight.retain(|(_, chunk)| chunk.is_some());
            worker.in_flight.retain(|(_, chunk)| chunk.is_some());
        }
    }

    fn bury(&mut self, number: usize) {
        let Some(mut worker) = self.seats[number].take() else { return };
        // seat.rs: `describe_death`
        worker.thread.join().unwrap();
        for (sent, chunk) in worker.in_flight.drain(..).rev() {
            let Some(mut chunk) = chunk else { continue };
            // dispatch.rs: if let Some(item) = worker.progress.item_of(chunk_number) {
            if let Some(item) = worker.shared.progress.item_of(sent) {
                recover(&mut chunk, &worker.shared, item);
            }
            if chunk.done < chunk.count {
                self.waiting.push_front(chunk)
            } else {
                self.finished.push(chunk)
            }
        }
    }
}

/// 소켓에서 결과 하나를, 또는 끊김을 받습니다.
fn receive_piece(worker: &Worker) -> Option<Option<Reply>> {
    worker.shared.socket.receive_piece(worker.shared.twist == Twist::ResetHidesResults)
}

fn recover(chunk: &mut Chunk, shared: &Shared, item: u32) {
    for (index, value) in shared.progress.read_saved() {
        // chunk.rs: if index == self.done {
        if index == chunk.done || shared.twist == Twist::TakeEveryRecord {
            chunk.pieces.push(Some(value));
            chunk.done += 1;
        }
    }
    // chunk.rs: if item != self.done || self.done == self.count {
    if item != chunk.done || chunk.done == chunk.count {
        return;
    }
    if chunk.retries > 0 {
        chunk.retries -= 1;
    } else {
        chunk.pieces.push(None);
        chunk.done += 1;
    }
}
