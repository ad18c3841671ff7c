//! 한도에 걸리는 것들. 자식 안에서 한도를 낮추므로, 이 프로세스에는 남지 않습니다.

use std::fs::File;
use std::hint::black_box;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, ensure};
use ipc_core::Process;
use lock::Lock;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pipe::pipe;
use pool::Pool;
use queue::Queue;
use semaphore::Semaphore;
use tests::children::leave_root;
use tests::procfs::address_space;

use crate::said;

/// 평범한 사용자 가운데, 어느 컴퓨터에나 있는 하나(`nobody`).
const NOBODY: u32 = 65534;

/// `work`를 하는 동안만 한도를 `limit`으로 낮춥니다.
fn within<T>(resource: Resource, limit: u64, work: impl FnOnce() -> T) -> Result<T> {
    let (before, hard) = getrlimit(resource)?;
    setrlimit(resource, limit, hard)?;
    let done = work();
    setrlimit(resource, before, hard)?;
    Ok(done)
}

/// 디스크립터를 `count`개만 더 열 수 있는 한도. 물려받은 디스크립터 때문에 빈 번호가 이어져 있지 않아도 맞습니다.
fn room_for(count: usize) -> Result<u64> {
    // 언제나 가장 작은 빈 번호가 열리므로, 다음으로 열릴 번호가 곧 한도입니다.
    let files = (0..=count).map(|_| File::open("/dev/null")).collect::<Result<Vec<_>, _>>()?;
    Ok(files[count].as_raw_fd() as u64)
}

fn spawn() -> Result<String> {
    said(Process::spawn(|| (), ()))
}

pub fn processes() -> Result<Vec<String>> {
    let task = || -> Result<String> {
        leave_root(NOBODY)?;
        within(Resource::RLIMIT_NPROC, 1, spawn)?
    };
    Ok(vec![Process::spawn(task, ())?.join()?])
}

pub fn descriptors() -> Result<Vec<String>> {
    let task = || -> Result<Vec<String>> {
        let make = || {
            [
                said(Queue::<u8>::new()),
                said(Lock::new(0)),
                said(Semaphore::new(1)),
                said(pipe::<u8>()),
                spawn(),
            ]
        };
        let mut said: Vec<_> = within(Resource::RLIMIT_NOFILE, room_for(0)?, make)?.into();
        // 소켓 한 쌍은 열 수 있지만, 그 다음 것은 열지 못합니다.
        said.push(within(Resource::RLIMIT_NOFILE, room_for(2)?, spawn)?);
        said.into_iter().collect()
    };
    Ok(Process::spawn(task, ())?.join()?)
}

/// 소켓은 열 수 있지만, 보낼 값에 든 디스크립터를 복제하지는 못합니다.
pub fn descriptors_in_values() -> Result<Vec<String>> {
    let task = || -> Result<Vec<String>> {
        let (lock, queue) = (Lock::new(0)?, Queue::<u8>::new()?);
        let (_inbox, outbox) = pipe::<Lock<i32>>()?;
        let mut said =
            vec![within(Resource::RLIMIT_NOFILE, room_for(0)?, || said(outbox.send(&lock)))??];
        let start = || said_of_queue(queue.clone());
        said.push(within(Resource::RLIMIT_NOFILE, room_for(2)?, start)??);
        // 모자란 것은 디스크립터이지, 타입의 잘못이 아닙니다.
        ensure!(!said.iter().any(|text| text.contains("Serialize 구현")), "{said:?}");
        Ok(said)
    };
    Ok(Process::spawn(task, ())?.join()?)
}

fn said_of_queue(queue: Queue<u8>) -> Result<String> {
    said(Process::spawn(|_: Queue<u8>| (), queue))
}

/// 보낸 디스크립터를 아무도 읽지 않습니다. 루트에게는 없는 한도입니다.
pub fn descriptors_in_flight() -> Result<Vec<String>> {
    let task = || -> Result<Vec<String>> {
        leave_root(NOBODY)?;
        let lock = Lock::new(0)?;
        let (_inbox, outbox) = pipe::<Lock<i32>>()?;
        let send_all = || (0..1000).find_map(|_| outbox.send(&lock).err());
        let refused = within(Resource::RLIMIT_NOFILE, room_for(4)?, send_all)?;
        Ok(vec![refused.context("한도를 넘겼는데 모두 보냈습니다")?.to_string()])
    };
    Ok(Process::spawn(task, ())?.join()?)
}

pub fn workers() -> Result<Vec<String>> {
    let task = || within(Resource::RLIMIT_NOFILE, 256, || said(Pool::new(1000)))?;
    Ok(vec![Process::spawn(task, ())?.join()?])
}

pub fn memory() -> Result<Vec<String>> {
    let task = || -> Result<Vec<String>> {
        // 평범한 할당은 되도록, 힙에 빈자리를 남겨 둡니다.
        drop(black_box(vec![1u8; 64 << 10]));
        let make =
            || [said(Queue::<u8>::new()), said(Lock::new(0)), said(Semaphore::new(1)), spawn()];
        within(Resource::RLIMIT_AS, address_space()?, make)?.into_iter().collect()
    };
    Ok(Process::spawn(task, ())?.join()?)
}

/// 한도를 넘겨 쓰면 커널이 프로세스를 죽이므로, 그 전에 거절해야 합니다.
pub fn file_size() -> Result<Vec<String>> {
    let task = || -> Result<Vec<String>> {
        let large = "x".repeat(100_000);
        let (_inbox, outbox) = pipe::<String>()?;
        let make = || [said(Queue::<u8>::new()), said(outbox.send(&large))];
        within(Resource::RLIMIT_FSIZE, 80_000, make)?.into_iter().collect()
    };
    Ok(Process::spawn(task, ())?.join()?)
}

/// 오래된 커널처럼 `pidfd_open`이나 `waitid(P_PIDFD)`가 없거나, 오래된 컨테이너처럼 막혀 있습니다.
pub fn calls() -> Result<Vec<String>> {
    let cases = [
        (libc::SYS_pidfd_open, libc::ENOSYS),
        (libc::SYS_pidfd_open, libc::EPERM),
        (libc::SYS_waitid, libc::EINVAL),
    ];
    let mut said = Vec::new();
    for (call, errno) in cases {
        said.extend(Process::spawn(without_call, (call, errno))?.join()?);
    }
    Ok(said)
}

/// 이 프로세스에서 `call`이 `errno`로 실패하게 하고, 프로세스와 풀을 시작해 봅니다.
fn without_call(call: i64, errno: i32) -> Result<Vec<String>> {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        // seccomp_data의 첫 필드가 호출의 번호입니다.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: 커널은 이 호출 동안만 `program`과 그것이 가리키는 `filter`를 읽습니다.
    let code = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    ensure!(code == 0, "호출을 막지 못했습니다: {}", std::io::Error::last_os_error());
    Ok(vec![spawn()?, said(Pool::new(2))?])
}
