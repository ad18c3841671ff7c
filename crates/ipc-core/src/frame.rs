//! 프레임(frame): 소켓을 건너가는 메시지 하나.
//!
//! ```text
//! │ 타입 지문 │ 내용의 바이트 수 │ 디스크립터의 수 │ 내용 … │   + 디스크립터들(SCM_RIGHTS)
//! ```
//!
//! 내용이 [`INLINE_MAX`]보다 크면 프레임에는 없고, 뒤에 붙은 디스크립터 둘 가운데 앞의 것이 가리키는 메모리 파일에
//! 있습니다. 뒤의 것은 영수증(receipt)입니다. 아무것도 쓰지 않는 파이프의 쓰는 쪽이어서, 받는 쪽이 내용을 다 읽고 닫으면(또는
//! 읽지 않은 채 죽으면) 보내는 쪽이 가진 읽는 쪽이 끊깁니다. 소켓의 버퍼는 프레임의 크기만 세므로, 보내는 쪽은 앞의 큰
//! 메시지의 영수증이 끊긴 뒤에야 다음 큰 메시지를 보냅니다. 그러지 않으면 읽지 않은 메시지가 메모리를 끝없이 차지합니다.

use std::any::type_name;
use std::cell::{Cell, LazyCell};
use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use memmap2::MmapMut;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, send, sendmsg,
};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::awake::Awake;
use crate::codec::fingerprint;
use crate::error::{ChannelError, DESCRIPTORS_MAX};
use crate::memory::memory_file;
use crate::wait::{Deadline, RECHECK, after, expired, remaining, wait_ready};

/// 프레임에 바로 싣는 내용의 최대 크기(바이트). 더 크면 메모리 파일로 갑니다.
pub const INLINE_MAX: usize = 64 * 1024;
/// 앞머리의 크기(바이트).
const HEADER: usize = 24;
/// 내용이 큰 프레임에 더 붙는 디스크립터: 메모리 파일과 영수증.
const LARGE_EXTRA: usize = 2;
/// 제한 시간이 없을 때, 이 사용자가 보낸 디스크립터를 누가 읽을 때까지 기다려 보는 시간. 지나면 에러로 알립니다.
const IN_FLIGHT_PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// 받을 때마다 새로 할당하지 않도록 다시 쓰는 버퍼. 힙의 것을 0으로 채우면 쓰지 않을 페이지까지 모두 건드리므로 직접 매핑합니다.
    static PACKET: Cell<Option<MmapMut>> = const { Cell::new(None) };
}

/// 메시지 하나. 아직 값으로 읽기 전입니다.
pub struct Frame {
    pub fingerprint: u64,
    pub bytes: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

impl Frame {
    /// 이 프레임이 `T`로 보낸 것인지 봅니다.
    pub fn check<T: 'static>(&self) -> Result<(), ChannelError> {
        if self.fingerprint == fingerprint::<T>() {
            return Ok(());
        }
        Err(ChannelError::TypeMismatch { expected: type_name::<T>() })
    }

    /// 프레임 하나를 보냅니다. `unread`에는 앞서 보낸 큰 메시지의 영수증이 있습니다.
    pub fn send(
        mut self,
        socket: BorrowedFd,
        unread: &Mutex<Option<OwnedFd>>,
        deadline: Deadline,
    ) -> Result<(), ChannelError> {
        if self.fds.len() > DESCRIPTORS_MAX {
            return Err(ChannelError::TooManyHandles { count: self.fds.len() });
        }
        let words = [self.fingerprint, self.bytes.len() as u64, self.fds.len() as u64];
        let mut packet = words.map(u64::to_ne_bytes).concat();
        let mut receipt = None;
        if self.bytes.len() > INLINE_MAX {
            wait_until_read(unread, deadline)?;
            let mut file = memory_file("ipc-message", self.bytes.len())?;
            file.write_all(&self.bytes)?;
            let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
            receipt = Some(ours);
            self.fds.extend([file.into(), theirs]);
        } else {
            packet.append(&mut self.bytes);
        }
        let fds: Vec<BorrowedFd> = self.fds.iter().map(AsFd::as_fd).collect();
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(fds.len()))];
        // 제한 시간이 있으면 커널 안에서 기다리지 않고 poll로 기다립니다. SIGPIPE 대신 EPIPE를 받습니다.
        let blocking = if deadline.is_some() { SendFlags::DONTWAIT } else { SendFlags::empty() };
        let patience = LazyCell::new(|| deadline.or_else(|| after(IN_FLIGHT_PATIENCE)));
        let flags = SendFlags::NOSIGNAL | blocking;
        loop {
            let sent = if fds.is_empty() {
                send(socket, &packet, flags) // 커널이 살펴볼 것이 sendmsg보다 적습니다.
            } else {
                let mut control = SendAncillaryBuffer::new(&mut space);
                control.push(SendAncillaryMessage::ScmRights(&fds));
                sendmsg(socket, &[IoSlice::new(&packet)], &mut control, flags)
            };
            match sent {
                Ok(_) => {
                    if receipt.is_some() {
                        *unread.lock().unwrap_or_else(PoisonError::into_inner) = receipt;
                    }
                    return Ok(());
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if wait_ready(socket, PollFlags::OUT, deadline)? => {}
                // 아직 읽히지 않은 디스크립터가 이 사용자의 한도(ulimit -n)를 넘었습니다. 잠시 다시 해 봅니다.
                Err(Errno::TOOMANYREFS) if !expired(*patience) => {
                    wait_ready(
                        socket,
                        PollFlags::ERR,
                        after(remaining(*patience).map_or(RECHECK, |left| left.min(RECHECK))),
                    )?;
                }
                Err(Errno::AGAIN) => return Err(ChannelError::Timeout),
                Err(Errno::TOOMANYREFS) if deadline.is_some() => return Err(ChannelError::Timeout),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    pub fn receive(socket: BorrowedFd, deadline: Deadline) -> Result<Frame, ChannelError> {
        let mut packet = match PACKET.take() {
            Some(packet) => packet,
            None => MmapMut::map_anon(HEADER + INLINE_MAX)?,
        };
        let frame = Frame::receive_into(&mut packet, socket, deadline);
        PACKET.set(Some(packet));
        frame
    }

    fn receive_into(
        packet: &mut [u8],
        socket: BorrowedFd,
        deadline: Deadline,
    ) -> Result<Frame, ChannelError> {
        // 상대가 바로 답하는 흔한 경우에 잠들고 깨는 비용을 아끼려고, 잠깐은 잠들지 않고 거듭 받아 봅니다.
        let (mut awake, mut sleepy) = (Awake::start(), false);
        let mut space =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX + LARGE_EXTRA))];
        loop {
            let blocking =
                if sleepy && deadline.is_none() { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let slices = &mut [IoSliceMut::new(packet)];
            match recvmsg(socket, slices, &mut control, RecvFlags::CMSG_CLOEXEC | blocking) {
                // 상대가 닫았을 때도 길이가 0입니다.
                Ok(message) if message.bytes == 0 && hung_up(socket)? => {
                    return Err(ChannelError::Disconnected);
                }
                Ok(message) => {
                    let rights = control.drain().filter_map(|message| match message {
                        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                        _ => None,
                    });
                    let fds = rights.flatten().collect();
                    return Frame::parse(&packet[..message.bytes], fds, message.flags);
                }
                // 상대가 우리 메시지를 읽지 않은 채 닫았음을 한 번 알리는 것입니다. 상대가 보낸 것은 남아 있습니다.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(Errno::AGAIN) if expired(deadline) => return Err(ChannelError::Timeout),
                Err(Errno::AGAIN) if !sleepy => sleepy = !awake.pause(),
                Err(Errno::AGAIN) if wait_ready(socket, PollFlags::IN, deadline)? => {}
                Err(Errno::AGAIN) => return Err(ChannelError::Timeout),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// `flags`는 받으면서 잘린 것을 커널이 알리는 표시입니다.
    fn parse(
        packet: &[u8],
        mut fds: Vec<OwnedFd>,
        flags: ReturnFlags,
    ) -> Result<Frame, ChannelError> {
        let malformed = |what| Err(ChannelError::Malformed(what));
        if flags.contains(ReturnFlags::TRUNC) {
            return malformed("너무 깁니다");
        }
        // 여분의 디스크립터가 없으면 커널은 실려 온 것을 버리고 메시지만 건넵니다.
        if flags.contains(ReturnFlags::CTRUNC) {
            return Err(Errno::MFILE.into());
        }
        let Some((header, inline)) = packet.split_first_chunk::<HEADER>() else {
            return malformed("앞머리보다 짧습니다");
        };
        let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| header[at + i]));
        let (fingerprint, length, handles) = (word(0), word(8), word(16));
        let in_file = length > INLINE_MAX as u64;
        let extra = if in_file { LARGE_EXTRA as u64 } else { 0 };
        if handles.checked_add(extra) != Some(fds.len() as u64) {
            return malformed("디스크립터의 수가 다릅니다");
        }
        // 영수증은 내용을 다 읽은 뒤 이 함수를 나가면서 닫힙니다.
        let _receipt = fds.pop_if(|_| in_file);
        let mut bytes = Vec::new();
        match fds.pop_if(|_| in_file) {
            None => bytes.extend_from_slice(inline),
            Some(file) => {
                let mut file = File::from(file);
                let metadata = file.metadata()?;
                // 보내는 쪽은 내용을 다 씁니다. 길이만 늘린 파일을 읽으면 없는 내용에 메모리를 다 씁니다.
                if metadata.len() != length || metadata.blocks().saturating_mul(512) < length {
                    return malformed("내용의 길이가 다릅니다");
                }
                bytes.try_reserve_exact(length as usize).map_err(|_| Errno::NOMEM)?;
                file.rewind()?;
                file.take(length).read_to_end(&mut bytes)?;
            }
        }
        if bytes.len() as u64 != length {
            return malformed("내용의 길이가 다릅니다");
        }
        Ok(Frame { fingerprint, bytes, fds })
    }
}

/// 앞서 보낸 큰 메시지를 상대가 꺼낼 때까지 기다립니다.
fn wait_until_read(
    unread: &Mutex<Option<OwnedFd>>,
    deadline: Deadline,
) -> Result<(), ChannelError> {
    loop {
        let mut unread = unread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(receipt) = &*unread else { return Ok(()) };
        if wait_ready(receipt, PollFlags::IN, after(Duration::ZERO))? {
            *unread = None;
            return Ok(());
        }
        // 잠가 둔 채로 기다리지 않도록 복제합니다.
        let receipt = receipt.try_clone()?;
        drop(unread);
        if !wait_ready(&receipt, PollFlags::IN, deadline)? {
            return Err(ChannelError::Timeout);
        }
    }
}

/// 상대 쪽이 모두 닫혔는지 봅니다.
fn hung_up(socket: BorrowedFd) -> Result<bool, ChannelError> {
    Ok(wait_ready(socket, PollFlags::HUP, after(Duration::ZERO))?)
}
