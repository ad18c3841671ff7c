//! 전달(send): 값을 복사해 다른 프로세스로 보냅니다.
//!
//! 채널은 유닉스 도메인 소켓 한 쌍(`SOCK_SEQPACKET`)입니다. 이 소켓은 메시지의 경계를 지키므로, 보내는 쪽이
//! 도중에 죽어도 받는 쪽은 반쪽짜리 메시지를 보지 않습니다. 메시지는 언제나 작은 프레임 하나입니다(`frame.rs`). 내용이 크면
//! 메모리 파일에 담아 그 디스크립터를 프레임에 붙입니다.
//!
//! # ipc-channel을 쓰지 않은 이유
//!
//! 널리 쓰이는 [ipc-channel](https://docs.rs/ipc-channel) 0.23.1도 같은 소켓을 씁니다. 다만 첫 연결에 임시
//! 폴더의 소켓 파일이 필요해 강제 종료 때 남고, 자식이 연결하지 않으면 `accept`가 끝나지 않습니다. 약
//! 208KiB가 넘는 메시지는 조각으로 나뉘어, 받는 쪽이 죽으면 보내는 쪽이 영원히 멈춥니다. 디스크립터가
//! 모자라면 패닉합니다. 여기서는 소켓을 자식에게 물려주므로 연결이라는 단계 자체가 없습니다. 두 구현의
//! 차이는 `tests/tests/pipe.rs`가 나란히 보여 줍니다.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;

use rustix::event::PollFlags;
use rustix::fs::fstat;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::fingerprint;
use crate::error::ChannelError;
use crate::frame::{Frame, INLINE_MAX};
use crate::message::Accepts;
use crate::parcel::{Descriptor, open, seal};
use crate::wait::{Deadline, wait_ready};

/// 양방향 채널의 한쪽입니다. 반대쪽이 모두 닫히면 이쪽은 [`ChannelError::Disconnected`]를 받습니다.
///
/// `std::sync::mpsc`와 달리 값을 직렬화해 복사하며, 채널 자체를 [`Process`](crate::Process)의 인수로 건넬 수 있습니다.
///
/// ```
/// let (left, right) = ipc_core::build::Channel::pair()?;
/// left.send(&"안녕".to_string(), None)?;
/// assert_eq!(right.recv::<String>(None)?, "안녕");
/// # Ok::<(), ipc_core::ChannelError>(())
/// ```
#[derive(Debug, Serialize, Deserialize)]
pub struct Channel {
    socket: Descriptor,
    /// 이쪽이 마지막으로 보낸 큰 메시지를 상대가 아직 꺼내지 않았으면, 꺼낼 때 끊기는 디스크립터(`frame.rs`).
    #[serde(skip)]
    unread: Mutex<Option<OwnedFd>>,
}

impl Channel {
    /// 서로 이어진 한 쌍을 만듭니다.
    ///
    /// # Errors
    ///
    /// 디스크립터가 모자라면 [`ChannelError::Io`].
    pub fn pair() -> Result<(Channel, Channel), ChannelError> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (left, right) = socketpair(family, kind, SocketFlags::CLOEXEC, None)?;
        for end in [&left, &right] {
            // 프레임 하나는 쪼개지지 않습니다. 언제나 통째로 들어갈 크기를 요청합니다.
            set_socket_send_buffer_size(end, 4 * INLINE_MAX)?;
        }
        Ok((Channel::from_socket(left), Channel::from_socket(right)))
    }

    /// 이쪽의 번호(아이노드). 기록([`Span`](crate::build::Span))에 씁니다.
    pub fn id(&self) -> u64 {
        fstat(&self.socket).map_or(0, |stat| stat.st_ino)
    }

    pub(crate) fn from_socket(socket: OwnedFd) -> Channel {
        Channel { socket: socket.into(), unread: Mutex::default() }
    }

    /// 값을 복사해 보냅니다. 상대가 읽지 않아 버퍼가 차면 제한 시간까지 기다립니다.
    ///
    /// 64KiB가 넘는 값은 상대가 앞의 큰 값을 꺼낸 뒤에야 보내므로, 읽지 않은 큰 값은 하나까지만 쌓입니다.
    ///
    /// # Errors
    ///
    /// 상대가 죽었으면 [`ChannelError::Disconnected`], 제한 시간이 지나면 [`ChannelError::Timeout`]. 실패하면
    /// 아무것도 보내지 않은 것과 같습니다.
    pub fn send<T: Serialize + 'static>(
        &self,
        value: &T,
        deadline: Deadline,
    ) -> Result<(), ChannelError> {
        self.send_as::<T, T>(value, deadline)
    }

    /// [`send`](Channel::send)와 같지만, 받는 쪽에는 `T`로 옵니다.
    pub fn send_as<T: Accepts<V>, V: ?Sized>(
        &self,
        value: &V,
        deadline: Deadline,
    ) -> Result<(), ChannelError> {
        let (bytes, fds) = seal::<T, V>(value)?;
        let frame = Frame { fingerprint: fingerprint::<T>(), bytes, fds };
        frame.send(self.as_fd(), &self.unread, deadline)
    }

    /// 값 하나를 받습니다. 값이 오거나, 제한 시간이 지나거나, 상대 쪽이 모두 닫힐 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Disconnected`], [`ChannelError::Timeout`], [`ChannelError::TypeMismatch`], 그리고
    /// `Deserialize`가 실패하면 [`ChannelError::Codec`]. 뒤의 둘은 그 메시지 하나만 버립니다.
    pub fn recv<T: DeserializeOwned + 'static>(
        &self,
        deadline: Deadline,
    ) -> Result<T, ChannelError> {
        let frame = Frame::receive(self.as_fd(), deadline)?;
        frame.check::<T>()?;
        Ok(open(&frame.bytes, frame.fds)?)
    }

    /// 받을 메시지가 있거나 끊길 때까지 기다립니다. 제한 시간이 먼저 지나면 `false`입니다.
    ///
    /// # Errors
    ///
    /// 운영체제가 기다림을 거절하면 [`ChannelError::Io`].
    pub fn poll(&self, deadline: Deadline) -> Result<bool, ChannelError> {
        Ok(wait_ready(self.as_fd(), PollFlags::IN, deadline)?)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
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
