//! 큐에 넣고 꺼냅니다. 첫 항목을 넣을 때부터 마지막 항목을 꺼낼 때까지 잽니다.

use std::hint::black_box;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use crossbeam_channel::{Receiver, Sender, bounded};
use ipc_core::Process;
use queue::Queue;

use super::clock::{Gate, Span, each};
use super::row::{Role, Row, Size};

const NUMBERS: u32 = 400_000;
const LARGE_ITEMS: u32 = 100;
const MEBIBYTE: usize = 1024 * 1024;
/// 스레드의 채널에 담을 수 있는 항목의 수.
const BOUND: usize = 1024;

pub fn one_to_one() -> Row {
    Row::new("queue", "큐, 하나가 넣고 하나가 꺼내기(u64)")
        .faster_than_python(100.0)
        .within(2.0, Role::Twin)
        .ours(|size| ours_numbers(1, size))
        .twin("crossbeam", |size| twin_numbers(1, size))
}

pub fn two_to_two() -> Row {
    Row::new("queue-2-2", "큐, 둘이 넣고 둘이 꺼내기(u64)")
        .faster_than_python(45.0)
        .within(2.5, Role::Twin)
        .ours(|size| ours_numbers(2, size))
        .twin("crossbeam", |size| twin_numbers(2, size))
}

pub fn one_mebibyte() -> Row {
    Row::new("queue-1mib", "큐, 1MiB Vec<u8>")
        .faster_than_python(6.0)
        .within(5.0, Role::Raw)
        .ours(ours_large)
        .twin("crossbeam(복제해 넣기)", twin_large)
        .raw("memcpy 두 번", copy_twice)
}

/// 넣는 프로세스와 꺼내는 프로세스가 `sides`개씩.
fn ours_numbers(sides: u32, size: Size) -> Result<f64> {
    let share = size.of(NUMBERS) / sides;
    let (queue, gate) = (Queue::<u64>::new()?, Gate::new(2 * sides)?);
    let spawn_producer = |_| Process::spawn(produce, (queue.clone(), gate.clone(), share));
    let spawn_consumer = |_| Process::spawn(consume, (queue.clone(), gate.clone(), share));
    let producers = (0..sides).map(spawn_producer).collect::<Result<Vec<_>, _>>()?;
    let consumers = (0..sides).map(spawn_consumer).collect::<Result<Vec<_>, _>>()?;
    let mut ends = Vec::new();
    for child in producers.into_iter().chain(consumers) {
        ends.push(child.join()?);
    }
    ensure!(queue.is_empty(), "꺼내지 않은 항목이 {}개 있습니다", queue.len());
    finish(ends, sides, share)
}

/// 넣는 스레드와 꺼내는 스레드가 `sides`개씩.
fn twin_numbers(sides: u32, size: Size) -> Result<f64> {
    let share = size.of(NUMBERS) / sides;
    let ((sender, receiver), gate) = (bounded::<u64>(BOUND), Gate::new(2 * sides)?);
    let ends = thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..sides {
            threads.push(scope.spawn(|| produce_in_thread(&sender, &gate, share)));
            threads.push(scope.spawn(|| consume_in_thread(&receiver, &gate, share)));
        }
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|end| end.map_err(|_| anyhow!("스레드가 패닉했습니다"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    finish(ends, sides, share)
}

/// 한쪽이 일한 동안과, 꺼낸 수의 합(넣은 쪽은 0).
type End = (u64, Span);

/// 꺼낸 수의 합을 확인하고, 항목 하나의 시간을 냅니다.
fn finish(ends: Vec<End>, sides: u32, share: u32) -> Result<f64> {
    let expected = u64::from(sides) * (0..u64::from(share)).sum::<u64>();
    let total: u64 = ends.iter().map(|(sum, _)| sum).sum();
    ensure!(total == expected, "꺼낸 수의 합이 {expected}이어야 하는데 {total}입니다");
    Ok(Span::over(ends.into_iter().map(|(_, span)| span))?.each(sides * share))
}

fn produce_in_thread(sender: &Sender<u64>, gate: &Gate, share: u32) -> Result<End> {
    gate.meet();
    let put_all = || (0..u64::from(share)).try_for_each(|n| Ok(sender.send(n)?));
    Ok((0, Span::of(put_all)?.1))
}

fn consume_in_thread(receiver: &Receiver<u64>, gate: &Gate, share: u32) -> Result<End> {
    gate.meet();
    Span::of(|| (0..share).try_fold(0, |sum, _| Ok(sum + receiver.recv()?)))
}

fn ours_large(size: Size) -> Result<f64> {
    let count = size.of(LARGE_ITEMS);
    let (queue, gate) = (Queue::<Vec<u8>>::new()?, Gate::new(2)?);
    let consumer = Process::spawn(consume_large, (queue.clone(), gate.clone(), count))?;
    let mut item = vec![0; MEBIBYTE];
    gate.meet();
    let put_all = || {
        (0..count).try_for_each(|n| {
            stamp(&mut item, n);
            Ok(queue.put(&item)?)
        })
    };
    let ((), produced) = Span::of(put_all)?;
    Ok(Span::over([produced, consumer.join()?])?.each(count))
}

fn twin_large(size: Size) -> Result<f64> {
    let count = size.of(LARGE_ITEMS);
    // 우리 큐처럼 몇 개만 담습니다.
    let (sender, receiver) = bounded::<Vec<u8>>(3);
    thread::scope(|scope| {
        let consumer = scope.spawn(move || -> Result<Span> {
            let get = |n| check_stamp(&receiver.recv()?, n);
            Ok(Span::of(|| (0..count).try_for_each(get))?.1)
        });
        let mut item = vec![0; MEBIBYTE];
        let put_all = || {
            (0..count).try_for_each(|n| {
                stamp(&mut item, n);
                Ok(sender.send(item.clone())?)
            })
        };
        let ((), produced) = Span::of(put_all)?;
        let consumed = consumer.join().map_err(|_| anyhow!("스레드가 패닉했습니다"))??;
        Ok(Span::over([produced, consumed])?.each(count))
    })
}

/// 공유 메모리로 한 번, 거기서 한 번. 복사만 하는 데 드는 시간입니다.
fn copy_twice(size: Size) -> Result<f64> {
    let (mut item, mut middle, mut end) = (vec![0; MEBIBYTE], vec![0; MEBIBYTE], vec![0; MEBIBYTE]);
    each(size.of(LARGE_ITEMS), |n| {
        stamp(&mut item, n);
        middle.copy_from_slice(black_box(&item));
        end.copy_from_slice(black_box(&middle));
        check_stamp(black_box(&end), n)
    })
}

/// 몇 번째 항목인지 앞과 뒤에 적습니다.
fn stamp(item: &mut [u8], number: u32) {
    let number = number as u8;
    item[0] = number;
    item[MEBIBYTE - 1] = number;
}

fn check_stamp(item: &[u8], number: u32) -> Result<()> {
    let number = number as u8;
    ensure!(
        item.len() == MEBIBYTE && item[0] == number && item[MEBIBYTE - 1] == number,
        "{number}번째 항목이 아닙니다"
    );
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn produce(queue: Queue<u64>, gate: Gate, share: u32) -> Result<End> {
    gate.meet();
    let put_all = || (0..u64::from(share)).try_for_each(|n| Ok(queue.put(&n)?));
    Ok((0, Span::of(put_all)?.1))
}

fn consume(queue: Queue<u64>, gate: Gate, share: u32) -> Result<End> {
    gate.meet();
    Span::of(|| (0..share).try_fold(0, |sum, _| Ok(sum + queue.get()?)))
}

fn consume_large(queue: Queue<Vec<u8>>, gate: Gate, count: u32) -> Result<Span> {
    gate.meet();
    let get = |n| check_stamp(&queue.get()?, n);
    Ok(Span::of(|| (0..count).try_for_each(get))?.1)
}
