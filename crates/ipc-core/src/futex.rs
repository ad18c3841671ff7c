//! 대기(wait): 공유 메모리의 값 하나가 바뀔 때까지 잠듭니다.
//!
//! 퓨텍스(futex)는 "이 32비트 값이 아직 그대로이면 재워 달라"는 커널 호출입니다. 값을 확인하는 일과
//! 잠드는 일이 한 번에 이루어지므로, 그 사이에 온 신호를 놓치지 않습니다.
//!
//! 표준 라이브러리의 뮤텍스도 퓨텍스 위에 있지만 *프로세스 전용* 형태를 씁니다. 그 형태는 가상 주소로
//! 상대를 찾으므로 다른 프로세스를 깨우지 못합니다. 여기서는 물리 메모리로 상대를 찾는 *공유* 형태를
//! 씁니다(`FUTEX_PRIVATE_FLAG`를 붙이지 않는 것이 차이의 전부입니다).

use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;

/// 기다림의 끝. `None`이면 끝없이 기다립니다.
pub type Deadline = Option<Instant>;

/// 지금부터 `timeout` 뒤. 달력에 담기지 않을 만큼 먼 미래는 "끝없이"와 같습니다.
pub fn after(timeout: Duration) -> Deadline {
    Instant::now().checked_add(timeout)
}

/// 마감까지 남은 시간. 마감이 없으면 `None`, 이미 지났으면 0입니다.
pub fn remaining(deadline: Deadline) -> Option<Duration> {
    deadline.map(|at| at.saturating_duration_since(Instant::now()))
}

/// 마감이 지났는지 봅니다.
pub fn expired(deadline: Deadline) -> bool {
    deadline.is_some_and(|at| Instant::now() >= at)
}

/// `word`의 값이 `expected`인 동안 잠듭니다.
///
/// 깨우는 호출, 마감, 시그널 가운데 먼저 온 것으로 돌아오며, 까닭은 알려 주지 않습니다. 부른 쪽은 언제나
/// 조건을 다시 확인해야 합니다. 값이 이미 다르면 곧바로 돌아옵니다.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) {
    let timeout = remaining(deadline).map(TimeSpec::from_duration);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |t| t.as_ref());
    // SAFETY: `word`는 빌린 동안 살아 있는 정렬된 32비트 값이고, `timeout`은 널이거나 이 함수의 지역 변수를
    // 가리킵니다. 커널은 둘 다 읽기만 합니다.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, timeout) };
}

/// `word`에서 잠든 프로세스와 스레드를 모두 깨웁니다.
pub fn wake_all(word: &AtomicU32) {
    // SAFETY: `word`는 빌린 동안 살아 있는 정렬된 32비트 값이며, 커널은 주소만 씁니다.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}
