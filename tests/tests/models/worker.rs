//! 작업자의 모형(worker.rs).

use std::sync::{Arc, Mutex};

use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use loom::sync::atomic::{AtomicU32, AtomicU64};

use crate::parts::{Life, Process};
use crate::pool::{Twist, value_of};
use crate::wire::{Bell, Frame, Reply, Socket};

/// 공유 메모리에 놓인 진행 상황(worker.rs의 `Progress`).
pub struct Progress {
    chunk: AtomicU64,
    item: AtomicU32,
    saved: AtomicU32,
    gates: [AtomicU64; 2],
    /// 기록 하나는 두 칸: 항목의 자리와 값.
    words: Vec<AtomicU64>,
}

impl Progress {
    // worker.rs: `offer`
    pub fn offer(&self, chunk: u64) {
        self.gate(chunk).store(chunk, Release);
    }

    // worker.rs: `claim`
    pub fn claim(&self, chunk: u64, twist: Twist) -> bool {
        if twist == Twist::ClaimInTwoSteps {
            let free = self.gate(chunk).load(Acquire) == chunk;
            self.gate(chunk).store(0, Release);
            return free;
        }
        self.gate(chunk).compare_exchange(chunk, 0, AcqRel, Acquire).is_ok()
    }

    // worker.rs: `item_of`
    pub fn item_of(&self, chunk: u64) -> Option<u32> {
        (self.chunk.load(Acquire) == chunk).then(|| self.item.load(Acquire))
    }

    fn gate(&self, chunk: u64) -> &AtomicU64 {
        &self.gates[(chunk % 2) as usize]
    }

    // worker.rs: `read_saved`
    pub fn read_saved(&self) -> Vec<(u32, u64)> {
        let saved = self.saved.load(Acquire) as usize;
        let records = self.words[..saved].chunks_exact(2);
        records.map(|pair| (pair[0].load(Relaxed) as u32, pair[1].load(Relaxed))).collect()
    }
}

/// 작업자 하나가 부모와 함께 보는 것.
pub struct Shared {
    pub progress: Progress,
    pub socket: Socket,
    /// 모형의 바깥에서 세는 것: 항목마다 함수가 불린 횟수. `[묶음][항목]`
    pub runs: Arc<Mutex<Vec<Vec<u32>>>>,
    pub twist: Twist,
}

impl Shared {
    pub fn new(
        saved_records: usize,
        bell: Arc<Bell>,
        runs: Arc<Mutex<Vec<Vec<u32>>>>,
        twist: Twist,
    ) -> Shared {
        let words = (0..2 * saved_records).map(|_| AtomicU64::new(0)).collect();
        let (chunk, item, saved) = (AtomicU64::new(0), AtomicU32::new(0), AtomicU32::new(0));
        let progress = Progress { chunk, item, saved, gates: Default::default(), words };
        Shared { progress, socket: Socket::new(bell), runs, twist }
    }

    /// 작업자 프로세스의 일생. 죽거나 끝나면 커널이 소켓을 닫습니다.
    pub fn live(&self, me: &Process) {
        let _ = self.serve(me);
        self.socket.worker_closes();
    }

    fn serve(&self, me: &Process) -> Life {
        loop {
            // worker.rs: let frame = self.channel.recv_frame(None)?;
            me.step()?;
            let Some(frame) = self.socket.receive() else { return Ok(()) };
            // worker.rs: if !self.progress.claim(head.chunk) {
            me.step()?;
            if !self.progress.claim(frame.chunk, self.twist) {
                continue;
            }
            // worker.rs: self.progress.item.store(0, Relaxed);
            me.step()?;
            self.progress.item.store(0, Relaxed);
            // worker.rs: self.progress.chunk.store(head.chunk, Release);
            me.step()?;
            self.progress.chunk.store(frame.chunk, Release);
            self.run_chunk(me, frame)?;
        }
    }

    fn run_chunk(&self, me: &Process, frame: Frame) -> Life {
        let (mut values, mut saved) = (Vec::new(), 0);
        for index in frame.skip..frame.count {
            if self.twist != Twist::ItemAfterTheCall {
                // worker.rs: work.progress.item.store(index as u32, Release);
                me.step()?;
                self.progress.item.store(index, Release);
            }
            // worker.rs: let output = summon::<F>().call(args).into_result();
            me.step()?;
            self.runs.lock().unwrap()[frame.number][index as usize] += 1;
            if self.twist == Twist::ItemAfterTheCall {
                me.step()?;
                self.progress.item.store(index, Release);
            }
            values.push(value_of(frame.number, index));
            // worker.rs: let end = self.saved + 1 + record.len().div_ceil(8);
            let end = saved + 2;
            if end > self.progress.words.len() {
                // worker.rs: return self.send();
                self.send(me, frame.chunk, std::mem::take(&mut values))?;
                saved = 0;
                continue;
            }
            if self.twist == Twist::SavedFirst {
                me.step()?;
                self.progress.saved.store(end as u32, Release);
            }
            // worker.rs: store_bytes(words.by_ref().take(1), &head.to_ne_bytes());
            me.step()?;
            self.progress.words[saved].store(index.into(), Relaxed);
            // worker.rs: store_bytes(words, record);
            me.step()?;
            self.progress.words[saved + 1].store(value_of(frame.number, index), Relaxed);
            // worker.rs: self.work.progress.saved.store(end as u32, Release);
            me.step()?;
            self.progress.saved.store(end as u32, Release);
            saved = end;
        }
        self.send(me, frame.chunk, values)
    }

    fn send(&self, me: &Process, chunk: u64, values: Vec<u64>) -> Life {
        if !values.is_empty() {
            // worker.rs: self.work.channel.send_frame(fingerprint::<ResultHead>(), &[&bytes], &fds, None)?;
            me.step()?;
            self.socket.send_up(Reply { chunk, values });
        }
        // worker.rs: self.work.progress.saved.store(0, Release);
        me.step()?;
        self.progress.saved.store(0, Release);
        Ok(())
    }
}
