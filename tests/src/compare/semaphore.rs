//! 자리가 남는 세마포어에 들어갔다가 나옵니다.

use anyhow::{Result, ensure};
use parking_lot::{Condvar, Mutex};
use semaphore::Semaphore;

use super::clock::each;
use super::lock;
use super::raw::PosixSemaphore;
use super::row::{Role, Row, Size};

const ENTRIES: u32 = 1_000_000;
/// 수업(11.8)의 자리의 수.
const PLACES: u32 = 2;

pub fn uncontended() -> Row {
    // 쥔 프로세스가 죽어도 자리가 반납되려면 적어도 로버스트 뮤텍스 하나가 필요합니다.
    // 13 ns라는 목표를, 로버스트 뮤텍스가 7.5 ns인 컴퓨터에서 잰 비율로 적었습니다.
    Row::new("semaphore", "세마포어, 경쟁 없이")
        .faster_than_python(4.0)
        .within(1.7, Role::Peer)
        .ours(ours)
        .twin("parking_lot으로 지은 것", twin)
        .raw("sem_t", raw)
        .peer("로버스트 뮤텍스", lock::raw_alone)
}

fn ours(size: Size) -> Result<f64> {
    let semaphore = Semaphore::new(PLACES as usize)?;
    let time = each(size.of(ENTRIES), |_| {
        let _permit = semaphore.acquire()?;
        Ok(())
    })?;
    ensure!(semaphore.available() == PLACES as usize, "나온 뒤에도 자리가 차 있습니다");
    Ok(time)
}

/// 스레드의 세마포어: 남은 자리의 수와 조건 변수.
fn twin(size: Size) -> Result<f64> {
    let (free, left) = (Mutex::new(PLACES), Condvar::new());
    let time = each(size.of(ENTRIES), |_| {
        let mut places = free.lock();
        left.wait_while(&mut places, |places| *places == 0);
        *places -= 1;
        drop(places);
        *free.lock() += 1;
        left.notify_one();
        Ok(())
    })?;
    ensure!(*free.lock() == PLACES, "나온 뒤에도 자리가 차 있습니다");
    Ok(time)
}

fn raw(size: Size) -> Result<f64> {
    let semaphore = PosixSemaphore::shared(PLACES)?;
    let time = each(size.of(ENTRIES), |_| semaphore.enter_and_leave())?;
    ensure!(semaphore.free()? == PLACES as i32, "나온 뒤에도 자리가 차 있습니다");
    Ok(time)
}
