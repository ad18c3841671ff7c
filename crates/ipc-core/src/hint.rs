//! 운영체제가 거절했을 때 할 일입니다.

use std::io;

/// 거절한 까닭(errno)에 맞는 할 일 한 문장. 에러 메시지의 끝에 붙입니다.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(24); // EMFILE
/// assert!(ipc_core::hint(&error).contains("ulimit -n"));
/// ```
pub fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "열린 파일의 한도(ulimit -n)를 확인하십시오",
        Some(libc::EAGAIN) => "프로세스의 한도(ulimit -u, 컨테이너라면 pids.max)를 확인하십시오",
        Some(libc::ENOMEM) => {
            "남은 메모리와 한도(ulimit -v, /proc/sys/vm/max_map_count)를 확인하십시오"
        }
        // 운영체제에 맡기기도 전에, 너무 큰 크기를 거절한 것입니다.
        None => "크기를 줄이십시오",
        _ => "운영체제의 한도(ulimit -a)와 컨테이너의 제한을 확인하십시오",
    }
}
