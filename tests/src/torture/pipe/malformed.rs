//! 채널의 소켓에 엉뚱한 것을 써 넣습니다.
//!
//! 진짜 프레임을 소켓에서 꺼내 일그러뜨립니다. 함수의 위치가 든 프레임은 다루지 않습니다. 그런 타입은 밖에서 만들 수 없습니다.

mod frames;

use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ipc_channel::ipc;
use ipc_core::build::{Channel, after};
use ipc_core::{ChannelError, CodecError, Shared};
use lock::Lock;
use queue::Queue;
use semaphore::Semaphore;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::torture::Round;
use crate::wait::PATIENCE;
use crate::{ensure_eq, ensure_matches};
use frames::Forger;

/// 한 차례에 넣는 프레임의 수.
const FRAMES: u32 = 1000;
/// 이만큼의 차례마다 한 번 타입을 어긋나게 합니다.
const MISMATCH_EVERY: u32 = 10;

/// 여러 가지가 든 값.
type Mixed = (String, Option<Vec<u32>>, Channel, f64, Vec<(char, Option<Box<str>>)>);
/// 공유 메모리를 가리키는 값들.
type Places = (Lock<(u64, u32)>, Semaphore, Queue<String>, Shared<(), std::sync::atomic::AtomicU8>);

pub fn round(round: &mut Round) -> Result<()> {
    let (ours, other) = Channel::pair()?;
    let (end, _other) = Channel::pair()?;
    let mixed: Mixed =
        ("글".repeat(30), Some(vec![1, 300, 70_000]), end, 0.5, vec![('가', Some("나".into()))]);
    let places: Places = (
        Lock::new((1, 2))?,
        Semaphore::new(3)?,
        Queue::with_capacity(64)?,
        Shared::with_tail((), 9)?,
    );
    for _ in 0..FRAMES {
        let random = &mut round.random;
        match random.u8(0..4) {
            0 => {
                let text = "큰 글".repeat(random.usize(0..20_000));
                try_one(&ours, &other, random, &text)?;
            }
            1 => try_one(&ours, &other, random, &(7u8, [1u64; 4]))?,
            2 => try_one(&ours, &other, random, &mixed)?,
            _ => try_one(&ours, &other, random, &places)?,
        }
    }
    still_works(&ours, &other)?;
    if round.number % MISMATCH_EVERY == 0 {
        mismatched_types()?;
    }
    Ok(())
}

/// `value`의 올바른 프레임을 일그러뜨려 넣고 받아 봅니다.
fn try_one<T: Serialize + DeserializeOwned + 'static>(
    ours: &Channel,
    other: &Channel,
    random: &mut fastrand::Rng,
    value: &T,
) -> Result<()> {
    let raw = other.as_fd();
    let frame = Forger { random, raw }.forge(value)?;
    frame.write(raw)?;
    match ours.recv::<T>(after(PATIENCE)) {
        // 우연히 올바른 값이 될 수는 있습니다.
        Ok(_) => Ok(()),
        Err(ChannelError::Timeout) => bail!("{}: 기다리다 끝났습니다", frame.how),
        Err(ChannelError::Disconnected) => bail!("{}: 상대가 있는데 끊겼다고 합니다", frame.how),
        Err(_) => Ok(()),
    }
}

/// 제대로 된 메시지가 여전히 오갑니다.
fn still_works(ours: &Channel, other: &Channel) -> Result<()> {
    other.send(&"그래도 옵니다".to_string(), None)?;
    ensure_eq!(ours.recv::<String>(after(PATIENCE))?, "그래도 옵니다");
    ours.send(&1u8, None)?;
    ensure_eq!(other.recv::<u8>(after(PATIENCE))?, 1);
    Ok(())
}

/// 보낸 타입과 다르게 받으면 에러이고, 그 메시지 하나만 버려집니다.
fn mismatched_types() -> Result<()> {
    let (left, right) = Channel::pair()?;
    macro_rules! mismatch {
        ($value:expr, $wanted:ty) => {
            left.send(&$value, None)?;
            let refused = right.recv::<$wanted>(after(PATIENCE)).map(drop);
            ensure_matches!(refused, Err(ChannelError::TypeMismatch { .. }));
            still_works(&right, &left)?;
        };
    }
    mismatch!("글".to_string(), u64);
    mismatch!(5u64, String);
    mismatch!(5u64, Channel);
    mismatch!(5u32, u64);
    mismatch!(vec![1u8; 100_000], String);
    mismatch!((1u8, 2u8), [u8; 2]);
    mismatch!(Lock::new(1u32)?, Lock<i32>);
    mismatch!(Queue::<u8>::with_capacity(64)?, Queue<i8>);
    mismatch!(Semaphore::new(1)?, Lock<u8>);
    mismatch!(Channel::pair()?.0, Semaphore);
    // 이름이 같은 통신이라도 내용이 모자라면 값이 되지 않습니다.
    let short: Result<u64, CodecError> = ipc_core::build::decode(&[0x80]);
    ensure_matches!(short, Err(CodecError::Decode { .. }));
    Ok(())
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    let (sender, receiver) = ipc::channel::<String>()?;
    sender.send("12345".to_string())?;
    let receiver = receiver.to_opaque().to::<u64>();
    let wrong = receiver.try_recv_timeout(Duration::from_secs(1));
    let wrong = wrong.ok().context("에러가 되었습니다").ok();
    ensure!(wrong.is_none(), "String을 u64로 받았는데 Ok({wrong:?})입니다");
    Ok(())
}
