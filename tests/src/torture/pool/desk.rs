//! 책상(desk): 작업자들과 테스트가 함께 보는 값입니다. 작업자는 `initializer`에서 받아 둡니다.

use std::hint::spin_loop;
use std::process::id;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::park;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::children::wait_count;
use crate::{Counter, counter};

#[derive(Clone, Serialize, Deserialize)]
pub struct Desk {
    /// 먼저 도착한 작업자의 PID. 아직 없으면 0.
    arrived: Counter,
    /// 함수가 불린 횟수.
    calls: Counter,
    /// 0이 아니면 [`Desk::wait_open`]이 반환합니다.
    open: Counter,
}

/// 이 작업자의 책상. 부모에는 없습니다.
static DESK: OnceLock<Desk> = OnceLock::new();

impl Desk {
    pub fn new() -> Result<Desk> {
        Ok(Desk { arrived: counter()?, calls: counter()?, open: counter()? })
    }

    /// 작업자의 `initializer`.
    pub fn sit(desk: Desk) -> Result<()> {
        DESK.set(desk).ok().context("두 번 불렸습니다")
    }

    /// 함수가 불렸음을 셉니다.
    pub fn called() {
        if let Some(desk) = DESK.get() {
            desk.calls.fetch_add(1, SeqCst);
        }
    }

    /// 먼저 도착했으면 PID를 남깁니다. 재시도한 작업자나 부모는 `false`를 받습니다.
    pub fn arrive() -> bool {
        let first = |desk: &Desk| desk.arrived.compare_exchange(0, id(), SeqCst, SeqCst).is_ok();
        DESK.get().is_some_and(first)
    }

    /// 먼저 도착한 작업자는 여기서 죽임을 기다립니다. 다른 작업자나 부모는 그냥 지나갑니다.
    pub fn wait_for_death() {
        if Desk::arrive() {
            loop {
                park();
            }
        }
    }

    /// [`Desk::open`]까지 잠들지 않고 기다립니다. 그 뒤에 잠든 것이 보이면 다른 이유입니다.
    pub fn wait_open() {
        while DESK.get().is_some_and(|desk| desk.open.load(SeqCst) == 0) {
            spin_loop();
        }
    }

    pub fn open(&self) {
        self.open.store(1, SeqCst);
    }

    pub fn calls(&self) -> u32 {
        self.calls.load(SeqCst)
    }

    /// 함수가 `wanted`번 호출될 때까지 기다립니다.
    pub fn wait_calls(&self, wanted: u32) -> Result<()> {
        wait_count("함수가 그만큼 불리기", &self.calls, wanted)
    }

    /// 먼저 도착한 작업자의 PID를 기다립니다.
    pub fn victim(&self) -> Result<u32> {
        wait_count("죽임을 기다리는 작업자가 나타나기", &self.arrived, 1)?;
        Ok(self.arrived.load(SeqCst))
    }
}
