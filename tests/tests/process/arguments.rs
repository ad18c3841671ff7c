//! 인수를 쓰거나 읽다가 실패해도 에러가 되고, 프로세스나 디스크립터가 남지 않습니다.

use anyhow::{Context, Result};
use ipc_core::{ChannelError, CodecError, Process, ProcessError};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tests::children::quiet_panic;
use tests::ensure_matches;

/// 정해진 단계에서 실패하는 인수.
#[derive(Clone, Copy, Debug)]
enum Faulty {
    Write,
    Read,
    ReadPanic,
}

impl Serialize for Faulty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Faulty::Write => Err(S::Error::custom("쓰지 않습니다")),
            Faulty::Read => serializer.serialize_bool(false),
            Faulty::ReadPanic => serializer.serialize_bool(true),
        }
    }
}

impl<'de> Deserialize<'de> for Faulty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            quiet_panic("읽다가 패닉했습니다");
        }
        Err(D::Error::custom("읽지 않습니다"))
    }
}

fn ignore(_: Faulty) {}

fn give(fault: u8) -> Faulty {
    [Faulty::Write, Faulty::Read][usize::from(fault)]
}

/// 인수를 쓰지 못하면 시작하지 않고, 결과를 쓰지 못하면 작업의 실패입니다.
pub fn failing_to_serialise() -> Result<()> {
    for _ in 0..20 {
        ensure_matches!(
            Process::spawn(ignore, (Faulty::Write,)).err().context("시작되었습니다")?,
            ProcessError::Channel(ChannelError::Codec(CodecError::Encode { .. }))
        );
    }
    ensure_matches!(Process::spawn(give, (0,))?.join(), Err(ProcessError::Failed { .. }));
    Ok(())
}

pub fn failing_to_read() -> Result<()> {
    ensure_matches!(
        Process::spawn(ignore, (Faulty::Read,))?.join(),
        Err(ProcessError::Failed { .. })
    );
    ensure_matches!(
        Process::spawn(ignore, (Faulty::ReadPanic,))?.join(),
        Err(ProcessError::Panicked { message, .. }) if message == "읽다가 패닉했습니다"
    );
    ensure_matches!(
        Process::spawn(give, (1,))?.join(),
        Err(ProcessError::Channel(ChannelError::Codec(CodecError::Decode { .. })))
    );
    Ok(())
}

/// 자식이 읽기 전에 죽어도 보내는 쪽은 멈추지 않습니다.
pub fn large_arguments_to_a_dying_child() -> Result<()> {
    let bytes = vec![1u8; 8 * 1024 * 1024];
    for _ in 0..5 {
        let process = Process::spawn(|bytes: Vec<u8>| bytes.len(), (bytes.clone(),))?;
        process.kill();
        // 죽이기 전에 일을 마쳤을 수도 있습니다.
        ensure_matches!(process.join(), Ok(_) | Err(ProcessError::Killed { .. }));
    }
    Ok(())
}
