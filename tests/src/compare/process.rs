//! 프로세스를 시작하고 끝나기를 기다립니다.

use std::thread;

use anyhow::{Result, ensure};
use ipc_core::Process;

use super::clock::each;
use super::raw;
use super::row::{Role, Row, Size};

const STARTS: u32 = 100;

pub fn start_and_join() -> Row {
    Row::new("process", "프로세스 시작과 조인")
        .faster_than_python(1.3)
        .within(1.2, Role::Raw)
        .ours(ours)
        .twin("스레드", twin)
        .raw("다시 실행하기만", bare)
}

fn ours(size: Size) -> Result<f64> {
    each(size.of(STARTS), |n| check(n, Process::spawn(next, (n,))?.join()?))
}

fn twin(size: Size) -> Result<f64> {
    each(size.of(STARTS), |n| {
        let value = thread::spawn(move || next(n)).join();
        check(n, value.map_err(|_| anyhow::anyhow!("스레드가 패닉했습니다"))?)
    })
}

fn bare(size: Size) -> Result<f64> {
    each(size.of(STARTS), |_| raw::reap(raw::reexec()?))
}

fn check(n: u32, value: u32) -> Result<()> {
    ensure!(value == n + 1, "{n} 다음이 {value}입니다");
    Ok(())
}

// 여기부터는 자식 프로세스에서도 실행됩니다.

fn next(n: u32) -> u32 {
    n + 1
}
