//! 풀을 함께 쓰는 스레드들이 만나는 곳([`Core`]): 맡기고, 기다리고, 관리합니다.
//!
//! 풀마다 관리 스레드가 하나 있습니다. 평소에는 잠들어 있다가, 작업자가 죽거나, 부모가 볼 것이 생겼거나, 풀을 닫을 때
//! 일어납니다. 결과를 기다리는 스레드는 잠들기 전에 잠깐 스스로 책상들을 살펴보므로([`Core::wait`]), 짧은 일은 관리 스레드를
//! 깨우지 않고 끝납니다. 상태([`State`])는 뮤텍스 하나가 지키며, 쥐고 있는 동안 사용자의 코드는 실행하지 않습니다.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use ipc_core::build::{Awake, Deadline, after, expired, recheck, wait_all_ready};
use ipc_core::{ChannelError, ProcessError};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::event::{EventfdFlags, eventfd};

use crate::chunk::Chunk;
use crate::dispatch::{Call, Options, State};
use crate::error::PoolError;
use crate::slot::{Link, Slot};

/// 풀과 결과를 받는 쪽들이 함께 갖는 것.
pub struct Core {
    state: Mutex<State>,
    /// 묶음이 끝나거나 호출이 실패하면 알립니다.
    changed: Condvar,
    /// 관리 스레드를 깨웁니다.
    wake: OwnedFd,
}

impl Core {
    /// 작업자들을 띄웁니다. 하나라도 띄우지 못하면 에러이며, 이미 띄운 것은 모두 끝내고 회수합니다.
    pub fn start(options: Options) -> Result<Arc<Core>, PoolError> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = wake.map_err(|errno| ProcessError::from(ChannelError::Io(errno.into())))?;
        let state = State::start(options)?;
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
        // 그동안 누가 밖에서 작업자를 죽였더라도 이 호출의 실패는 아닙니다.
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
            // 아무도 없으면 관리 스레드는 이 일을 모른 채 잠들어 있을 수 있습니다. 호출을 연 뒤에 모두 포기했으면 다시 해 봅니다.
            if state.slots.iter().all(Slot::given_up) {
                state.slots.iter_mut().for_each(|slot| slot.failed_starts = 0);
            }
            self.wake();
        }
        Ok(())
    }

    /// 끝난 묶음을 가져갑니다. `number`가 없으면 아무것이나 하나입니다. 제한 시간이 먼저 지나면 `None`입니다.
    pub fn wait(
        &self,
        call: u64,
        number: Option<usize>,
        deadline: Deadline,
    ) -> Result<Option<Chunk>, PoolError> {
        let (mut awake, mut sleepy) = (Awake::start(), false);
        let mut state = self.state.lock();
        loop {
            // 깨어 있는 동안은 작업자가 관리 스레드를 깨우지 않아도 됩니다.
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
            sleepy = expired(deadline) || !awake.pause();
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

    /// 결과를 모으고, 끝난 묶음이 있으면 기다리는 쪽에 알립니다.
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

    /// 바뀐 것이 있을 때까지 잠듭니다.
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

    /// 닫고, 맡긴 일이 모두 끝나기를 기다립니다. 제한 시간이 먼저 지나면 `false`입니다.
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
            // 일이 있는 동안은 스스로도 살펴봅니다. 잘못된 작업자는 이 스레드를 깨우지 않을 수 있습니다.
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
