//! 프레임(frame): 채널을 건너가는 메시지 하나의 모양.
//!
//! ```text
//! │ 타입 지문 │ 내용의 바이트 수 │ 디스크립터의 수 │ 내용 … │   + 디스크립터들(SCM_RIGHTS)
//! ```
//!
//! 내용이 [`INLINE_MAX`]보다 크면 프레임에는 없고, 마지막 디스크립터가 가리키는 메모리 파일에 있습니다.

use std::any::TypeId;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;

use crate::channel::ChannelError;

/// 프레임에 바로 싣는 내용의 최대 크기(바이트). 더 크면 메모리 파일로 갑니다.
pub const INLINE_MAX: usize = 64 * 1024;
/// 메시지 하나에 실을 수 있는 디스크립터의 최대 개수(커널의 `SCM_MAX_FD`는 253이고, 하나는 내용의 몫).
pub const HANDLES_MAX: usize = 252;

/// 프레임의 앞머리: 타입 지문, 내용의 바이트 수, 값에 딸린 디스크립터의 개수. 각각 8바이트.
pub(crate) const HEADER: usize = 24;
/// 커널이 디스크립터를 싣는 보조 데이터의 크기(8바이트 단위).
const CONTROL_WORDS: usize = (HANDLES_MAX + 1) * size_of::<RawFd>() / 8 + 8;

/// 받은 메시지 하나. 아직 값으로 읽기 전입니다.
#[derive(Debug)]
pub struct Frame {
    fingerprint: u64,
    pub bytes: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

/// 같은 실행 파일 안에서 타입마다 다른 수입니다.
pub fn fingerprint<T: 'static>() -> u64 {
    let mut hasher = DefaultHasher::new();
    TypeId::of::<T>().hash(&mut hasher);
    hasher.finish()
}

/// 프레임의 앞머리를 만듭니다.
pub(crate) fn header(fingerprint: u64, length: usize, handles: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let words = [fingerprint, length as u64, handles as u64];
    for (slot, word) in header.chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_ne_bytes());
    }
    header
}

impl Frame {
    /// 이 프레임이 `T`로 보낸 것인지 봅니다.
    pub fn check<T: 'static>(&self) -> Result<(), ChannelError> {
        if self.fingerprint == fingerprint::<T>() {
            return Ok(());
        }
        Err(ChannelError::TypeMismatch { expected: std::any::type_name::<T>() })
    }

    /// `flags`는 받으면서 잘린 것을 커널이 알리는 표시입니다.
    pub(crate) fn parse(
        packet: &[u8],
        mut fds: Vec<OwnedFd>,
        flags: i32,
    ) -> Result<Frame, ChannelError> {
        if flags & libc::MSG_TRUNC != 0 {
            return Err(ChannelError::Malformed("너무 깁니다"));
        }
        let (header, inline) = packet
            .split_at_checked(HEADER)
            .ok_or(ChannelError::Malformed("앞머리보다 짧습니다"))?;
        let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| header[at + i]));
        let (fingerprint, length, handles) = (word(0), word(8), word(16));
        let in_file = length > INLINE_MAX as u64;
        if handles.saturating_add(in_file.into()) != fds.len() as u64 {
            // 여분의 디스크립터가 없으면 커널은 실려 온 것을 버리고 메시지만 건넵니다.
            return Err(if flags & libc::MSG_CTRUNC == 0 {
                ChannelError::Malformed("디스크립터의 수가 다릅니다")
            } else {
                ChannelError::Io(Errno::EMFILE.into())
            });
        }
        let mut bytes = Vec::new();
        if in_file {
            let mut file = File::from(fds.pop().ok_or(ChannelError::Malformed("내용이 없습니다"))?);
            let metadata = file.metadata()?;
            if metadata.len() != length {
                return Err(ChannelError::Malformed("내용의 길이가 다릅니다"));
            }
            // 보내는 쪽은 내용을 다 씁니다. 길이만 늘린 파일을 읽으면 없는 내용에 메모리를 다 씁니다.
            if metadata.blocks().saturating_mul(512) < length {
                return Err(ChannelError::Malformed("내용이 비어 있습니다"));
            }
            bytes.try_reserve_exact(length as usize).map_err(|_| Errno::ENOMEM)?;
            file.rewind()?;
            file.take(length).read_to_end(&mut bytes)?;
        } else {
            bytes.extend_from_slice(inline);
        }
        if bytes.len() as u64 != length {
            return Err(ChannelError::Malformed("내용의 길이가 다릅니다"));
        }
        Ok(Frame { fingerprint, bytes, fds })
    }
}

/// 메시지 하나를 `bytes`의 빈 자리에 받고, 실려 온 디스크립터와 커널의 표시(`msg_flags`)를 돌려줍니다.
///
/// nix의 `recvmsg`는 디스크립터가 잘렸을 때 이미 받은 것을 알려 주지 않아 새어 나갑니다. 그래서 직접 부릅니다.
pub(crate) fn receive(
    socket: RawFd,
    bytes: &mut Vec<u8>,
    flags: i32,
) -> nix::Result<(Vec<OwnedFd>, i32)> {
    let mut control = [0u64; CONTROL_WORDS];
    let mut slice = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.capacity() };
    // SAFETY: 모든 필드가 정수나 포인터인 C 구조체라 0이 올바른 값입니다.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: `message`가 가리키는 두 버퍼는 이 함수보다 오래 살고, 길이는 실제 크기와 같습니다.
    let length = unsafe { libc::recvmsg(socket, &mut message, flags | libc::MSG_CMSG_CLOEXEC) };
    let length = Errno::result(length)?;
    // SAFETY: 커널이 앞의 `length`바이트를 채웠고, `length`는 용량을 넘지 않습니다.
    unsafe { bytes.set_len(length as usize) };

    let mut fds = Vec::new();
    // SAFETY: `message`는 커널이 방금 채운 것이고, 보조 데이터는 아직 살아 있는 `control` 안에 있습니다.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(&message) };
    // SAFETY: CMSG 매크로는 널이거나 `control` 안의 올바른 머리를 돌려줍니다.
    while let Some(header) = unsafe { next.as_ref() } {
        if (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            // SAFETY: 데이터의 시작만 계산합니다. 머리는 `control` 안에 있습니다.
            let data = unsafe { libc::CMSG_DATA(header) };
            let size = header.cmsg_len - (data as usize - std::ptr::from_ref(header) as usize);
            for index in 0..size / size_of::<RawFd>() {
                // SAFETY: 커널이 `cmsg_len`까지 디스크립터를 채웠습니다. 정렬은 보장되지 않습니다.
                let fd = unsafe { data.cast::<RawFd>().add(index).read_unaligned() };
                // SAFETY: 커널이 이 프로세스에 방금 연 디스크립터이고, 다른 주인이 없습니다.
                fds.push(unsafe { OwnedFd::from_raw_fd(fd) });
            }
        }
        // SAFETY: 위와 같습니다.
        next = unsafe { libc::CMSG_NXTHDR(&message, header) };
    }
    Ok((fds, message.msg_flags))
}
