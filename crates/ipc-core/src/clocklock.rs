//! [`pthread_mutex_clocklock`]: 시계를 골라 제한 시간까지 뮤텍스를 기다립니다. libc 크레이트에 없어 여기서 선언합니다.

use rustix::time::Timespec;

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    /// glibc 2.30부터. 벽시계가 바뀌어도 기다리는 시간이 달라지지 않게 단조 시계로 기다립니다.
    pub(crate) fn pthread_mutex_clocklock(
        mutex: *mut libc::pthread_mutex_t,
        clock: libc::clockid_t,
        until: *const Timespec,
    ) -> libc::c_int;
}

/// musl에는 벽시계로 기다리는 함수만 있습니다. 기다리는 동안 누가 벽시계를 고치면 그만큼 일찍 깨어나거나 늦게 깨어납니다. 일찍
/// 깨어나면 다시 기다리므로 달라지는 것이 없지만, 시계를 뒤로 고치면 제한 시간보다 늦을 수 있습니다.
///
/// # Safety
///
/// `mutex`는 `pthread_mutex_timedlock`에, `until`은 역참조에 알맞아야 합니다.
#[cfg(target_env = "musl")]
pub(crate) unsafe fn pthread_mutex_clocklock(
    mutex: *mut libc::pthread_mutex_t,
    _clock: libc::clockid_t,
    until: *const Timespec,
) -> libc::c_int {
    use rustix::time::{ClockId, clock_gettime};

    // SAFETY: 호출한 쪽이 보장합니다.
    let left = unsafe { *until } - clock_gettime(ClockId::Monotonic);
    let until = clock_gettime(ClockId::Realtime) + left;
    // SAFETY: 뮤텍스는 호출한 쪽이 보장하고, rustix의 `Timespec`은 64비트 리눅스에서 libc의 `timespec`과 같은 모양입니다.
    unsafe { libc::pthread_mutex_timedlock(mutex, (&raw const until).cast()) }
}
