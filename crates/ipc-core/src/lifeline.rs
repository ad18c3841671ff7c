//! 생명줄(lifeline): 부모가 죽으면 자식도 끝납니다.
//!
//! 아무도 쓰지 않는 파이프 하나가 부모와 자식을 잇습니다. 쓰는 끝은 부모만 가지므로, 부모가 어떻게 죽든 커널이
//! 그 끝을 닫습니다. 자식은 읽는 끝에 "무슨 일이 생기면 나에게 `SIGKILL`을 보내라"고 걸어 둡니다(`O_ASYNC`와
//! `F_SETSIG`). 지켜보는 스레드가 필요 없고, 자식이 자고 있든 계산에 빠져 있든 멈춰 있든 끝납니다. 자식이 죽으면
//! 그 자식의 자식에게도 같은 일이 이어집니다.
//!
//! `prctl(PR_SET_PDEATHSIG)`는 쓰지 않습니다. 부모 프로세스가 아니라 자식을 만든 *스레드*가 끝날 때 울립니다.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::PollFlags;

use crate::futex::after;
use crate::ready::wait_ready;

/// 입출력 소식을 `SIGIO` 대신 어느 시그널로 알릴지 정하는 명령(fcntl(2)). libc 크레이트에 아직 없습니다.
const F_SETSIG: libc::c_int = 10;

/// 새 생명줄. 앞은 자식의 끝, 뒤는 부모의 끝입니다.
pub fn new() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(nix::unistd::pipe2(OFlag::O_CLOEXEC)?)
}

/// 자식의 끝을 걸어 둡니다. 부모가 이미 죽었으면 `false`입니다.
pub fn arm(end: OwnedFd) -> io::Result<bool> {
    // 프로세스가 끝날 때까지 열어 둡니다.
    let end = ManuallyDrop::new(end);
    let commands = [
        (libc::F_SETOWN, std::process::id() as libc::c_int),
        (F_SETSIG, libc::SIGKILL),
        (libc::F_SETFL, libc::O_ASYNC),
    ];
    for (command, argument) in commands {
        // SAFETY: 열린 디스크립터에 정수 인수를 주는 명령들이며, 메모리를 건드리지 않습니다.
        Errno::result(unsafe { libc::fcntl(end.as_raw_fd(), command, argument) })?;
    }
    // 걸기 전에 죽었을 수 있으므로 한 번 확인합니다. 아무도 쓰지 않으니, 준비되었다면 끊긴 것입니다.
    Ok(!wait_ready(end.as_fd(), PollFlags::POLLIN, after(Duration::ZERO))?)
}
