//! 만들고 버리기를 되풀이합니다.

use std::fs::{read_dir, read_to_string};

use anyhow::{Context, Result, ensure};
use ipc_channel::ipc::IpcSender;
use ipc_core::Process;
use ipc_core::build::Inline;
use lock::Lock;
use pipe::{ChannelError, duplex, pipe};
use pool::Pool;
use queue::{Queue, QueueError};
use semaphore::Semaphore;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::torture::Round;
use crate::{ensure_eq, ensure_matches};

type Step = fn(u32) -> Result<()>;

/// 되풀이하는 것들과 그 횟수. 짧은 되풀이에서는 십분의 일입니다.
const STEPS: [(&str, u32, Step); 4] = [
    ("큐와 파이프", 10_000, queues_and_pipes),
    ("프로세스", 1_000, processes),
    ("풀", 200, pools),
    ("직렬화 실패", 1_000, failed_serialisations),
];
/// 첫 호출들이 잡아 두는 메모리는 세지 않습니다.
const WARM_UP: u32 = 20;
/// 할당자가 운영체제에 반납하지 않고 갖고 있을 수 있는 메모리. 한 번에 512바이트만 새어도 이보다 큽니다.
const MEMORY_SLACK: u64 = 4 << 20;

pub fn round(round: &mut Round) -> Result<()> {
    let share = if round.long { 1 } else { 10 };
    // 앞의 사례들이 남긴 메모리와 섞이지 않게 새 프로세스에서 잽니다.
    Ok(Process::spawn(repeat_everything, (share,))?.join()?)
}

fn repeat_everything(share: u32) -> Result<()> {
    for (name, count, step) in STEPS {
        (0..WARM_UP).try_for_each(step)?;
        let before = Usage::now()?;
        (0..count / share).try_for_each(step).context(name)?;
        before.compare(&Usage::now()?).with_context(|| format!("{name} {}번", count / share))?;
    }
    Ok(())
}

/// 이 프로세스가 쓰는 것.
struct Usage {
    descriptors: usize,
    threads: u64,
    mappings: usize,
    resident: u64,
}

impl Usage {
    fn now() -> Result<Usage> {
        let status = read_to_string("/proc/self/status")?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next());
            Ok(number.with_context(|| format!("/proc의 status에 없는 줄: {name}"))?.parse()?)
        };
        Ok(Usage {
            descriptors: descriptors()?,
            threads: field("Threads:")?,
            mappings: read_to_string("/proc/self/maps")?.lines().count(),
            resident: field("VmRSS:")? * 1024,
        })
    }

    fn compare(&self, after: &Usage) -> Result<()> {
        ensure_eq!(self.descriptors, after.descriptors);
        ensure_eq!(self.threads, after.threads);
        let (before, after_maps) = (self.mappings, after.mappings);
        // 할당자가 힙을 늘리며 한두 개 나눌 수는 있습니다.
        ensure!(after_maps <= before + 4, "매핑이 {before}개에서 {after_maps}개가 되었습니다");
        let grown = after.resident.saturating_sub(self.resident);
        ensure!(grown <= MEMORY_SLACK, "메모리가 {}KiB 늘었습니다", grown / 1024);
        let children = crate::procfs::children(std::process::id())?;
        ensure!(children.is_empty(), "자식이나 좀비가 남았습니다: {children:?}");
        Ok(())
    }
}

fn descriptors() -> Result<usize> {
    Ok(read_dir("/proc/self/fd")?.count())
}

fn queues_and_pipes(number: u32) -> Result<()> {
    let queue = Queue::<u32>::new()?;
    queue.clone().put(&number)?;
    ensure_eq!(queue.get()?, number);
    let (inbox, outbox) = pipe::<u32>()?;
    outbox.send(&number)?;
    ensure_eq!(inbox.recv()?, number);
    let (left, right) = duplex::<Queue<u32>, Vec<u8>>()?;
    left.send(&queue)?;
    right.recv()?.put(&number)?;
    right.send(&vec![1; 70_000])?;
    ensure_eq!(left.recv()?.len(), 70_000);
    left.send(&queue)?; // 읽지 않은 채 버립니다.
    *Lock::new(number)?.acquire()? += 1;
    drop(Semaphore::new(3)?.acquire()?);
    Ok(())
}

fn processes(number: u32) -> Result<()> {
    let double = |n: u32| n * 2;
    match number % 4 {
        0 => {
            let process = Process::spawn(crate::children::sleep_forever, ())?;
            process.kill();
            crate::children::expect_killed(process.join())
        }
        // 조인하지 않고 버립니다. 끝내라고 해 두면 버렸다고 알리지 않습니다.
        1 => {
            Process::spawn(double, (number,))?.kill();
            Ok(())
        }
        _ => {
            ensure_eq!(Process::spawn(double, (number,))?.join()?, number * 2);
            Ok(())
        }
    }
}

fn pools(number: u32) -> Result<()> {
    let pool = Pool::new(2)?;
    ensure_eq!(pool.map(|n: u32| n + 1, number..number + 5)?.len(), 5);
    match number % 3 {
        0 => pool.join(),
        1 => pool.terminate(),
        _ => drop(pool.apply_async(|n: u32| n, (number,))?),
    }
    Ok(())
}

/// 디스크립터를 실은 뒤에 실패하는 값.
struct Broken(pipe::Sender<u8>);

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // 앞부분은 쓰였지만 전체는 실패합니다.
        (&self.0, Refuses).serialize(serializer)
    }
}

#[derive(Deserialize)]
struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("일부러 실패합니다"))
    }
}

fn failed_serialisations(_: u32) -> Result<()> {
    let (_inbox, outbox) = pipe()?;
    let broken = Broken(outbox);
    let (left, right) = ipc_core::build::Channel::pair()?;
    ensure_matches!(left.send(&broken, None), Err(ChannelError::Codec(_)));
    ensure_matches!(queue_of::<Refuses>()?.put(&Refuses), Err(QueueError::Codec(_)));
    // 실패한 것이 다음 메시지에 섞이지 않습니다.
    left.send(&7u8, None)?;
    ensure_eq!(receive::<u8>(&right)?, 7);
    Ok(())
}

fn queue_of<T: Inline>() -> Result<Queue<T>> {
    Ok(Queue::with_capacity(1024)?)
}

fn receive<T: DeserializeOwned + 'static>(channel: &ipc_core::build::Channel) -> Result<T> {
    Ok(channel.recv(None)?)
}

/// 연결하지 못할 때마다 디스크립터 하나를 흘립니다. 이 프로세스에 흘리지 않도록 자식에서 해 봅니다.
fn connect_in_vain(times: u32) -> Result<usize> {
    let before = descriptors()?;
    for _ in 0..times {
        let failed = IpcSender::<u8>::connect("/nowhere/socket".into());
        ensure!(failed.is_err(), "없는 곳에 연결되었습니다");
    }
    Ok(descriptors()? - before)
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    let leaked = Process::spawn(connect_in_vain, (100,))?.join()?;
    ensure!(leaked == 0, "연결에 100번 실패하고 디스크립터 {leaked}개가 늘었습니다");
    Ok(())
}
