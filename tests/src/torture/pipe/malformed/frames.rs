//! 프레임을 꾸며 냅니다.

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, IoSliceMut, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Result, ensure};
use ipc_core::build::Channel;
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use nix::unistd::{dup, ftruncate};
use serde::Serialize;

/// 앞머리의 크기: 지문, 길이, 디스크립터의 수.
const HEADER: usize = 24;
/// 내용이 이보다 크면 메모리 파일로 갑니다(`Channel::send`의 문서).
const INLINE_MAX: usize = 64 * 1024;

/// 소켓에 써 넣을 것.
pub struct Forged {
    /// 어떻게 꾸며 냈는지.
    pub how: &'static str,
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Forged {
    pub fn write(&self, raw: BorrowedFd) -> Result<()> {
        let fds: Vec<_> = self.fds.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&fds)];
        let control = if fds.is_empty() { &[][..] } else { &rights[..] };
        let bytes = [IoSlice::new(&self.bytes)];
        let sent = sendmsg::<()>(raw.as_raw_fd(), &bytes, control, MsgFlags::empty(), None)?;
        ensure!(sent == self.bytes.len(), "다 쓰지 못했습니다");
        Ok(())
    }
}

/// 올바른 프레임에서 시작해 일그러뜨립니다.
pub struct Forger<'a> {
    pub random: &'a mut fastrand::Rng,
    pub raw: BorrowedFd<'a>,
}

impl Forger<'_> {
    pub fn forge<T: Serialize + 'static>(mut self, value: &T) -> Result<Forged> {
        let (bytes, fds) = valid(value)?;
        let random = &mut self.random;
        let mut forged = Forged { how: "그대로", bytes, fds };
        match random.u8(0..13) {
            0 => {
                forged.how = "무작위 바이트";
                forged.bytes = vec![0; random.usize(0..400)];
                random.fill(&mut forged.bytes);
                if random.bool() {
                    forged.fds.clear();
                }
            }
            1 => {
                forged.how = "잘린 프레임";
                forged.bytes.truncate(random.usize(0..=forged.bytes.len()));
            }
            2 => {
                forged.how = "비트가 뒤집힌 내용";
                self.flip(&mut forged.bytes, HEADER);
            }
            3 => {
                forged.how = "비트가 뒤집힌 프레임";
                self.flip(&mut forged.bytes, 0);
            }
            4 => {
                forged.how = "꾸며 낸 길이";
                let length = self.length();
                forged.bytes[8..16].copy_from_slice(&length.to_ne_bytes());
            }
            5 => {
                forged.how = "꾸며 낸 디스크립터의 수";
                let count = if random.bool() { random.u64(..) } else { random.u64(0..300) };
                forged.bytes[16..24].copy_from_slice(&count.to_ne_bytes());
            }
            6 => {
                forged.how = "빈 메모리 파일";
                self.sparse_body(&mut forged)?;
            }
            7 => {
                forged.how = "내용이 아닌 디스크립터";
                let length = self.length().max(INLINE_MAX as u64 + 1);
                forged.bytes[8..16].copy_from_slice(&length.to_ne_bytes());
                forged.bytes.truncate(HEADER);
                forged.fds.push(self.some_descriptor()?);
                forged.fds.push(self.some_descriptor()?);
            }
            8 => {
                forged.how = "엉뚱한 디스크립터";
                for fd in 0..forged.fds.len() {
                    forged.fds[fd] = self.some_descriptor()?;
                }
            }
            9 => {
                forged.how = "남는 디스크립터";
                let extra = if random.u8(0..20) == 0 { 250 } else { random.usize(1..10) };
                for _ in forged.fds.len()..extra.max(forged.fds.len() + 1) {
                    forged.fds.push(self.some_descriptor()?);
                }
            }
            10 => {
                forged.how = "모자란 디스크립터";
                forged.fds.pop();
            }
            11 => {
                forged.how = "길이 0";
                forged.bytes.clear();
                if random.bool() {
                    forged.fds.clear();
                }
            }
            _ => {
                forged.how = "너무 긴 프레임";
                let size = HEADER + INLINE_MAX + random.usize(0..4000);
                forged.bytes.resize(size, b'x');
                if random.bool() {
                    let length = (INLINE_MAX - random.usize(0..2)) as u64;
                    forged.bytes[8..16].copy_from_slice(&length.to_ne_bytes());
                }
            }
        }
        Ok(forged)
    }

    /// 그럴듯하거나 터무니없는 길이.
    fn length(&mut self) -> u64 {
        match self.random.u8(0..5) {
            0 => self.random.u64(..),
            1 => INLINE_MAX as u64 + self.random.u64(0..1000),
            2 => u64::MAX - self.random.u64(0..3),
            3 => 1 << self.random.u32(0..64),
            _ => self.random.u64(0..300),
        }
    }

    fn flip(&mut self, bytes: &mut [u8], from: usize) {
        if from < bytes.len() {
            for _ in 0..self.random.usize(1..4) {
                let at = self.random.usize(from..bytes.len());
                bytes[at] ^= 1 << self.random.u8(0..8);
            }
        }
    }

    /// 길이만 크고 내용이 없는 파일을 내용이라고 붙입니다.
    fn sparse_body(&mut self, forged: &mut Forged) -> Result<()> {
        let length = (INLINE_MAX as u64 + 1).max(1 << self.random.u32(16..62));
        let file = memfd_create(c"forged", MFdFlags::MFD_CLOEXEC)?;
        ftruncate(&file, i64::try_from(length)?)?;
        if self.random.bool() {
            File::from(file.try_clone()?).write_all(b"x")?;
        }
        forged.bytes[8..16].copy_from_slice(&length.to_ne_bytes());
        forged.bytes.truncate(HEADER);
        // 올바른 내용이 파일에 있던 프레임이면 그것을 바꿉니다.
        if u64::from_ne_bytes(std::array::from_fn(|at| forged.bytes[16 + at]))
            < forged.fds.len() as u64
        {
            forged.fds.pop();
            forged.fds.pop();
        }
        forged.fds.push(file);
        forged.fds.push(self.some_descriptor()?);
        Ok(())
    }

    /// 아무 종류의 디스크립터.
    fn some_descriptor(&mut self) -> Result<OwnedFd> {
        let path = |path: &str, flags: i32| -> Result<OwnedFd> {
            Ok(OpenOptions::new().read(true).custom_flags(flags).open(path)?.into())
        };
        Ok(match self.random.u8(0..9) {
            0 => path("/dev/null", 0)?,
            1 => path("/dev/zero", 0)?,
            2 => path("/proc/self/exe", 0)?,
            3 => path("/", 0)?,
            4 => path("/proc/self/exe", libc::O_PATH)?,
            5 => nix::unistd::pipe()?.0,
            6 => nix::unistd::pipe()?.1,
            7 => memfd_create(c"forged", MFdFlags::MFD_CLOEXEC)?,
            _ => dup(self.raw)?,
        })
    }
}

/// 채널이 정말로 보낸 프레임을 소켓에서 꺼냅니다.
fn valid<T: Serialize + 'static>(value: &T) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
    let (sender, receiver) = Channel::pair()?;
    sender.send(value, None)?;
    let mut bytes = vec![0; HEADER + INLINE_MAX];
    let mut space = nix::cmsg_space!([RawFd; 253]);
    let (length, fds) = {
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let socket = receiver.as_fd().as_raw_fd();
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(socket, &mut slices, Some(&mut space), flags)?;
        let mut fds = Vec::new();
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(received) = control {
                fds.extend(received);
            }
        }
        (message.bytes, fds)
    };
    bytes.truncate(length);
    // SAFETY: 커널이 이 프로세스에 방금 연 디스크립터들이고, 다른 주인이 없습니다.
    let fds = fds.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect();
    Ok((bytes, fds))
}
