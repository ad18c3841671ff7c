//! 커널과 C 라이브러리의 기본 요소를 그대로 쓰는 참가자들. 이보다 빠르기는 어렵습니다.

use std::cell::UnsafeCell;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result, bail, ensure};
use ipc_core::Shared;
use ipc_core::build::Placed;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

/// 이 인수로 실행하면 곧바로 끝납니다(`reexec`).
pub const BARE: &str = "--bare";

/// 이 프로그램을 다시 실행하기만 합니다. 함수도 인수도 건네지 않습니다.
pub fn reexec() -> Result<Child> {
    Ok(Command::new("/proc/self/exe").arg(BARE).spawn()?)
}

/// 다시 실행한 프로그램이 끝나기를 기다립니다.
pub fn reap(mut child: Child) -> Result<()> {
    let status = child.wait()?;
    ensure!(status.success(), "다시 실행한 프로그램이 실패했습니다({status})");
    Ok(())
}

/// 로버스트 pthread 뮤텍스가 지키는 카운터. 우리 락의 바탕입니다.
pub struct RobustCounter {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    /// 뮤텍스를 쥔 쪽만 고칩니다.
    value: AtomicU64,
}

// SAFETY: 프로세스가 함께 쓰게 초기화한 pthread 뮤텍스는 여러 스레드와 프로세스가 함께 호출하도록 만든 것입니다.
unsafe impl Sync for RobustCounter {}
// SAFETY: 위와 같고, 놓인 뒤에 초기화하므로 만든 스레드에 매인 것이 없습니다.
unsafe impl Send for RobustCounter {}
// SAFETY: 뮤텍스는 수의 모임이고 C 라이브러리만 `UnsafeCell` 안에 접근합니다. 나머지는 아토믹입니다.
unsafe impl Placed for RobustCounter {}

impl RobustCounter {
    /// 공유 메모리에 0인 카운터를 놓습니다.
    pub fn shared() -> Result<Shared<RobustCounter>> {
        // SAFETY: 정수뿐인 C 구조체라 0이 올바른 값입니다.
        let mutex = UnsafeCell::new(unsafe { std::mem::zeroed() });
        let counter = Shared::new(RobustCounter { mutex, value: AtomicU64::new(0) })?;
        counter.initialize()?;
        Ok(counter)
    }

    fn initialize(&self) -> Result<()> {
        // SAFETY: 정수뿐인 C 구조체라 0이 올바른 값입니다.
        let mut attributes: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
        let attributes = &raw mut attributes;
        // SAFETY: `attributes`는 이 함수가 끝날 때까지 살아 있고, 먼저 초기화한 뒤에 고칩니다. 뮤텍스는 제자리에 놓였으며 아직 이
        // 함수를 호출한 `shared`만 봅니다.
        let codes = unsafe {
            [
                libc::pthread_mutexattr_init(attributes),
                libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED),
                libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST),
                libc::pthread_mutex_init(self.mutex.get(), attributes),
                libc::pthread_mutexattr_destroy(attributes),
            ]
        };
        ensure!(codes == [0; 5], "뮤텍스를 만들지 못했습니다({codes:?})");
        Ok(())
    }

    /// 잠그고, 1을 더하고, 해제합니다. 우리 락처럼 먼저 기다리지 않고 잠가 봅니다.
    pub fn add_one(&self) -> Result<()> {
        self.lock()?;
        self.value.store(self.value.load(Relaxed) + 1, Relaxed);
        // SAFETY: 바로 위에서 이 스레드가 잠갔습니다.
        let code = unsafe { libc::pthread_mutex_unlock(self.mutex.get()) };
        ensure!(code == 0, "뮤텍스를 해제하지 못했습니다({})", Errno::from_raw(code));
        Ok(())
    }

    fn lock(&self) -> Result<()> {
        // SAFETY: `shared`가 초기화한 뮤텍스이고, 공유 메모리는 `self`가 살아 있는 동안 풀리지 않습니다.
        let code = match unsafe { libc::pthread_mutex_trylock(self.mutex.get()) } {
            // SAFETY: 위와 같습니다.
            libc::EBUSY => unsafe { libc::pthread_mutex_lock(self.mutex.get()) },
            code => code,
        };
        ensure!(code == 0, "뮤텍스를 잠그지 못했습니다({})", Errno::from_raw(code));
        Ok(())
    }

    /// 지금까지 더한 수.
    pub fn value(&self) -> u64 {
        self.value.load(Relaxed)
    }
}

/// `sem_t`. 파이썬의 `Semaphore`와 `Lock`이 쓰는 것이며, 쥔 프로세스가 죽어도 자리가 반납되지 않습니다.
pub struct PosixSemaphore(UnsafeCell<libc::sem_t>);

// SAFETY: `sem_t`는 여러 스레드와 프로세스가 함께 호출하도록 만든 것입니다.
unsafe impl Sync for PosixSemaphore {}
// SAFETY: 위와 같고, 만든 스레드에 매인 것이 없습니다.
unsafe impl Send for PosixSemaphore {}
// SAFETY: 프로세스가 함께 쓰게 초기화한 `sem_t`는 정수뿐이고, C 라이브러리만 접근합니다.
unsafe impl Placed for PosixSemaphore {}

impl PosixSemaphore {
    /// 공유 메모리에 자리가 `places`개인 세마포어를 놓습니다.
    pub fn shared(places: u32) -> Result<Shared<PosixSemaphore>> {
        // SAFETY: 정수뿐인 C 구조체라 0이 올바른 값입니다.
        let semaphore =
            Shared::new(PosixSemaphore(UnsafeCell::new(unsafe { std::mem::zeroed() })))?;
        // SAFETY: 제자리에 놓였고 아직 아무도 보지 못합니다.
        Errno::result(unsafe { libc::sem_init(semaphore.0.get(), 1, places) })?;
        Ok(semaphore)
    }

    /// 들어갔다가 나옵니다.
    pub fn enter_and_leave(&self) -> Result<()> {
        // SAFETY: `shared`가 초기화한 세마포어이고, 공유 메모리는 `self`가 살아 있는 동안 풀리지 않습니다.
        Errno::result(unsafe { libc::sem_wait(self.0.get()) })?;
        // SAFETY: 위와 같습니다.
        Errno::result(unsafe { libc::sem_post(self.0.get()) })?;
        Ok(())
    }

    /// 지금 빈 자리의 수.
    pub fn free(&self) -> Result<i32> {
        let mut free = 0;
        // SAFETY: 초기화한 세마포어이고, `free`는 이 호출보다 오래 삽니다.
        Errno::result(unsafe { libc::sem_getvalue(self.0.get(), &mut free) })?;
        Ok(free)
    }
}

/// 메시지의 경계를 지키는 소켓 한 쌍. 우리 파이프의 바탕입니다.
pub fn sockets() -> Result<(OwnedFd, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?)
}

/// 수 하나를 8바이트로 보냅니다.
pub fn send_number(socket: &OwnedFd, number: u64) -> Result<()> {
    let sent = send(socket.as_raw_fd(), &number.to_le_bytes(), MsgFlags::MSG_NOSIGNAL)?;
    ensure!(sent == 8, "{sent}바이트만 보냈습니다");
    Ok(())
}

/// 수 하나를 받습니다.
pub fn receive_number(socket: &OwnedFd) -> Result<u64> {
    let mut bytes = [0; 8];
    match recv(socket.as_raw_fd(), &mut bytes, MsgFlags::empty())? {
        8 => Ok(u64::from_le_bytes(bytes)),
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)).context("상대가 끝났습니다"),
        received => bail!("{received}바이트만 받았습니다"),
    }
}
