//! 제한 시간을 재는 동안 상대가 하는 일: 쥔 채 멈추기, 쓰다가 멈추기, 쉬지 않고 보내고 드나들기.

use std::sync::Mutex;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, anyhow};
use ipc_core::Process;
use lock::Lock;
use nix::sys::signal::Signal;
use pipe::{Receiver, Sender, pipe};
use queue::Queue;
use semaphore::Semaphore;
use serde::{Deserialize, Serialize};

use crate::children::{arrive_and_sleep, sleep_forever, wait_asleep, wait_count};
use crate::procfs::{signal, wait_state};
use crate::{Counter, counter};

/// 쓰는 도중에 멈추게 하려는 큰 메시지.
const LARGE: usize = 4 << 20;

/// 상대가 함께 쓰는 것들.
#[derive(Clone, Serialize, Deserialize)]
pub struct Props {
    /// 쥔 채 멈춘 프로세스가 있는 락과 세마포어.
    pub held_lock: Lock<u32>,
    pub held_semaphore: Semaphore,
    /// 상대가 쉬지 않고 얻고 놓는 락과 세마포어.
    pub busy_lock: Lock<u32>,
    pub busy_semaphore: Semaphore,
    /// 상대가 쉬지 않고 넣고 꺼내는 큐.
    pub busy_queue: Queue<u32>,
    /// 넣던 프로세스가 도중에 멈춘 큐.
    pub torn_queue: Queue<String>,
    pub arrived: Counter,
}

pub struct Stage {
    pub props: Props,
    pub empty: Queue<u32>,
    pub full: Queue<[u8; 8]>,
    /// 상대가 큰 메시지를 보내다 멈춘 파이프.
    pub torn_inbox: Receiver<String>,
    /// 상대가 쉬지 않고 보내는 파이프.
    pub flooded_inbox: Receiver<u32>,
    pub silent: (Receiver<u32>, Sender<u32>),
    /// 상대가 읽지 않아 가득 찬 파이프.
    pub stuffed: (Receiver<u32>, Sender<u32>),
    pub stopped: Vec<Process<()>>,
    pub busy: Vec<Process<()>>,
    /// 끝나지 않는 자식.
    pub endless: Mutex<Process<()>>,
}

fn hold(props: Props) -> Result<()> {
    let _guard = props.held_lock.acquire()?;
    let _permit = props.held_semaphore.acquire()?;
    arrive_and_sleep(&props.arrived)
}

fn come_and_go(props: Props) -> Result<()> {
    loop {
        // 함께 드나들던 쪽이 쥔 채 먼저 죽임을 당했을 수 있습니다.
        if let Ok(mut turns) = props.busy_lock.acquire() {
            *turns += 1;
        }
        drop(props.busy_semaphore.acquire()?);
        let _ = props.busy_queue.try_put(&1);
        let _ = props.busy_queue.try_get();
    }
}

fn put_large(props: Props) -> Result<()> {
    let text = "x".repeat(LARGE);
    props.arrived.fetch_add(1, SeqCst);
    loop {
        props.torn_queue.put(&text)?;
        // 자리를 비워, 언제나 쓰는 도중이게 합니다.
        props.torn_queue.get()?;
    }
}

fn send_large(outbox: Sender<String>, arrived: Counter) -> Result<()> {
    let text = "x".repeat(LARGE);
    arrived.fetch_add(1, SeqCst);
    loop {
        outbox.send(&text)?;
    }
}

fn flood(outbox: Sender<u32>) -> Result<()> {
    loop {
        outbox.send(&1)?;
    }
}

impl Stage {
    pub fn open(random: &mut fastrand::Rng) -> Result<Stage> {
        let props = Props {
            held_lock: Lock::new(0)?,
            held_semaphore: Semaphore::new(1)?,
            busy_lock: Lock::new(0)?,
            busy_semaphore: Semaphore::new(1)?,
            busy_queue: Queue::with_capacity(64)?,
            torn_queue: Queue::with_capacity(4 * LARGE)?,
            arrived: counter()?,
        };
        let (torn_inbox, torn_outbox) = pipe()?;
        let (flooded_inbox, flooded_outbox) = pipe()?;
        let stopped = vec![
            Process::spawn(hold, (props.clone(),))?,
            Process::spawn(put_large, (props.clone(),))?,
            Process::spawn(send_large, (torn_outbox, props.arrived.clone()))?,
        ];
        wait_count("상대가 시작하기", &props.arrived, stopped.len() as u32)?;
        // 기다림이 아니라, 멈추는 때를 흩뜨리는 것입니다.
        sleep(Duration::from_micros(random.u64(0..5000)));
        for process in &stopped {
            signal(process.id(), Signal::SIGSTOP)?;
            wait_state(process.id(), 'T')?;
        }
        let busy = vec![
            Process::spawn(come_and_go, (props.clone(),))?,
            Process::spawn(come_and_go, (props.clone(),))?,
            Process::spawn(flood, (flooded_outbox,))?,
        ];
        let endless = Process::spawn(sleep_forever, ())?;
        wait_asleep(&endless)?;
        if random.bool() {
            signal(endless.id(), Signal::SIGSTOP)?;
        }
        let full = Queue::with_capacity(32)?;
        full.put(&[1; 8])?;
        full.put(&[2; 8])?;
        let stuffed = pipe()?;
        while stuffed.1.send_timeout(&0, Duration::ZERO).is_ok() {}
        let (empty, silent) = (Queue::new()?, pipe()?);
        Ok(Stage {
            props,
            empty,
            full,
            torn_inbox,
            flooded_inbox,
            silent,
            stuffed,
            stopped,
            busy,
            endless: Mutex::new(endless),
        })
    }

    /// 멈추고 바쁘던 상대를 모두 끝냅니다.
    pub fn close(self) -> Result<()> {
        let endless = self.endless.into_inner().map_err(|_| anyhow!("중독된 락"))?;
        for process in self.stopped.into_iter().chain(self.busy).chain([endless]) {
            process.kill();
            crate::children::expect_killed(process.join())?;
        }
        Ok(())
    }
}
