//! 락을 획득하고, 1을 더하고, 해제합니다.

use std::thread;

use anyhow::{Result, anyhow, ensure};
use ipc_core::{Process, Shared};
use lock::Lock;

use super::clock::{Gate, Span, each};
use super::raw::RobustCounter;
use super::row::{Role, Row, Size};

/// 혼자 더하는 횟수.
const ALONE: u32 = 1_000_000;
/// 수업(11.7)의 프로세스 넷이 저마다 더하는 횟수.
const LESSON: u32 = 100_000;
const WORKERS: u32 = 4;

pub fn uncontended() -> Row {
    Row::new("lock", "락, 경쟁 없이")
        .faster_than_python(32.0)
        .within(1.25, Role::Raw)
        .ours(ours_alone)
        .twin("parking_lot", twin_alone)
        .raw("로버스트 뮤텍스", raw_alone)
}

pub fn contended() -> Row {
    Row::new("lock-4", "락, 넷이 100,000번씩")
        .faster_than_python(40.0)
        .within(2.5, Role::Twin)
        .ours(ours_together)
        .twin("parking_lot, 스레드 넷", twin_together)
        .raw("로버스트 뮤텍스", raw_together)
}

/// 기록하는 자리의 비용도 이것과 비교합니다.
pub fn ours_alone(size: Size) -> Result<f64> {
    let (times, counter) = (size.of(ALONE), Lock::new(0u64)?);
    let time = each(times, |_| {
        *counter.acquire()? += 1;
        Ok(())
    })?;
    check(*counter.acquire()?, times)?;
    Ok(time)
}

fn twin_alone(size: Size) -> Result<f64> {
    let (times, counter) = (size.of(ALONE), parking_lot::Mutex::new(0u64));
    let time = each(times, |_| {
        *counter.lock() += 1;
        Ok(())
    })?;
    check(counter.into_inner(), times)?;
    Ok(time)
}

/// 커널의 도움으로 주인의 죽음을 아는 가장 빠른 뮤텍스. 다른 항목이 컴퓨터의 빠르기를 재는 잣대로도 씁니다.
pub fn raw_alone(size: Size) -> Result<f64> {
    let (times, counter) = (size.of(ALONE), RobustCounter::shared()?);
    let time = each(times, |_| counter.add_one())?;
    check(counter.value(), times)?;
    Ok(time)
}

fn ours_together(size: Size) -> Result<f64> {
    let (times, counter) = (size.of(LESSON), Lock::new(0u64)?);
    let gate = Gate::new(WORKERS)?;
    let spans = together(|| Process::spawn(add_to_lock, (counter.clone(), gate.clone(), times)))?;
    check(*counter.acquire()?, WORKERS * times)?;
    Ok(Span::over(spans)?.each(WORKERS * times))
}

fn raw_together(size: Size) -> Result<f64> {
    let (times, counter) = (size.of(LESSON), RobustCounter::shared()?);
    let gate = Gate::new(WORKERS)?;
    let spans = together(|| Process::spawn(add_to_raw, (counter.clone(), gate.clone(), times)))?;
    check(counter.value(), WORKERS * times)?;
    Ok(Span::over(spans)?.each(WORKERS * times))
}

fn twin_together(size: Size) -> Result<f64> {
    let (times, counter) = (size.of(LESSON), parking_lot::Mutex::new(0u64));
    let gate = Gate::new(WORKERS)?;
    let add = || -> Result<Span> {
        gate.meet();
        let add_all = || {
            (0..times).for_each(|_| *counter.lock() += 1);
            Ok(())
        };
        Ok(Span::of(add_all)?.1)
    };
    let spans = thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS).map(|_| scope.spawn(add)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|span| span.map_err(|_| anyhow!("스레드가 패닉했습니다"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    check(counter.into_inner(), WORKERS * times)?;
    Ok(Span::over(spans)?.each(WORKERS * times))
}

/// 자식을 [`WORKERS`]개 시작해, 저마다 일한 동안을 모읍니다.
fn together(
    spawn: impl Fn() -> Result<Process<Span>, ipc_core::ProcessError>,
) -> Result<Vec<Span>> {
    let children = (0..WORKERS).map(|_| spawn()).collect::<Result<Vec<_>, _>>()?;
    children.into_iter().map(|child| Ok(child.join()?)).collect()
}

fn check(value: u64, times: u32) -> Result<()> {
    ensure!(value == u64::from(times), "{times}번 더했는데 {value}입니다");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn add_to_lock(counter: Lock<u64>, gate: Gate, times: u32) -> Result<Span> {
    gate.meet();
    let add = || {
        for _ in 0..times {
            *counter.acquire()? += 1;
        }
        Ok(())
    };
    Ok(Span::of(add)?.1)
}

fn add_to_raw(counter: Shared<RobustCounter>, gate: Gate, times: u32) -> Result<Span> {
    gate.meet();
    Ok(Span::of(|| (0..times).try_for_each(|_| counter.add_one()))?.1)
}
