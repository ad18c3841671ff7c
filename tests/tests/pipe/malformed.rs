//! 채널의 소켓에 엉뚱한 바이트가 들어와도 에러가 될 뿐, 패닉하거나 멈추지 않습니다.

use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use ipc_core::{INLINE_MAX, fingerprint};
use ipc_core::wait::after;
use ipc_core::{Channel, ChannelError, Process};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
};
use nix::unistd::{dup, ftruncate};
use tests::harness::random;
use tests::wait::PATIENCE;
use tests::{ensure_eq, ensure_matches};

/// 우리 채널과, 그 반대쪽의 날것인 소켓.
fn raw_pair() -> Result<(Channel, OwnedFd)> {
    let (ours, raw) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((Channel::from(ours), raw))
}

fn write_raw(raw: &OwnedFd, bytes: &[u8], fds: &[OwnedFd]) -> Result<()> {
    let fds: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let control = if fds.is_empty() { &[][..] } else { &rights[..] };
    sendmsg::<()>(raw.as_raw_fd(), &[IoSlice::new(bytes)], control, MsgFlags::empty(), None)?;
    Ok(())
}

fn frame(fingerprint: u64, length: u64, handles: u64, body: &[u8]) -> Vec<u8> {
    [fingerprint, length, handles]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .chain(body.iter().copied())
        .collect()
}

/// 제대로 된 메시지가 여전히 오갑니다.
fn still_works(ours: &Channel, raw: OwnedFd) -> Result<()> {
    let other = Channel::from(raw);
    other.send(&"그래도 옵니다".to_string(), None)?;
    ensure_eq!(ours.recv::<String>(after(PATIENCE))?, "그래도 옵니다");
    ours.send(&1u8, None)?;
    ensure_eq!(other.recv::<u8>(after(PATIENCE))?, 1);
    Ok(())
}

fn some_descriptor(random: &mut fastrand::Rng, raw: &OwnedFd) -> Result<OwnedFd> {
    Ok(match random.u8(0..4) {
        0 => File::open("/dev/null")?.into(),
        1 => File::open("/proc/self/exe")?.into(),
        2 => memfd_create(c"forged", MFdFlags::MFD_CLOEXEC)?,
        _ => dup(raw)?,
    })
}

/// 앞머리는 그럴듯하게, 나머지는 아무렇게나 만든 프레임.
fn random_frame(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut body = vec![0; random.usize(0..200)];
    random.fill(&mut body);
    let plausible = random.bool();
    let fingerprint = if plausible { fingerprint::<Payload>() } else { random.u64(..) };
    let length = match random.u8(0..4) {
        0 => random.u64(..),
        1 => INLINE_MAX as u64 + random.u64(0..1000),
        _ => body.len() as u64,
    };
    match random.u8(0..8) {
        0 => body,
        _ => frame(fingerprint, length, random.u64(0..3), &body),
    }
}

type Payload = (String, Option<Vec<u32>>, Channel);

pub fn random_frames_are_errors() -> Result<()> {
    let mut random = random("random_frames_are_errors")?;
    let (ours, raw) = raw_pair()?;
    for _ in 0..3000 {
        let fds = (0..random.usize(0..3))
            .map(|_| some_descriptor(&mut random, &raw))
            .collect::<Result<Vec<_>>>()?;
        write_raw(&raw, &random_frame(&mut random), &fds)?;
        // 우연히 올바른 값이 될 수는 있습니다. 기다리다 끝나서는 안 됩니다.
        if let Err(error) = ours.recv::<Payload>(after(PATIENCE)) {
            ensure_eq!(matches!(error, ChannelError::Timeout), false);
        }
    }
    still_works(&ours, raw)
}

pub fn forged_headers_are_errors() -> Result<()> {
    let (ours, raw) = raw_pair()?;
    let text = fingerprint::<String>();
    let large = vec![0; INLINE_MAX + 100];
    let frames = [
        (vec![1, 2, 3], 0),
        (vec![0; 23], 0),
        (frame(text, 0, 0, &[]), 0),
        (frame(text, 10, 0, &[1]), 0),
        (frame(text, 1, 0, &[1, 2, 3]), 0),
        (frame(text, u64::MAX, 0, &[]), 0),
        (frame(text, u64::MAX, 0, &[]), 1),
        (frame(text, 1, u64::MAX, &[0]), 0),
        (frame(text, 1, u64::MAX, &[0]), 1),
        (frame(text, 1, 0, &[0]), 1),
        (frame(text, INLINE_MAX as u64 + 100, 0, &large), 0),
        // 길이가 10이라고 적었지만 뒤따르는 것이 모자란 글.
        (frame(text, 2, 0, &[10, b'a']), 0),
        (frame(text, 3, 0, &[2, 0xFF, 0xFE]), 0),
    ];
    for (bytes, descriptors) in frames {
        let fds = (0..descriptors).map(|_| dup(&raw)).collect::<Result<Vec<_>, _>>()?;
        write_raw(&raw, &bytes, &fds)?;
        ensure_matches!(
            ours.recv::<String>(after(PATIENCE)),
            Err(ChannelError::Malformed(_) | ChannelError::Codec(_) | ChannelError::Io(_))
        );
    }
    still_works(&ours, raw)
}

/// 내용이 든 메모리 파일의 크기를 터무니없이 적었을 때. 받는 쪽이 죽을 수 있으므로 자식에서 해 봅니다.
fn receive_forged_length(length: u64) -> Result<String> {
    let (ours, raw) = raw_pair()?;
    let file = memfd_create(c"forged", MFdFlags::MFD_CLOEXEC)?;
    ftruncate(&file, i64::try_from(length)?)?;
    write_raw(&raw, &frame(fingerprint::<String>(), length, 0, &[]), &[file])?;
    let error = ours.recv::<String>(after(PATIENCE)).err().context("값이 왔습니다")?;
    still_works(&ours, raw)?;
    Ok(error.to_string())
}

pub fn forged_length_is_an_error() -> Result<()> {
    Process::spawn(receive_forged_length, (1 << 62,))?.join().map(drop).map_err(Into::into)
}
