//! 준비(ready): 프로세스가 끝나거나 받을 것이 올 때까지, 여럿을 한꺼번에 기다립니다.
//!
//! 프로세스도 채널도 디스크립터(pidfd, 소켓)이므로 `ppoll` 하나로 섞어 기다릴 수 있습니다. 공유 메모리의 값을 기다리는
//! 것은 `futex.rs`입니다.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::time::TimeSpec;

use crate::futex::{Deadline, after, expired, remaining};

/// 여럿 가운데 하나라도 준비될 때까지 기다려 그 자리(0부터)를 돌려줍니다. `timeout`이 먼저 지나면 `None`입니다.
///
/// 프로세스는 끝났을 때, 채널이나 파이프의 끝은 받을 것이 있거나 상대가 닫았을 때 준비됩니다. 이미 준비된 것이 있으면
/// 곧바로 돌아옵니다. 타입이 서로 다르면 `&[&a as &dyn AsFd, &b]`처럼 넘기십시오.
///
/// # Errors
///
/// 운영체제가 기다림을 거절하면 그 에러입니다.
pub fn wait_any<W: AsFd>(waits: &[W], timeout: Option<Duration>) -> io::Result<Option<usize>> {
    let mut fds: Vec<_> = waits.iter().map(|w| PollFd::new(w.as_fd(), PollFlags::POLLIN)).collect();
    wait_any_ready(&mut fds, timeout.and_then(after))?;
    Ok(fds.iter().position(|fd| fd.any().unwrap_or(false)))
}

/// `fd`가 준비되거나 상대가 닫을 때까지 기다립니다. 마감이 먼저 오면 `false`이며, 시그널은 보이지 않습니다.
pub fn wait_ready(fd: BorrowedFd, events: PollFlags, deadline: Deadline) -> io::Result<bool> {
    Ok(wait_any_ready(&mut [PollFd::new(fd, events)], deadline)? > 0)
}

/// `fds` 가운데 하나라도 준비될 때까지 기다리고, 준비된 개수를 돌려줍니다. 마감이 먼저 오면 0입니다.
pub fn wait_any_ready(fds: &mut [PollFd], deadline: Deadline) -> io::Result<usize> {
    loop {
        let timeout = remaining(deadline).map(TimeSpec::from_duration);
        match nix::poll::ppoll(fds, timeout, None) {
            Ok(0) if !expired(deadline) => {}
            Ok(ready) => return Ok(ready as usize),
            // 시그널이 쉴 새 없이 오면 언제나 EINTR입니다. 그래도 마감은 지킵니다.
            Err(Errno::EINTR) if expired(deadline) => return Ok(0),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
