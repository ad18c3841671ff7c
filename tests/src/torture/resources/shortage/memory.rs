//! 주소 공간이 모자랄 때까지 만듭니다.
//!
//! 평범한 할당(`Vec`, `String`)이 실패하면 Rust는 프로그램을 끝냅니다. 여기서 보는 것은 공유 메모리와, 받은 메시지를
//! 담을 자리입니다.

use anyhow::{Result, bail};
use ipc_core::Shared;
use lock::Lock;
use nix::sys::resource::{Resource, setrlimit};
use pipe::{ChannelError, Receiver, Sender};
use queue::{Queue, QueueError};
use semaphore::Semaphore;

use super::in_korean;
use crate::procfs::address_space;
use crate::wait::PATIENCE;
use crate::{ensure_eq, ensure_matches};

/// 지금 쓰는 것에 더해 허락하는 주소 공간.
const ROOM: u64 = 32 << 20;
const MESSAGE: usize = 64 << 20;
/// 한도에 닿은 뒤에도 평범한 할당은 되도록, 힙에 남겨 두는 빈자리(1KiB 덩어리의 수).
const SPARE: usize = 90;

/// 자식이 담을 수 없는 메시지와, 담을 수 있는 메시지를 보냅니다.
pub fn send_to(outbox: &Sender<String>) -> Result<()> {
    for size in [MESSAGE, 10] {
        outbox.send_timeout(&"x".repeat(size), PATIENCE)?;
    }
    Ok(())
}

pub fn exhaust(inbox: Receiver<String>) -> Result<()> {
    // 메시지가 온 뒤에, 쓸 버퍼를 갖추고 나서 한도를 겁니다.
    inbox.poll(PATIENCE)?;
    drop(Queue::<u8>::with_capacity(1 << 20)?);
    let limit = address_space()? + ROOM;
    setrlimit(Resource::RLIMIT_AS, limit, limit)?;

    refused(|| Ok(Queue::<u8>::with_capacity(1 << 20)?))?;
    refused(|| Ok(Lock::new([0u8; 1 << 18])?))?;
    ensure_matches!(Queue::<u8>::with_capacity(1 << 30).map(drop), Err(QueueError::Create(_)));
    if Shared::<(), std::sync::atomic::AtomicU8>::with_tail((), 1 << 30).is_ok() {
        bail!("한도를 넘은 공유 메모리를 만들었습니다");
    }
    drop(Semaphore::new(1)?);

    match inbox.recv_timeout(PATIENCE) {
        Err(error @ ChannelError::Io(_)) => in_korean(error)?,
        other => bail!("담을 수 없는 메시지인데 {:?}입니다", other.map(|text| text.len())),
    }
    ensure_eq!(inbox.recv_timeout(PATIENCE)?.len(), 10);
    Ok(())
}

/// 에러가 될 때까지 만들고 모두 버립니다.
fn refused<T>(make: impl Fn() -> Result<T>) -> Result<()> {
    let mut kept = Vec::with_capacity(1000);
    drop(vec![vec![0u8; 1024]; SPARE]);
    for _ in 0..1000 {
        match make() {
            Ok(made) => kept.push(made),
            Err(error) => return in_korean(error),
        }
    }
    bail!("한도를 넘어 만들었습니다")
}
