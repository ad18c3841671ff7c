//! 낙서: 다른 프로세스가 공유 메모리에 쓴 것을 믿지 않습니다.
//!
//! 자식이 자기에게 열린 메모리 파일들을 `/proc/self/fd`에서 찾아 아무 값이나 써 넣습니다(pthread 뮤텍스의 바이트는 뺍니다. 그것은
//! libc의 것입니다). 그래도 부모는 정해진 시간 안에 에러나 올바른 결과를 받아야 합니다. 패닉하거나, 멈추거나, 지어낸 길이만큼
//! 메모리를 차지하거나, 다른 항목의 결과를 받으면 안 됩니다.
//!
//! 실행: `cargo test -p tests --test scribbler`

use std::fs::{File, OpenOptions, read_dir, read_link};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use fastrand::Rng;
use ipc_core::{Process, Shared};
use lock::Lock;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pool::{Pool, PoolError};
use queue::{JoinableQueue, Queue};
use semaphore::Semaphore;
use serde::{Deserialize, Serialize};
use tests::harness::random;
use tests::procfs::address_space;
use tests::wait::timed;
use tests::{ensure_eq, ensure_matches};

/// 기다림 하나의 한도. 제한 시간을 준 호출은 이보다 오래 걸리지 않아야 합니다.
const BOUND: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(30);
/// 지어낸 길이를 믿고 할당하면 이 한도에 걸려 프로그램이 끝납니다.
const MEMORY: u64 = 256 << 20;

/// 낙서하는 법.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Scrawl {
    seed: u64,
    /// 쓸 칸의 수. 0이면 모두.
    words: u32,
}

/// 로버스트 뮤텍스의 종류와 그것이 놓인 자리(바이트). 프로세스 사이(128), 로버스트(glibc는 16, musl은 4), 두 번 쥐면 에러(2).
const ROBUST_KIND: (i32, usize) =
    if cfg!(target_env = "musl") { (128 + 4 + 2, 0) } else { (128 + 16 + 2, 16) };
const MUTEX: usize = size_of::<libc::pthread_mutex_t>();

/// `at`이 뮤텍스 안의 바이트인지 봅니다.
fn in_mutex(memory: &[u8], at: usize) -> bool {
    let (wanted, place) = ROBUST_KIND;
    (at.saturating_sub(MUTEX - 8)..=at).step_by(8).any(|start| {
        let kind = memory.get(start + place..start + place + 4);
        kind.is_some_and(|kind| kind == wanted.to_ne_bytes())
    })
}

/// 눈에 띄는 값이나 아무 값.
fn value(random: &mut Rng) -> u64 {
    match random.u8(0..10) {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        3 => random.u64(0..64),
        4 => 1 << random.u8(0..64),
        5 => random.u64(0..1 << 20) << 16 | random.u64(0..8),
        6 => random.u64(0..8) << 32 | random.u64(0..4) << 30 | random.u64(0..4096),
        7 => u64::from(std::process::id()),
        _ => random.u64(..),
    }
}

/// 이 프로세스에 열린 공유 메모리들.
fn memories() -> Result<Vec<(u32, File)>> {
    let mut found = Vec::new();
    for entry in read_dir("/proc/self/fd")? {
        let path = entry?.path();
        let Ok(target) = read_link(&path) else { continue };
        if target.to_string_lossy().starts_with("/memfd:ipc-core:") {
            let number =
                path.file_name().and_then(|name| name.to_str()).context("번호")?.parse()?;
            found.push((number, OpenOptions::new().read(true).write(true).open(&path)?));
        }
    }
    Ok(found)
}

/// 이 프로세스에 열린 공유 메모리에 모두 낙서합니다. 쓴 칸의 수를 반환합니다.
fn scribble(scrawl: Scrawl) -> Result<u32> {
    let mut random = Rng::with_seed(scrawl.seed);
    let mut written = 0;
    for (_, file) in memories()? {
        // 큰 것은 앞부분만 봅니다. 앞머리가 거기에 있습니다.
        let mut memory = vec![0; (file.metadata()?.len() as usize).min(1 << 18)];
        file.read_exact_at(&mut memory, 0)?;
        let words = memory.len() / 8;
        let chosen: Vec<usize> = match scrawl.words {
            0 => (0..words).collect(),
            // 앞머리를 더 자주 고릅니다.
            count => (0..count)
                .map(|_| {
                    if random.bool() {
                        random.usize(0..words.min(40))
                    } else {
                        random.usize(0..words)
                    }
                })
                .collect(),
        };
        for word in chosen {
            if in_mutex(&memory, word * 8) {
                continue;
            }
            match file.write_all_at(&value(&mut random).to_ne_bytes(), word as u64 * 8) {
                Ok(()) => written += 1,
                // 읽기만 하게 받은 메모리입니다(F_SEAL_FUTURE_WRITE).
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(written)
}

/// 주소 공간을 지금보다 [`MEMORY`]까지만 늘릴 수 있게 하고 `work`를 합니다.
fn bounded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (before, hard) = getrlimit(Resource::RLIMIT_AS)?;
    setrlimit(Resource::RLIMIT_AS, address_space()? + MEMORY, hard)?;
    let outcome = work();
    setrlimit(Resource::RLIMIT_AS, before, hard)?;
    outcome
}

/// `call`이 [`BOUND`] 안에 끝나야 합니다. 결과는 무엇이든 됩니다.
fn ends<T>(what: &str, call: impl FnOnce() -> T) -> Result<T> {
    let (value, took) = timed(call);
    ensure!(took < BOUND, "{what}: {took:?}가 걸렸습니다");
    Ok(value)
}

fn scrawls(name: &str, count: usize) -> Result<impl Iterator<Item = Scrawl>> {
    let mut random = random(name)?;
    Ok((0..count).map(move |_| {
        let words = [0, 1, 2, 5, 20, 200][random.usize(0..6)];
        Scrawl { seed: random.u64(..), words }
    }))
}

fn scribble_queue(_queue: Queue<String>, scrawl: Scrawl) -> Result<u32> {
    scribble(scrawl)
}

fn queue_survives() -> Result<()> {
    for scrawl in scrawls("queue_survives", 60)? {
        let capacity = if scrawl.seed % 2 == 0 { 4096 } else { 128 << 20 };
        let queue = Queue::<String>::with_capacity(capacity)?;
        for item in 0..20 {
            queue.put(&format!("항목 {item}"))?;
        }
        ensure!(
            Process::spawn(scribble_queue, (queue.clone(), scrawl))?.join()? > 0
                || scrawl.words > 0
        );
        bounded(|| {
            for _ in 0..5 {
                drop(ends("get_timeout", || queue.get_timeout(SHORT))?);
                drop(ends("try_get", || queue.try_get())?);
                drop(ends("put_timeout", || queue.put_timeout("새 항목", SHORT))?);
                drop(ends("try_put", || queue.try_put(&"가".repeat(100)))?);
            }
            ends("len", || (queue.len(), queue.is_empty()))?;
            drop(ends("close", || queue.close())?);
            // 다 꺼낼 때까지만 되풀이합니다. 지어낸 개수만큼 되풀이하지는 않습니다.
            let taken = ends("iter", || queue.iter().take(1_000_000).count())?;
            ensure!(taken < 1_000_000, "{scrawl:?}: 없는 항목을 {taken}개나 꺼냈습니다");
            Ok(())
        })
        .with_context(|| format!("{scrawl:?}"))?;
    }
    Ok(())
}

fn scribble_joinable(_queue: JoinableQueue<String>, scrawl: Scrawl) -> Result<u32> {
    scribble(scrawl)
}

fn joinable_queue_survives() -> Result<()> {
    for scrawl in scrawls("joinable_queue_survives", 50)? {
        let queue = JoinableQueue::<String>::with_capacity(4096)?;
        for item in 0..5 {
            queue.put(&format!("항목 {item}"))?;
        }
        queue.get()?.done();
        Process::spawn(scribble_joinable, (queue.clone(), scrawl))?.join()?;
        bounded(|| {
            drop(ends("get_timeout", || queue.get_timeout(SHORT).map(|task| task.done()))?);
            drop(ends("join_timeout", || queue.join_timeout(SHORT))?);
            Ok(())
        })
        .with_context(|| format!("{scrawl:?}"))?;
    }
    Ok(())
}

fn scribble_lock(_lock: Lock<(bool, char)>, scrawl: Scrawl) -> Result<u32> {
    scribble(scrawl)
}

fn lock_survives() -> Result<()> {
    let (mut healthy, mut refused) = (0, 0);
    for scrawl in scrawls("lock_survives", 60)? {
        let lock = Lock::new((true, '가'))?;
        Process::spawn(scribble_lock, (lock.clone(), scrawl))?.join()?;
        let mut value = ends("acquire_timeout", || lock.acquire_timeout(SHORT))?;
        match &mut value {
            // 올바르지 않은 값이라면 여기까지 오지 않았습니다.
            Ok(value) => {
                ensure!(format!("{:?}", **value).len() > 3);
                ensure!(
                    [true, false].contains(&value.0) && char::from_u32(value.1.into()).is_some()
                );
                **value = (false, '나');
                healthy += 1;
            }
            Err(_) => refused += 1,
        }
        drop(value);
        drop(ends("recover", || lock.recover().map(drop))?);
    }
    ensure!(healthy > 0 && refused > 0, "한쪽만 보았습니다: {healthy}, {refused}");
    Ok(())
}

fn scribble_semaphore(_semaphore: Semaphore, scrawl: Scrawl) -> Result<u32> {
    scribble(scrawl)
}

/// 뮤텍스가 온전하므로 자리의 수는 그대로입니다.
fn semaphore_survives() -> Result<()> {
    for scrawl in scrawls("semaphore_survives", 50)? {
        let semaphore = Semaphore::new(3)?;
        Process::spawn(scribble_semaphore, (semaphore.clone(), scrawl))?.join()?;
        let permits = (0..3)
            .map(|_| ends("acquire_timeout", || semaphore.acquire_timeout(BOUND))?.context("자리"))
            .collect::<Result<Vec<_>>>()?;
        ensure!(ends("try_acquire", || semaphore.try_acquire())??.is_none());
        drop(ends("acquire_timeout", || semaphore.acquire_timeout(SHORT))?);
        drop(permits);
    }
    Ok(())
}

/// 풀의 항목: 번호, 낙서할지, 낙서한 뒤 죽을지.
type Item = (u64, Option<Scrawl>, bool);
/// 풀의 결과: 번호, 계산한 프로세스, 둘의 검산.
type Answer = (u64, u32, u64);

fn check(index: u64, pid: u32) -> u64 {
    (index ^ u64::from(pid) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn answer(index: u64, scrawl: Option<Scrawl>, abort: bool) -> Result<Answer> {
    let pid = std::process::id();
    if let Some(scrawl) = scrawl {
        File::create_new(std::env::temp_dir().join(format!("낙서.{pid}")))?;
        scribble(scrawl)?;
        if abort {
            std::process::abort();
        }
    }
    Ok((index, pid, check(index, pid)))
}

/// 낙서한 작업자들. 기록을 지웁니다.
fn culprits() -> Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in read_dir(std::env::temp_dir())? {
        let entry = entry?;
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.strip_prefix("낙서."))
        {
            pids.push(pid.parse()?);
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(pids)
}

/// 낙서하지 않은 작업자의 결과라면 제 항목의 것이어야 합니다.
fn honest(index: u64, (found, pid, sum): Answer, culprits: &[u32]) -> Result<()> {
    // 낙서한 작업자의 책상에서는 내용까지 지어낸 것이 올 수 있습니다. 검산이 맞는 것만 봅니다.
    if sum == check(found, pid) && !culprits.contains(&pid) {
        ensure_eq!(found, index);
    }
    Ok(())
}

fn pool_survives() -> Result<()> {
    let (mut answered, mut failed) = (0, 0);
    for (trial, scrawl) in scrawls("pool_survives", 30)?.enumerate() {
        let mut random = Rng::with_seed(scrawl.seed);
        let outcome = bounded(|| {
            let chunk = random.usize(1..8);
            let pool = Pool::builder().workers(3).chunk_size(chunk).build()?;
            let bad = random.u64(0..60);
            let items = |index| -> Item {
                let scrawl = (index == bad).then_some(scrawl);
                (index, scrawl, trial % 3 == 0)
            };
            let later = (0..60)
                .map(|index| pool.apply_async(answer, items(index)))
                .collect::<Result<Vec<_>, _>>()?;
            let whole =
                pool.map_async(answer, (0..60).map(|index| -> Item { (index, None, false) }))?;
            let mut results = Vec::new();
            for mut result in later {
                let result = result.get_timeout(BOUND);
                if matches!(result, Err(PoolError::Timeout)) {
                    bail!("결과를 {BOUND:?} 동안 기다렸습니다");
                }
                results.push(result);
            }
            let mut whole = whole;
            let whole = whole.get_timeout(BOUND);
            ensure!(!matches!(whole, Err(PoolError::Timeout)), "map을 {BOUND:?} 동안 기다렸습니다");
            // 낙서는 끝났습니다. 망가진 것을 알아챈 뒤의 풀은 다시 온전합니다.
            let after: Vec<_> = (0..4)
                .map(|index| {
                    ends("낙서 뒤의 apply", || pool.apply(answer, (index, None, false)))
                })
                .collect::<Result<_>>()?;
            let culprits = culprits()?;
            for (index, result) in (0..).zip(results) {
                match result {
                    Ok(found) => {
                        honest(index, found, &culprits)?;
                        answered += 1;
                    }
                    Err(_) => failed += 1,
                }
            }
            if let Ok(whole) = whole {
                ensure_eq!(whole.len(), 60);
                for (index, found) in (0..).zip(whole) {
                    honest(index, found, &culprits)?;
                }
            }
            for (index, result) in (0..).zip(after) {
                if let Ok(found) = result {
                    honest(index, found, &culprits)?;
                }
            }
            let (_, took) = timed(|| drop(pool));
            ensure!(took < BOUND, "풀을 버리는 데 {took:?}가 걸렸습니다");
            Ok(())
        });
        let _ = culprits();
        outcome.with_context(|| format!("{trial}번째 {scrawl:?}"))?;
    }
    eprintln!("pool_survives: 온전한 결과 {answered}개, 에러 {failed}개");
    ensure!(answered > failed, "낙서 하나에 너무 많이 잃었습니다: {answered}, {failed}");
    Ok(())
}

/// 자기 메모리 파일을 온갖 방법으로 줄이거나 늘려 봅니다. 모두 거절당해야 합니다.
fn resize(_lock: Lock<u64>, _queue: Queue<u8>) -> Result<u32> {
    let mut tried = 0;
    for (number, file) in memories()? {
        let length = file.metadata()?.len();
        for wanted in [0, 8, length - 1, length + 1, length * 2] {
            let refused = file.set_len(wanted);
            ensure_matches!(refused.map_err(|e| e.raw_os_error()), Err(Some(libc::EPERM)));
            // 원래의 디스크립터로도 같습니다.
            // SAFETY: 정수만 받는 시스템 호출입니다.
            let code = unsafe { libc::ftruncate(number as i32, wanted as i64) };
            ensure_eq!((code, io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EPERM)));
        }
        // 안전한 코드로 다시 열며 비우는 것도 같습니다.
        let opened =
            OpenOptions::new().write(true).truncate(true).open(format!("/proc/self/fd/{number}"));
        ensure_matches!(opened.map_err(|e| e.raw_os_error()), Err(Some(libc::EPERM)));
        ensure_eq!(file.metadata()?.len(), length);
        tried += 1;
    }
    Ok(tried)
}

fn nobody_can_resize() -> Result<()> {
    let (lock, queue) = (Lock::new(7)?, Queue::new()?);
    queue.put(&1)?;
    ensure_eq!(Process::spawn(resize, (lock.clone(), queue.clone()))?.join()?, 2);
    ensure_eq!(*lock.acquire()?, 7);
    ensure_eq!(queue.get()?, 1);
    Ok(())
}

fn resize_in_worker(_item: u64) -> Result<u32> {
    let mut tried = 0;
    for (number, file) in memories()? {
        ensure_matches!(file.set_len(0).map_err(|e| e.raw_os_error()), Err(Some(libc::EPERM)));
        let opened =
            OpenOptions::new().write(true).truncate(true).open(format!("/proc/self/fd/{number}"));
        ensure_matches!(opened.map_err(|e| e.raw_os_error()), Err(Some(libc::EPERM)));
        tried += 1;
    }
    Ok(tried)
}

/// 작업자에게 보이는 것: 게시글(읽기), 표지, 책상.
fn workers_cannot_resize() -> Result<()> {
    let pool = Pool::new(2)?;
    ensure_eq!(pool.map(resize_in_worker, 0..8)?, vec![3; 8]);
    Ok(())
}

/// 게시글에는 아무 작업자도 쓰지 못합니다.
fn write_posts(_item: u64) -> Result<Vec<bool>> {
    let mut refused = Vec::new();
    for (_, file) in memories()? {
        let mut word = [0; 8];
        file.read_exact_at(&mut word, 8)?;
        refused.push(file.write_at(&word, 8).is_err());
    }
    Ok(refused)
}

fn posts_are_read_only() -> Result<()> {
    let pool = Pool::new(1)?;
    let refused = pool.apply(write_posts, (0,))?;
    ensure_eq!(refused.iter().filter(|refused| **refused).count(), 1);
    Ok(())
}

/// 받은 디스크립터를 다른 타입의 공유 메모리로 읽는 지어낸 값.
#[derive(Serialize, Deserialize)]
struct Forged(Shared<std::sync::atomic::AtomicU32>);

type Numbers = Shared<std::sync::atomic::AtomicU32>;
type Longs = Shared<std::sync::atomic::AtomicU64>;

/// 이름이 다른(타입이 다른) 메모리나 봉인하지 않은 메모리는 받지 않습니다.
fn memory_of_another_type_is_refused() -> Result<()> {
    use ipc_core::build::Parcel;
    let long: Longs = Shared::new(std::sync::atomic::AtomicU64::new(7))?;
    let mut parcel = Parcel::default();
    parcel.push(&long)?;
    let mut copy = parcel.try_clone()?;
    ensure!(parcel.pop::<Numbers>().context("하나 있습니다")?.is_err(), "다른 타입으로 읽었습니다");
    ensure!(copy.pop::<Longs>().context("하나 있습니다")?.is_ok());
    // 크기가 같은 다른 타입도 마찬가지입니다.
    let signed = Shared::new(std::sync::atomic::AtomicI64::new(-1))?;
    let mut parcel = Parcel::default();
    parcel.push(&signed)?;
    ensure!(parcel.pop::<Longs>().context("하나 있습니다")?.is_err(), "다른 타입으로 읽었습니다");
    // 받는 쪽에 그 메모리가 이미 있어도 그렇습니다.
    let mut parcel = Parcel::default();
    parcel.push(&long)?;
    let mut copy = parcel.try_clone()?;
    let held = copy.pop::<Longs>().context("하나 있습니다")??;
    ensure!(parcel.pop::<Forged>().context("하나 있습니다")?.is_err(), "다른 타입으로 읽었습니다");
    drop(held);
    Ok(())
}

fn name_of(memory: &Longs) -> Result<String> {
    // 가장 나중에 연 것이 이것입니다.
    drop(memory.clone());
    let mut names: Vec<(u32, String)> = Vec::new();
    for (number, _) in memories()? {
        let link = read_link(format!("/proc/self/fd/{number}"))?;
        names.push((number, link.to_string_lossy().into_owned()));
    }
    let (_, name) = names.into_iter().max().context("메모리가 없습니다")?;
    let name = name.strip_prefix("/memfd:").and_then(|name| name.strip_suffix(" (deleted)"));
    name.map(str::to_owned).context("이름")
}

/// 이름과 크기를 흉내 낸, 봉인하지 않은 파일은 받지 않습니다.
fn unsealed_impostor_is_refused() -> Result<()> {
    use std::os::fd::FromRawFd;
    let long: Longs = Shared::new(std::sync::atomic::AtomicU64::new(7))?;
    let name = std::ffi::CString::new(name_of(&long)?)?;
    // SAFETY: 이름은 0으로 끝나는 문자열이고, 반환된 번호는 아래에서 확인한 뒤 하나뿐인 주인이 됩니다.
    let fd =
        unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    ensure!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: 방금 만든 디스크립터입니다.
    let impostor = unsafe { File::from_raw_fd(fd) };
    impostor.set_len(8)?;
    let mut parcel = ipc_core::build::Parcel::default();
    parcel.push(&long)?;
    // 소포 안의 디스크립터가 가리키는 파일을 바꿔치기합니다. 소포의 것은 가장 나중에 연 같은 이름의 디스크립터입니다.
    let (number, _) = memories()?
        .into_iter()
        .filter(|(number, _)| *number as i32 != fd)
        .max_by_key(|(number, _)| *number)
        .ok_or_else(|| anyhow!("소포의 디스크립터가 없습니다"))?;
    // SAFETY: 정수만 받는 시스템 호출이며, 번호의 주인(소포)은 그대로입니다.
    ensure!(unsafe { libc::dup2(fd, number as i32) } >= 0);
    ensure!(
        parcel.pop::<Longs>().context("하나 있습니다")?.is_err(),
        "봉인하지 않은 파일을 받았습니다"
    );
    Ok(())
}

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        queue_survives,
        joinable_queue_survives,
        lock_survives,
        semaphore_survives,
        pool_survives,
        nobody_can_resize,
        workers_cannot_resize,
        posts_are_read_only,
        memory_of_another_type_is_refused,
        unsealed_impostor_is_refused,
    ]);
}
