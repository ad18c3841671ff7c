//! 묶음(chunk): 작업자 하나에게 한 번에 맡기는 항목들과, 그 결과.

use std::os::fd::OwnedFd;

use ipc_core::codec::Incoming;

use crate::error::Cause;
use crate::record::Records;
use crate::worker::{RunChunk, SharedProgress, read_saved};

/// 한 번에 맡기는 항목들. 끝난 뒤에는 결과가 담깁니다.
pub struct Chunk {
    pub job: u64,
    /// 호출 안에서의 순서. 0부터.
    pub number: usize,
    /// 첫 항목의 자리. 0부터.
    pub first: usize,
    pub run: RunChunk,
    pub items: Vec<u8>,
    pub fds: Vec<OwnedFd>,
    pub count: u32,
    /// 결과가 정해진 항목의 수. 언제나 앞에서부터 차례로 정해집니다.
    pub done: u32,
    /// 작업자가 죽었을 때 다시 해 볼 수 있는 횟수.
    pub retries: u32,
    pub pieces: Vec<Piece>,
}

/// 이어진 항목 몇 개의 결과.
pub enum Piece {
    /// 작업자가 보냈거나 적어 둔 결과들.
    Records { bytes: Vec<u8>, start: usize, handles: Incoming },
    /// 결과를 내지 못한 항목 하나.
    Lost(Cause),
}

impl Piece {
    /// 담긴 결과의 수.
    pub fn len(&self) -> u32 {
        match self {
            Piece::Records { bytes, start, .. } => Records(&bytes[*start..]).count() as u32,
            Piece::Lost(_) => 1,
        }
    }
}

impl Chunk {
    /// 남은 항목을 모두 `cause`로 끝냅니다.
    pub fn lose_rest(&mut self, cause: &Cause) {
        self.pieces.extend((self.done..self.count).map(|_| Piece::Lost(cause.clone())));
        self.done = self.count;
    }

    /// 죽은 작업자가 적어 둔 결과를 되찾고, 죽을 때 계산하던 항목만 잃은 것으로 합니다.
    pub fn recover(&mut self, progress: &SharedProgress, item: u32, death: &str) {
        read_saved(progress, |index, bytes| {
            if index == self.done {
                self.pieces.push(Piece::Records { bytes, start: 0, handles: Incoming::default() });
                self.done += 1;
            }
        });
        // 항목과 항목 사이에서 죽었으면 잃은 것이 없습니다.
        if item != self.done || self.done == self.count {
            return;
        }
        if self.retries > 0 {
            self.retries -= 1;
        } else {
            self.pieces.push(Piece::Lost(Cause::WorkerDied(death.to_owned())));
            self.done += 1;
        }
    }
}
