//! 프로세스들이 함께 쓰는 시계와 출발선.
//!
//! `Instant`는 다른 프로세스로 보낼 수 없으므로, 같은 시계(`CLOCK_MONOTONIC`)를 정수로 읽습니다.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread::yield_now;
use std::time::Duration;

use anyhow::{Context, Result};
use ipc_core::Shared;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// 지금 시각(나노초). 어느 프로세스에서 읽어도 같은 시계입니다.
pub fn now() -> Result<u64> {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC)?);
    Ok(u64::try_from(now.as_nanos())?)
}

/// 일을 시작한 시각과 마친 시각.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// `work`를 실행한 동안.
    pub fn of<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Span)> {
        let start = now()?;
        let value = work()?;
        Ok((value, Span { start, end: now()? }))
    }

    /// 가장 먼저 시작한 때부터 가장 늦게 마친 때까지.
    pub fn over(spans: impl IntoIterator<Item = Span>) -> Result<Span> {
        let widen = |a: Span, b: Span| Span { start: a.start.min(b.start), end: a.end.max(b.end) };
        spans.into_iter().reduce(widen).context("잰 시간이 없습니다")
    }

    /// 항목 하나의 나노초.
    pub fn each(self, items: u32) -> f64 {
        (self.end - self.start) as f64 / f64::from(items)
    }
}

/// `work`를 `items`번 되풀이했을 때, 한 번의 나노초.
pub fn each(items: u32, mut work: impl FnMut(u32) -> Result<()>) -> Result<f64> {
    let ((), span) = Span::of(|| (0..items).try_for_each(|item| work(black_box(item))))?;
    Ok(span.each(items))
}

/// 출발선: 모두 모일 때까지 기다렸다가 함께 시작합니다. 복제해 자식에게 건넵니다.
#[derive(Clone, Serialize, Deserialize)]
pub struct Gate {
    arrived: Shared<AtomicU32>,
    expected: u32,
}

impl Gate {
    /// `expected`명이 모이는 출발선.
    pub fn new(expected: u32) -> Result<Gate> {
        Ok(Gate { arrived: Shared::new(AtomicU32::new(0))?, expected })
    }

    /// 도착했다고 알리고, 모두 도착하기를 기다립니다.
    pub fn meet(&self) {
        self.arrived.fetch_add(1, SeqCst);
        while self.arrived.load(SeqCst) < self.expected {
            yield_now();
        }
    }
}
