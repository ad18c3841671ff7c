//! 생산자가 넣는 도중에 죽습니다.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread::{scope, yield_now};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ipc_core::build::Descriptor;
use ipc_core::{Process, ProcessError, Shared, wait_any};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use queue::{Queue, QueueError};
use serde::{Deserialize, Serialize};

use crate::children::{expect_killed, wait_asleep};
use crate::torture::Round;
use crate::wait::{ONE_SECOND, PATIENCE};

const PRODUCERS: u32 = 4;
const ITEMS: u32 = 1000;
/// 짧은 되풀이에서 가장 큰 항목의 수.
const FEW_ITEMS: u32 = 100;
const LETTERS: u32 = 26;
const SIZES: [usize; 3] = [1, 20_000, 1 << 20];
/// 일이 끝나기 전에 닿는 죽임을 얻기까지 해 보는 횟수.
const ATTEMPTS: u32 = 100;

/// 찢어졌는지 알 수 있는 항목.
#[derive(Serialize, Deserialize)]
struct Item {
    producer: u32,
    number: u32,
    text: String,
}

/// 글은 글자 하나를 되풀이한 것입니다. 생산자와 번호마다 글자가 다릅니다.
fn letter(producer: u32, number: u32) -> usize {
    ((producer * 7 + number) % LETTERS) as usize
}

fn texts(size: usize) -> Vec<String> {
    (b'a'..).take(LETTERS as usize).map(|byte| (byte as char).to_string().repeat(size)).collect()
}

#[derive(Clone, Serialize, Deserialize)]
struct Stage {
    queue: Queue<Item>,
    /// 생산자마다, 넣기가 돌아온 횟수.
    put: Shared<(), AtomicU32>,
    size: usize,
    items: u32,
}

fn produce(stage: Stage, producer: u32) -> Result<()> {
    let mut items: Vec<Item> =
        texts(stage.size).into_iter().map(|text| Item { producer, number: 0, text }).collect();
    for number in 0..stage.items {
        let item = &mut items[letter(producer, number)];
        item.number = number;
        stage.queue.put(item)?;
        stage.put.tail()[producer as usize].store(number + 1, SeqCst);
    }
    Ok(())
}

pub fn round(round: &mut Round) -> Result<()> {
    let size = SIZES[round.number as usize % SIZES.len()];
    let items = if round.long || size < 1 << 20 { ITEMS } else { FEW_ITEMS };
    for _ in 0..ATTEMPTS {
        if attempt(round, size, items)? {
            round.landed();
            return Ok(());
        }
    }
    bail!("{ATTEMPTS}번 해 보았으나 죽임이 일이 끝난 뒤에만 닿았습니다")
}

/// 하나를 죽입니다. 죽임이 일이 끝나기 전에 닿았으면 참입니다.
fn attempt(round: &mut Round, size: usize, items: u32) -> Result<bool> {
    let queue = Queue::with_capacity((size + 24) * 8)?;
    let stage = Stage { queue, put: Shared::with_tail((), PRODUCERS as usize)?, size, items };
    let victim = round.random.usize(0..PRODUCERS as usize);
    let kill_at = round.random.u32(0..items / 2);
    let delay = Duration::from_micros(round.random.u64(0..200));
    let mut producers = (0..PRODUCERS)
        .map(|producer| Process::spawn(produce, (stage.clone(), producer)))
        .collect::<Result<Vec<_>, _>>()?;
    let seen: Vec<AtomicU32> = (0..PRODUCERS).map(|_| AtomicU32::new(0)).collect();

    let killed = scope(|scope| {
        let consumer = scope.spawn(|| consume(&stage, &seen));
        let mut drive = || {
            wait_for(&seen[victim], kill_at)?;
            spin(delay);
            producers[victim].kill();
            let ended = producers.swap_remove(victim).join();
            let killed = ended.is_err();
            ended.or_else(|error| expect_killed::<()>(Err(error)))?;
            producers.drain(..).try_for_each(|survivor| join_while_busy(survivor, &seen))?;
            anyhow::Ok(killed)
        };
        let killed = drive();
        stage.queue.close()?;
        let consumed = consumer.join().ok().context("꺼내는 스레드가 패닉했습니다")?;
        killed.and_then(|killed| consumed.map(|()| killed))
    })?;

    for (producer, (seen, put)) in seen.iter().zip(stage.put.tail()).enumerate() {
        let (seen, put) = (seen.load(SeqCst), put.load(SeqCst));
        // 넣고 나서 세기 전에 죽었으면 하나 더 옵니다.
        let expected = if producer == victim { put..=put + 1 } else { items..=items };
        ensure!(
            expected.contains(&seen),
            "생산자 {producer}: {put}개를 넣었는데 {seen}개가 왔습니다"
        );
    }
    Ok(killed && stage.put.tail()[victim].load(SeqCst) < items)
}

/// 닫힐 때까지 꺼내며, 생산자마다 0번부터 하나도 빠짐없이 온전하게 오는지 봅니다.
fn consume(stage: &Stage, seen: &[AtomicU32]) -> Result<()> {
    let texts = texts(stage.size);
    loop {
        let item = match stage.queue.get_timeout(PATIENCE) {
            Err(QueueError::Disconnected) => return Ok(()),
            item => item?,
        };
        let next = seen.get(item.producer as usize).context("생산자의 번호가 찢어졌습니다")?;
        let expected = next.load(SeqCst);
        ensure!(item.number == expected, "{expected}번 차례에 {}번이 왔습니다", item.number);
        ensure!(item.text == texts[letter(item.producer, item.number)], "찢어진 항목입니다");
        next.store(expected + 1, SeqCst);
    }
}

/// 항목이 오는 동안에는 기다립니다.
fn join_while_busy(mut survivor: Process<()>, seen: &[AtomicU32]) -> Result<()> {
    let arrived = || seen.iter().map(|seen| seen.load(SeqCst)).sum::<u32>();
    loop {
        let before = arrived();
        match survivor.join_timeout(PATIENCE) {
            Err(ProcessError::Timeout { .. }) if arrived() > before => {}
            ended => return Ok(ended?),
        }
    }
}

/// 1밀리초보다 촘촘하게 기다립니다.
fn wait_for(count: &AtomicU32, wanted: u32) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while count.load(SeqCst) < wanted {
        ensure!(Instant::now() < deadline, "항목이 오지 않습니다");
        yield_now();
    }
    Ok(())
}

/// 기다림이 아니라, 죽이는 때를 흩뜨리는 것입니다.
fn spin(delay: Duration) {
    let until = Instant::now() + delay;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

const FRAME: usize = 1 << 20;

/// 길이를 앞에 적고 내용을 씁니다. 한 번에 하나씩 쓰더라도, 쓰다가 죽으면 반만 남습니다.
fn write_frame(pipe: Descriptor, letter: u8) -> Result<()> {
    let mut pipe = File::from(OwnedFd::from(pipe));
    pipe.write_all(&(FRAME as u64).to_ne_bytes())?;
    Ok(pipe.write_all(&vec![letter; FRAME])?)
}

pub fn bare_pipe(_: &mut Round) -> Result<()> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let writer = |letter| {
        Process::spawn(write_frame, (Descriptor::from(writer.try_clone()?), letter))
            .map_err(anyhow::Error::from)
    };
    let victim = writer(b'a')?;
    ensure!(wait_any(&[&reader], Some(PATIENCE))?.is_some(), "쓰지 않았습니다");
    // 파이프보다 큰 내용이라 도중에 잠듭니다.
    wait_asleep(&victim)?;
    victim.kill();
    expect_killed(victim.join())?;
    let _survivor = writer(b'b')?;
    let mut reader = File::from(reader);
    let mut head = [0; 8];
    reader.read_exact(&mut head)?;
    let mut text = vec![0; usize::try_from(u64::from_ne_bytes(head))?];
    let mut filled = 0;
    while filled < text.len() {
        let ready = wait_any(&[&reader], Some(ONE_SECOND))?.is_some();
        ensure!(ready, "내용이 모자란 채 멈췄습니다");
        filled += reader.read(&mut text[filled..])?;
    }
    let torn = text.iter().filter(|letter| **letter != text[0]).count();
    ensure!(torn == 0, "죽은 쪽의 항목에 다른 항목 {torn}바이트가 섞였습니다");
    Ok(())
}
