//! 풀에 일을 맡기고 결과를 받습니다.

use std::thread;

use anyhow::{Context, Result, ensure};
use crossbeam_channel::bounded;
use num_bigint::BigUint;
use pool::Pool;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_bytes::ByteBuf;

use super::clock::{Span, each};
use super::raw;
use super::row::{Role, Row, Size};
use super::{cores, lock, pipe};

/// 11.2의 팩토리얼의 수.
const FACTORIALS: u32 = 12_000;
/// 한 번에 작업자에게 보내는 팩토리얼의 수.
const CHUNK: usize = 16;
const SQUARES: u32 = 1_000_000;
const SINGLES: u32 = 20_000;
const CALLS: u32 = 2_000;
const STARTS: u32 = 10;
/// 11.3의 작업자의 수.
const WORKERS: u32 = 4;
/// 11.3의 숫자의 수.
const LESSON: u64 = 10;

pub fn factorials() -> Row {
    // rayon의 0.92배 속도를 시간의 비율로 적었습니다.
    Row::new("factorials", "풀, 팩토리얼 12,000개(작업자는 코어마다 하나)")
        .faster_than_python(4.0)
        .within(1.0 / 0.92, Role::Twin)
        .ours(ours_factorials)
        .twin("rayon", twin_factorials)
}

pub fn squares() -> Row {
    // 18 ns라는 목표를, 로버스트 뮤텍스가 7.5 ns인 컴퓨터에서 잰 비율로 적었습니다. rayon의 시간은 결과를 담을 메모리를 얻는 데
    // 거의 다 쓰이고 흔들림이 커서 잣대로 쓰지 않습니다.
    Row::new("squares", "풀, 제곱 1,000,000개를 map으로")
        .faster_than_python(10.0)
        .within(2.4, Role::Peer)
        .ours(ours_squares)
        .twin("rayon", twin_squares)
        .peer("로버스트 뮤텍스 한 번", lock::raw_alone)
}

pub fn one_by_one() -> Row {
    Row::new("imap", "풀, imap_unordered로 하나씩")
        .faster_than_python(8.0)
        .ours(ours_one_by_one)
        .twin("crossbeam, 스레드 넷", twin_one_by_one)
}

pub fn there_and_back() -> Row {
    Row::new("apply", "풀, apply 한 번")
        .faster_than_python(15.0)
        .ours(ours_apply)
        .twin("rayon", twin_apply)
        .raw("SOCK_SEQPACKET 왕복", pipe::raw_ping_pong)
}

pub fn start_to_end() -> Row {
    Row::new("pool", "풀 넷을 시작해 열 개를 map하고 종료")
        .faster_than_python(6.0)
        .within(1.4, Role::Raw)
        .ours(ours_start_to_end)
        .twin("rayon", twin_start_to_end)
        .raw("다시 실행하기만 네 번", four_bare)
}

/// 작업자를 시작하고 결과를 모두 옮기는 시간까지 잽니다. 시간은 전체의 것입니다.
fn ours_factorials(size: Size) -> Result<f64> {
    let numbers = size.of(FACTORIALS);
    let (all, span) = Span::of(|| {
        let pool = Pool::builder().workers(cores()).chunk_size(CHUNK).build()?;
        let bytes = pool.imap(factorial_bytes, 0..numbers);
        bytes.map(|bytes| Ok(BigUint::from_bytes_le(&bytes?))).collect()
    })?;
    check_factorials(numbers, all)?;
    Ok(span.each(1))
}

fn twin_factorials(size: Size) -> Result<f64> {
    let numbers = size.of(FACTORIALS);
    let (all, span) = Span::of(|| {
        let pool = ThreadPoolBuilder::new().num_threads(cores()).build()?;
        Ok(pool.install(|| (0..numbers).into_par_iter().map(factorial).collect()))
    })?;
    check_factorials(numbers, all)?;
    Ok(span.each(1))
}

/// 비트 수를 로그의 합으로 따로 구해 확인합니다.
fn check_factorials(numbers: u32, all: Vec<BigUint>) -> Result<()> {
    ensure!(all.len() == numbers as usize, "팩토리얼이 {}개입니다", all.len());
    let mut log = 0.0_f64;
    for (n, factorial) in (0..).zip(&all) {
        log += f64::from(n.max(1)).log2();
        ensure!(factorial.bits() == log.floor() as u64 + 1, "{n}!의 비트 수가 다릅니다");
    }
    Ok(())
}

fn ours_squares(size: Size) -> Result<f64> {
    let (count, pool) = (size.of(SQUARES), warm_pool(WORKERS as usize)?);
    let (all, span) = Span::of(|| Ok(pool.map(square, 0..u64::from(count))?))?;
    check_squares(count, all)?;
    Ok(span.each(count))
}

fn twin_squares(size: Size) -> Result<f64> {
    let (count, pool) = (size.of(SQUARES), thread_pool()?);
    let map = || (0..u64::from(count)).into_par_iter().map(square).collect::<Vec<_>>();
    let (all, span) = Span::of(|| Ok(pool.install(map)))?;
    check_squares(count, all)?;
    Ok(span.each(count))
}

fn check_squares(count: u32, all: Vec<u64>) -> Result<()> {
    ensure!(all.into_iter().eq((0..u64::from(count)).map(square)), "제곱이 다릅니다");
    Ok(())
}

fn ours_one_by_one(size: Size) -> Result<f64> {
    let (count, pool) = (size.of(SINGLES), warm_pool(WORKERS as usize)?);
    let (sum, span) = Span::of(|| {
        let mut squares = pool.imap_unordered(square, 0..u64::from(count));
        squares.try_fold(0, |sum, square| Ok(sum + square?))
    })?;
    check_sum(count, sum)?;
    Ok(span.each(count))
}

/// 스레드 넷이 채널에서 하나씩 꺼내 제곱을 채널에 넣습니다.
fn twin_one_by_one(size: Size) -> Result<f64> {
    let count = size.of(SINGLES);
    // 풀처럼 작업자의 수의 네 배까지 쌓습니다.
    let window = 4 * WORKERS as usize;
    let ((to_worker, inbox), (outbox, results)) = (bounded::<u64>(window), bounded(window));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (inbox, outbox) = (inbox.clone(), outbox.clone());
            scope.spawn(move || inbox.iter().try_for_each(|n| outbox.send(square(n))));
        }
        drop((inbox, outbox));
        let (sum, span) = Span::of(|| {
            scope.spawn(move || (0..u64::from(count)).try_for_each(|n| to_worker.send(n)));
            Ok(results.iter().sum())
        })?;
        check_sum(count, sum)?;
        Ok(span.each(count))
    })
}

fn check_sum(count: u32, sum: u64) -> Result<()> {
    let expected: u64 = (0..u64::from(count)).map(square).sum();
    ensure!(sum == expected, "제곱의 합이 {expected}이어야 하는데 {sum}입니다");
    Ok(())
}

fn ours_apply(size: Size) -> Result<f64> {
    let pool = warm_pool(WORKERS as usize)?;
    each(size.of(CALLS), |n| check_square(n, pool.apply(square, (u64::from(n),))?))
}

fn twin_apply(size: Size) -> Result<f64> {
    let pool = thread_pool()?;
    each(size.of(CALLS), |n| check_square(n, pool.install(|| square(n.into()))))
}

fn check_square(n: u32, value: u64) -> Result<()> {
    ensure!(value == u64::from(n) * u64::from(n), "{n}의 제곱이 {value}입니다");
    Ok(())
}

fn ours_start_to_end(size: Size) -> Result<f64> {
    each(size.of(STARTS), |_| {
        let pool = Pool::new(WORKERS as usize)?;
        check_squares(LESSON as u32, pool.map(square, 0..LESSON)?)
    })
}

fn twin_start_to_end(size: Size) -> Result<f64> {
    each(size.of(STARTS), |_| {
        let pool = thread_pool()?;
        let map = || (0..LESSON).into_par_iter().map(square).collect();
        check_squares(LESSON as u32, pool.install(map))
    })
}

fn four_bare(size: Size) -> Result<f64> {
    each(size.of(STARTS), |_| {
        let children = (0..WORKERS).map(|_| raw::reexec()).collect::<Result<Vec<_>>>()?;
        children.into_iter().try_for_each(raw::reap)
    })
}

/// 작업자들이 시작을 마친 풀.
pub fn warm_pool(workers: usize) -> Result<Pool> {
    let pool = Pool::new(workers)?;
    // 작업자가 묶음 하나를 오래 맡을 때만 모두에게 일이 돌아갑니다.
    let wait = |_: u32| thread::sleep(std::time::Duration::from_millis(5));
    pool.map(wait, 0..4 * u32::try_from(workers)?)?;
    Ok(pool)
}

fn thread_pool() -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(WORKERS as usize).build();
    pool.context("스레드 풀을 만들지 못했습니다")
}

// 여기부터는 작업자 프로세스에서도 실행됩니다.

pub fn square(number: u64) -> u64 {
    number * number
}

/// 큰 수를 바이트째 반환합니다. `BigUint`의 serde 형식은 자리마다 하나씩 옮겨 적으므로 느립니다.
fn factorial_bytes(number: u32) -> ByteBuf {
    ByteBuf::from(factorial(number).to_bytes_le())
}

fn factorial(number: u32) -> BigUint {
    product(1, number)
}

/// `low`부터 `high`까지의 곱. 반씩 나누어 길이가 비슷한 수끼리 곱해야 빠른 곱셈이 쓰입니다.
fn product(low: u32, high: u32) -> BigUint {
    if high.saturating_sub(low) >= 128 {
        let middle = low.midpoint(high);
        return product(low, middle) * product(middle + 1, high);
    }
    let (mut long, mut short) = (BigUint::from(1u32), 1u64);
    for factor in (low..=high).map(u64::from) {
        short = short.checked_mul(factor).unwrap_or_else(|| {
            long *= short;
            factor
        });
    }
    long * short
}
