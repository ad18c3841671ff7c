//! 커널이 필요한 호출을 갖추었는지, 프로세스를 처음 시작하기 전에 봅니다.
//!
//! 오래된 커널과 몇몇 컨테이너에는 pidfd가 없습니다. 자식을 시작한 뒤에야 알면 `ENOSYS` 같은 번호만 남으므로 먼저 봅니다.
//! 여기서 보는 것 가운데 `waitid(P_PIDFD)`가 가장 새로운 것(5.4)이라, 메모리 파일의 봉인(`F_SEAL_FUTURE_WRITE`, 5.1)과
//! `pidfd_open`(5.3)은 따로 묻지 않아도 됩니다.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, getpid, pidfd_open, waitid};

use crate::error::ProcessError;

/// 없으면, 무엇이 없고 어디서 실행해야 하는지 알립니다.
pub(crate) fn check() -> Result<(), ProcessError> {
    static FOUND: AtomicBool = AtomicBool::new(false);
    if FOUND.load(Relaxed) {
        return Ok(());
    }
    let refuse = |call, errno: Errno| Err(ProcessError::Kernel { call, error: errno.into() });
    let own = match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(own) => own,
        Err(errno @ (Errno::NOSYS | Errno::PERM)) => return refuse("pidfd_open", errno),
        // 디스크립터가 모자라는 것처럼 커널의 탓이 아니면, 프로세스를 시작할 때 그 에러가 다시 나옵니다.
        Err(_) => return Ok(()),
    };
    // 자기 자신은 자식이 아니므로, 이 호출을 아는 커널은 ECHILD를 반환합니다.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::PidFd(own.as_fd()), options) {
        Err(errno @ (Errno::INVAL | Errno::NOSYS | Errno::PERM)) => {
            refuse("waitid(P_PIDFD)", errno)
        }
        _ => {
            FOUND.store(true, Relaxed);
            Ok(())
        }
    }
}
