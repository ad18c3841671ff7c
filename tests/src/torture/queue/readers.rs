//! 소비자가 꺼내는 도중에 죽습니다.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread::{scope, yield_now};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ipc_core::build::Descriptor;
use ipc_core::{Process, Shared};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use queue::{Queue, QueueError};
use serde::{Deserialize, Serialize};

use crate::children::{expect_killed, wait_asleep, wait_count};
use crate::torture::Round;
use crate::torture::twins::PosixSemaphore;
use crate::wait::{ONE_SECOND, PATIENCE};
use crate::{Counter, counter};

const READERS: usize = 3;
const ITEMS: u32 = 3000;
const ATTEMPTS: u32 = 100;

#[derive(Clone, Serialize, Deserialize)]
struct Stage {
    queue: Queue<(u32, String)>,
    /// 항목마다, 꺼낸 횟수.
    taken: Shared<(), AtomicU32>,
    /// 소비자마다, `get` 안에 있으면 1.
    inside: Shared<(), AtomicU32>,
    total: Counter,
}

fn text(number: u32) -> String {
    let letter = (b'a' + (number % 26) as u8) as char;
    letter.to_string().repeat((number as usize * 37) % 3000)
}

fn read(stage: Stage, reader: usize) -> Result<()> {
    let inside = &stage.inside.tail()[reader];
    loop {
        inside.store(1, SeqCst);
        let item = stage.queue.get();
        inside.store(0, SeqCst);
        let (number, content) = match item {
            Err(QueueError::Disconnected) => return Ok(()),
            item => item?,
        };
        ensure!(content == text(number), "찢어진 항목입니다");
        let slot = stage.taken.tail().get(number as usize).context("없는 번호입니다")?;
        slot.fetch_add(1, SeqCst);
        stage.total.fetch_add(1, SeqCst);
    }
}

pub fn round(round: &mut Round) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if attempt(round)? {
            round.landed();
            return Ok(());
        }
    }
    bail!("{ATTEMPTS}번 해 보았으나 get 안에서 죽지 않았습니다")
}

/// 하나를 죽입니다. 꺼낼 것이 남았을 때 `get` 안에서 죽었으면 참입니다.
fn attempt(round: &mut Round) -> Result<bool> {
    let stage = Stage {
        queue: Queue::with_capacity(16 * 1024)?,
        taken: Shared::with_tail((), ITEMS as usize)?,
        inside: Shared::with_tail((), READERS)?,
        total: counter()?,
    };
    let mut readers = (0..READERS)
        .map(|reader| Process::spawn(read, (stage.clone(), reader)))
        .collect::<Result<Vec<_>, _>>()?;
    let victim = round.random.usize(0..READERS);
    let kill_at = round.random.u32(0..ITEMS * 3 / 4);
    let landed = scope(|scope| {
        let feeder = scope.spawn(|| feed(&stage.queue));
        let mut drive = || {
            let deadline = Instant::now() + PATIENCE;
            while stage.total.load(SeqCst) < kill_at {
                ensure!(Instant::now() < deadline, "아무도 꺼내지 않습니다");
                yield_now();
            }
            // 넣는 쪽은 스스로 닫지 않으므로, 여기서 죽은 소비자는 모두 일하던 중입니다.
            readers[victim].kill();
            expect_killed(readers.swap_remove(victim).join())?;
            let unfinished = stage.total.load(SeqCst) < ITEMS;
            Ok(unfinished && stage.inside.tail()[victim].load(SeqCst) == 1)
        };
        let landed = drive();
        let fed = feeder.join().ok().context("넣는 스레드가 패닉했습니다")?;
        fed.and(landed)
    })?;
    stage.queue.close()?;
    for mut reader in readers {
        reader.join_timeout(PATIENCE)?;
    }
    let counts: Vec<u32> = stage.taken.tail().iter().map(|taken| taken.load(SeqCst)).collect();
    let missing = counts.iter().filter(|count| **count == 0).count();
    ensure!(missing <= 1, "항목 {missing}개가 사라졌습니다");
    ensure!(counts.iter().all(|count| *count <= 1), "두 번 나온 항목이 있습니다");
    Ok(landed)
}

fn feed(queue: &Queue<(u32, String)>) -> Result<()> {
    for number in 0..ITEMS {
        queue.put_timeout(&(number, text(number)), PATIENCE)?;
    }
    Ok(())
}

/// 파이썬의 큐처럼 `sem_t`를 쥐고 파이프에서 읽습니다.
fn read_under_sem_t(
    turn: Shared<PosixSemaphore>,
    pipe: Descriptor,
    inside: Counter,
    limit: Duration,
) -> Result<()> {
    turn.wait(limit)?;
    inside.fetch_add(1, SeqCst);
    File::from(OwnedFd::from(pipe)).read_exact(&mut [0; 1])?;
    bail!("아무것도 쓰지 않았는데 읽었습니다")
}

pub fn sem_t(_: &mut Round) -> Result<()> {
    let (turn, inside) = (Shared::new(PosixSemaphore::new())?, counter()?);
    let (reader, _writer) = pipe2(OFlag::O_CLOEXEC)?;
    let args = || -> Result<_> {
        Ok((turn.clone(), Descriptor::from(reader.try_clone()?), inside.clone(), ONE_SECOND))
    };
    let victim = Process::spawn(read_under_sem_t, args()?)?;
    wait_count("자식이 sem_t를 쥐기", &inside, 1)?;
    wait_asleep(&victim)?;
    victim.kill();
    expect_killed(victim.join())?;
    // 다음 소비자는 차례를 얻지 못합니다.
    Ok(Process::spawn(read_under_sem_t, args()?)?.join()?)
}
