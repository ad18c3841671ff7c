//! 전달(send): 값을 복사해 다른 프로세스로 보냅니다.
//!
//! 채널은 유닉스 도메인 소켓 한 쌍(`SOCK_SEQPACKET`)입니다. 이 소켓은 메시지의 경계를 지키므로, 보내는 쪽이
//! 도중에 죽어도 받는 쪽은 반쪽짜리 메시지를 보지 않습니다. 메시지는 언제나 작은 프레임 하나입니다. 내용이
//! [`INLINE_MAX`]보다 크면 메모리 파일에 담아 그 디스크립터를 프레임에 붙입니다.
//!
//! # ipc-channel 위에 짓지 않은 까닭
//!
//! 널리 쓰이는 [ipc-channel](https://docs.rs/ipc-channel) 0.23.1도 같은 소켓을 씁니다. 다만 첫 연결에 임시
//! 폴더의 소켓 파일이 필요해 강제 종료 때 남고, 자식이 연결하지 않으면 `accept`가 끝나지 않습니다. 약
//! 208KiB가 넘는 메시지는 조각으로 나뉘어, 받는 쪽이 죽으면 보내는 쪽이 영원히 멈춥니다. 디스크립터가
//! 모자라면 패닉합니다. 여기서는 소켓을 자식에게 물려주므로 연결이라는 단계 자체가 없습니다. 두 구현의
//! 차이는 `tests/tests/pipe.rs`가 나란히 보여 줍니다.

use std::cell::Cell;
use std::io::{self, IoSlice, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, setsockopt, socketpair,
    sockopt,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, Encoder, Handle, Incoming};
pub use crate::frame::{Frame, HANDLES_MAX, INLINE_MAX, fingerprint};
use crate::frame::{HEADER, header, receive};
use crate::futex::{Deadline, LOOK_AGAIN, after, expired};
use crate::hint;
use crate::ready::wait_ready;
use crate::shared::memory_file;

thread_local! {
    /// 받을 때마다 새로 할당하지 않도록 다시 쓰는 버퍼.
    static PACKET: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// 보내거나 받지 못한 까닭입니다.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// 상대가 끝을 닫았거나 죽었습니다.
    #[error("상대 쪽 끝이 닫혔습니다. 상대가 일을 마쳤는지 죽었는지는 join으로 확인하십시오")]
    Disconnected,
    /// 제한 시간이 지났습니다. 채널은 그대로 쓸 수 있습니다.
    #[error(
        "제한 시간 안에 끝나지 않았습니다. 상대가 살아 있는지 보고, 더 기다리려면 다시 부르십시오"
    )]
    Timeout,
    /// 값을 바이트로, 또는 바이트를 값으로 바꾸지 못했습니다.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// 보낸 타입과 받으려는 타입이 다릅니다.
    #[error("`{expected}` 값을 받으려 했으나 다른 타입의 값이 왔습니다. 양쪽의 타입을 맞추십시오")]
    TypeMismatch { expected: &'static str },
    /// 값 하나에 디스크립터가 너무 많습니다.
    #[error(
        "디스크립터 {count}개를 한 번에 보낼 수 없습니다(최대 {HANDLES_MAX}개). 여러 번에 나누어 보내십시오"
    )]
    TooManyHandles { count: usize },
    /// 이 프로젝트가 만든 프레임이 아닙니다. 그 메시지는 버려집니다.
    #[error(
        "알 수 없는 프레임을 받았습니다({0}). 채널의 소켓에 다른 프로그램이 쓰고 있는지 확인하십시오"
    )]
    Malformed(&'static str),
    /// 디스크립터나 메모리가 모자라는 등, 운영체제의 에러입니다.
    #[error("운영체제가 통신을 거절했습니다({0}). {hint}", hint = hint(.0))]
    Io(#[source] io::Error),
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw) {
            // 읽지 않은 메시지를 남긴 채 상대가 닫으면 커널은 보내는 쪽에도 ECONNRESET을 알립니다.
            Some(Errno::EPIPE | Errno::ECONNRESET) => ChannelError::Disconnected,
            _ => ChannelError::Io(error),
        }
    }
}

impl From<Errno> for ChannelError {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// 양방향 채널의 한쪽 끝입니다. 다른 끝이 모두 닫히면 받는 쪽은 [`ChannelError::Disconnected`]를 봅니다.
///
/// `std::sync::mpsc`와 달리 값을 직렬화해 복사하며, 끝 자체를 [`crate::Process`]의 인수로 건넬 수 있습니다.
///
/// ```
/// let (left, right) = ipc_core::Channel::pair()?;
/// left.send(&"안녕".to_string(), None)?;
/// assert_eq!(right.recv::<String>(None)?, "안녕");
/// # Ok::<(), ipc_core::ChannelError>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
pub struct Channel(Handle);

impl Channel {
    /// 서로 이어진 두 끝을 만듭니다.
    pub fn pair() -> Result<(Channel, Channel), ChannelError> {
        let (left, right) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        for end in [&left, &right] {
            // 커널은 버퍼의 절반보다 큰 메시지를 쪼갭니다. 프레임 하나가 언제나 통째로 들어갈 크기를 청합니다.
            setsockopt(end, sockopt::SndBuf, &(4 * INLINE_MAX))?;
        }
        Ok((Channel::from(left), Channel::from(right)))
    }

    /// 소켓만 꺼냅니다.
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.0.into_fd()
    }

    /// 값을 복사해 보냅니다. 상대가 읽지 않아 버퍼가 차면 마감까지 기다립니다.
    ///
    /// # Errors
    ///
    /// 상대가 죽었으면 [`ChannelError::Disconnected`], 마감이 지나면 [`ChannelError::Timeout`]. 실패하면
    /// 아무것도 보내지 않은 것과 같습니다.
    pub fn send<T: Serialize + 'static>(
        &self,
        value: &T,
        deadline: Deadline,
    ) -> Result<(), ChannelError> {
        let mut encoder = Encoder::default();
        encoder.push(value)?;
        let (bytes, fds) = encoder.finish();
        self.send_frame(fingerprint::<T>(), &[&bytes], &fds, deadline)
    }

    /// 값 하나를 받습니다. 올 때까지, 마감까지, 또는 상대의 끝이 모두 닫힐 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Disconnected`], [`ChannelError::Timeout`], [`ChannelError::TypeMismatch`], 그리고
    /// `Deserialize`가 실패하면 [`ChannelError::Codec`]. 뒤의 둘은 그 메시지 하나만 버립니다.
    pub fn recv<T: DeserializeOwned + 'static>(
        &self,
        deadline: Deadline,
    ) -> Result<T, ChannelError> {
        let frame = self.recv_frame(deadline)?;
        frame.check::<T>()?;
        Ok(Incoming::from(frame.fds).decode(&frame.bytes)?)
    }

    /// 받을 메시지가(또는 끊김이) 있을 때까지 기다립니다. 마감이 먼저 오면 `false`입니다.
    pub fn poll(&self, deadline: Deadline) -> Result<bool, ChannelError> {
        Ok(wait_ready(self.as_fd(), PollFlags::POLLIN, deadline)?)
    }

    /// 이미 직렬화한 내용의 조각들을 이어 프레임 하나로 보냅니다. 에러는 [`Channel::send`]와 같습니다.
    pub fn send_frame(
        &self,
        fingerprint: u64,
        parts: &[&[u8]],
        fds: &[OwnedFd],
        deadline: Deadline,
    ) -> Result<(), ChannelError> {
        if fds.len() > HANDLES_MAX {
            return Err(ChannelError::TooManyHandles { count: fds.len() });
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let header = header(fingerprint, length, fds.len());
        let mut attached: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let mut slices = vec![IoSlice::new(&header)];
        let mut body = None;
        if length <= INLINE_MAX {
            slices.extend(parts.iter().map(|part| IoSlice::new(part)));
        } else {
            let file = body.insert(memory_file(c"ipc-message", length)?);
            parts.iter().try_for_each(|part| file.write_all(part))?;
            attached.push(file.as_raw_fd());
        }
        let rights = [ControlMessage::ScmRights(&attached)];
        let control = if attached.is_empty() { &[][..] } else { &rights[..] };
        // 마감이 있으면 커널 안에서 기다리지 않고 poll로 기다립니다. SIGPIPE 대신 EPIPE를 받습니다.
        let blocking = if deadline.is_some() { MsgFlags::MSG_DONTWAIT } else { MsgFlags::empty() };
        loop {
            match sendmsg::<()>(
                self.as_raw_fd(),
                &slices,
                control,
                MsgFlags::MSG_NOSIGNAL | blocking,
                None,
            ) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    if !wait_ready(self.as_fd(), PollFlags::POLLOUT, deadline)? {
                        return Err(ChannelError::Timeout);
                    }
                }
                // 아직 읽히지 않은 디스크립터가 이 사용자의 한도(ulimit -n)를 넘었습니다. 누가 읽거나 상대가 닫을
                // 때까지 다시 해 봅니다.
                Err(Errno::ETOOMANYREFS) if !expired(deadline) => {
                    wait_ready(self.as_fd(), PollFlags::POLLERR, after(LOOK_AGAIN))?;
                }
                Err(Errno::ETOOMANYREFS) => return Err(ChannelError::Timeout),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// 프레임 하나를 받습니다. 기다림과 에러는 [`Channel::recv`]와 같습니다.
    pub fn recv_frame(&self, deadline: Deadline) -> Result<Frame, ChannelError> {
        let blocking = if deadline.is_some() { libc::MSG_DONTWAIT } else { 0 };
        loop {
            let mut packet = PACKET.take();
            packet.clear();
            packet.reserve_exact(HEADER + INLINE_MAX);
            let received = receive(self.as_raw_fd(), &mut packet, blocking);
            let frame = match received {
                // 상대가 닫았을 때도 길이가 0입니다.
                Ok(_) if packet.is_empty() && self.hung_up()? => {
                    Some(Err(ChannelError::Disconnected))
                }
                Ok((fds, flags)) => Some(Frame::parse(&packet, fds, flags)),
                Err(Errno::EINTR) => None,
                Err(Errno::EAGAIN) if self.poll(deadline)? => None,
                Err(Errno::EAGAIN) => Some(Err(ChannelError::Timeout)),
                // 상대가 우리 메시지를 읽지 않은 채 닫았음을 한 번 알리는 것입니다. 상대가 보낸 것은 아직 남아 있습니다.
                Err(Errno::ECONNRESET) => None,
                Err(errno) => Some(Err(errno.into())),
            };
            PACKET.set(packet);
            if let Some(frame) = frame {
                return frame;
            }
        }
    }

    /// 상대의 끝이 모두 닫혔는지 봅니다.
    fn hung_up(&self) -> io::Result<bool> {
        wait_ready(self.as_fd(), PollFlags::POLLHUP, after(Duration::ZERO))
    }
}

impl From<OwnedFd> for Channel {
    fn from(socket: OwnedFd) -> Channel {
        Channel(Handle::new(socket))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_sent_before_closing_arrive_even_if_ours_was_not_read() -> Result<(), ChannelError> {
        let (ours, theirs) = Channel::pair()?;
        theirs.send(&"마지막 말".to_string(), None)?;
        ours.send(&1_u32, None)?;
        drop(theirs); // 우리 메시지를 읽지 않은 채 닫습니다.
        assert_eq!(ours.recv::<String>(None)?, "마지막 말");
        assert!(matches!(ours.recv::<String>(None), Err(ChannelError::Disconnected)));
        Ok(())
    }
}
