//! 부모와 작업자를 잇는 소켓의 모형. 커널이 하는 일이므로 여기서는 죽지 않습니다.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::{Condvar, Mutex};

/// 부모가 보내는 묶음.
#[derive(Clone, Copy)]
pub struct Frame {
    /// 이 작업자에게 보낸 순서. 1부터.
    pub chunk: u64,
    /// 호출 안에서의 순서. 0부터.
    pub number: usize,
    pub count: u32,
    pub skip: u32,
}

/// 작업자가 보내는 결과들: 항목의 값들이 차례로.
pub struct Reply {
    pub chunk: u64,
    pub values: Vec<u64>,
}

/// 소켓 안에 든 것. 한쪽이 죽어도 이미 보낸 것은 남습니다.
#[derive(Default)]
struct Wire {
    down: VecDeque<Frame>,
    up: VecDeque<Reply>,
    worker_gone: bool,
    parent_gone: bool,
}

/// 부모가 소켓들을 한꺼번에 기다리는 곳(`poll`).
#[derive(Default)]
pub struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.ring.notify_one();
    }

    pub fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.ring.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// 부모와 작업자 하나를 잇는 소켓.
pub struct Socket {
    wire: Mutex<Wire>,
    came: Condvar,
    bell: Arc<Bell>,
}

impl Socket {
    pub fn new(bell: Arc<Bell>) -> Socket {
        Socket { wire: Mutex::default(), came: Condvar::new(), bell }
    }

    pub fn send_down(&self, frame: Frame) {
        self.wire.lock().unwrap().down.push_back(frame);
        self.came.notify_one();
    }

    /// 부모가 소켓을 닫습니다.
    pub fn parent_closes(&self) {
        self.wire.lock().unwrap().parent_gone = true;
        self.came.notify_one();
    }

    /// 작업자가 묶음을 받습니다. 닫혔으면 `None`입니다.
    pub fn receive(&self) -> Option<Frame> {
        let mut wire = self.wire.lock().unwrap();
        loop {
            if let Some(frame) = wire.down.pop_front() {
                return Some(frame);
            }
            if wire.parent_gone {
                return None;
            }
            wire = self.came.wait(wire).unwrap();
        }
    }

    pub fn send_up(&self, reply: Reply) {
        self.wire.lock().unwrap().up.push_back(reply);
        self.bell.ring();
    }

    /// 작업자가 끝나거나 죽어, 커널이 소켓을 닫습니다.
    pub fn worker_closes(&self) {
        self.wire.lock().unwrap().worker_gone = true;
        self.bell.ring();
    }

    /// 부모가 결과 하나를(`Some`), 또는 끊김을(`None`) 받습니다. 올 것이 아직 없으면 바깥이 `None`입니다.
    ///
    /// 작업자가 읽지 않은 묶음을 두고 죽으면 커널은 남은 결과보다 먼저 ECONNRESET을 알립니다. `hidden`이면 그것을
    /// 끝으로 여깁니다.
    pub fn receive_piece(&self, hidden: bool) -> Option<Option<Reply>> {
        let mut wire = self.wire.lock().unwrap();
        // channel.rs: Err(Errno::ECONNRESET) => None,
        if hidden && wire.worker_gone && !wire.down.is_empty() {
            return Some(None);
        }
        let reply = wire.up.pop_front();
        (reply.is_some() || wire.worker_gone).then_some(reply)
    }
}
