//! 약속을 지키지 못하는 것으로 알려진 상대들. 사례의 테스트가 실패할 줄 아는지 볼 때 씁니다.

use std::cell::UnsafeCell;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use ipc_core::build::Placed;
use nix::libc;

/// 파이썬의 `Lock`과 `Semaphore`가 쓰는 `sem_t`. 쥔 프로세스가 죽어도 아무도 모릅니다.
pub struct PosixSemaphore(UnsafeCell<libc::sem_t>);

// SAFETY: `sem_t`는 여러 스레드와 프로세스가 함께 호출하도록 만든 것입니다.
unsafe impl Sync for PosixSemaphore {}
// SAFETY: 위와 같고, 만든 스레드에 매인 것이 없습니다.
unsafe impl Send for PosixSemaphore {}

// SAFETY: 프로세스가 함께 쓰게 초기화한 `sem_t`는 정수뿐입니다.
unsafe impl Placed for PosixSemaphore {}

impl PosixSemaphore {
    /// 공유 메모리에 놓을, 값이 1인 세마포어.
    pub fn new() -> PosixSemaphore {
        // SAFETY: 정수뿐인 C 구조체라 0이 올바른 값입니다.
        let mut raw: libc::sem_t = unsafe { std::mem::zeroed() };
        // SAFETY: 아직 아무도 보지 못합니다.
        unsafe { libc::sem_init(&mut raw, 1, 1) };
        PosixSemaphore(UnsafeCell::new(raw))
    }

    /// `limit`까지 기다려 하나를 가져갑니다.
    pub fn wait(&self, limit: Duration) -> Result<()> {
        let until = (SystemTime::now() + limit).duration_since(UNIX_EPOCH)?;
        let until = libc::timespec {
            tv_sec: i64::try_from(until.as_secs())?,
            tv_nsec: i64::from(until.subsec_nanos()),
        };
        // SAFETY: 초기화한 세마포어이고, `until`은 이 호출보다 오래 삽니다.
        let code = unsafe { libc::sem_timedwait(self.0.get(), &until) };
        ensure!(
            code == 0,
            "sem_t를 {limit:?} 안에 얻지 못했습니다({})",
            io::Error::last_os_error()
        );
        Ok(())
    }
}

/// 스핀 락. 값은 주인의 PID이고, 비었으면 0입니다. 주인이 죽으면 아무도 0으로 되돌리지 않습니다.
pub fn spin_lock(word: &AtomicU32, limit: Duration) -> Result<()> {
    take(limit, || word.compare_exchange(0, std::process::id(), SeqCst, SeqCst).is_ok())
        .with_context(|| format!("스핀 락의 주인은 PID {}", word.load(SeqCst)))
}

/// 남은 자리를 세는 세마포어. 들어간 프로세스가 죽으면 그 자리는 반납되지 않습니다.
pub fn take_place(places: &AtomicU32, limit: Duration) -> Result<()> {
    take(limit, || places.fetch_update(SeqCst, SeqCst, |free| free.checked_sub(1)).is_ok())
        .with_context(|| format!("남은 자리 {}개", places.load(SeqCst)))
}

fn take(limit: Duration, mut attempt: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !attempt() {
        if Instant::now() >= deadline {
            bail!("{limit:?} 안에 차례가 오지 않았습니다");
        }
        std::thread::yield_now();
    }
    Ok(())
}
