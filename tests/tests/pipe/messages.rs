//! 값은 보낸 차례대로, 온전하게, 제때에 옵니다.

use std::time::Duration;

use anyhow::{Result, bail};
use ipc_core::build::Channel;
use ipc_core::build::after;
use ipc_core::{ChannelError, Process};
use pipe::{Duplex, Receiver, Sender, duplex, pipe};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tests::children::wait_asleep;
use tests::wait::{PATIENCE, keeps_deadline};
use tests::{ensure_eq, ensure_matches};

const LIMITS: [Duration; 3] =
    [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(50)];

fn count_up(outbox: Sender<u32>, until: u32) -> Result<()> {
    for number in 0..until {
        outbox.send(&number)?;
    }
    Ok(())
}

pub fn one_way_in_order() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let sender = Process::spawn(count_up, (outbox, 5000))?;
    let numbers = inbox.iter().collect::<Result<Vec<u32>, _>>()?;
    ensure_eq!(numbers == (0..5000).collect::<Vec<_>>(), true);
    Ok(sender.join()?)
}

/// 글을 받아 글자 수로 답합니다.
fn measure(conn: Duplex<u64, String>) -> Result<u32> {
    let mut answered = 0;
    for text in conn.iter() {
        conn.send(&(text?.chars().count() as u64))?;
        answered += 1;
    }
    Ok(answered)
}

pub fn both_ways() -> Result<()> {
    let (left, right) = duplex::<String, u64>()?;
    let worker = Process::spawn(measure, (right,))?;
    for text in ["", "가", "파이프", "abc"] {
        left.send(&text.to_string())?;
        ensure_eq!(left.recv_timeout(PATIENCE)?, text.chars().count() as u64);
    }
    drop(left);
    ensure_eq!(worker.join()?, 4);
    Ok(())
}

/// 받은 값을 그대로 되보냅니다.
fn echo(conn: Duplex<String, String>) -> Result<()> {
    for text in conn.iter() {
        conn.send(&text?)?;
    }
    Ok(())
}

fn round_trip(sizes: &[usize]) -> Result<()> {
    let (left, right) = duplex()?;
    let worker = Process::spawn(echo, (right,))?;
    for &size in sizes {
        let text: String = ('a'..='z').cycle().take(size).collect();
        left.send(&text)?;
        ensure_eq!(left.recv_timeout(PATIENCE)? == text, true);
    }
    drop(left);
    Ok(worker.join()?)
}

pub fn sizes_around_the_limit() -> Result<()> {
    // 이보다 크면 메모리 파일로 갑니다(`Channel::send`의 문서).
    const LIMIT: usize = 64 * 1024;
    // 글의 길이를 적는 3바이트가 앞에 붙습니다.
    let sizes =
        [0, 1, LIMIT - 4, LIMIT - 3, LIMIT - 2, LIMIT - 1, LIMIT, LIMIT + 1, 208 * 1024, 1 << 20];
    round_trip(&sizes)
}

pub fn sixty_four_mebibytes() -> Result<()> {
    let (left, right) = duplex()?;
    let worker = Process::spawn(echo, (right,))?;
    let text = "x".repeat(64 << 20);
    left.send(&text)?;
    ensure_eq!(left.recv_timeout(PATIENCE)? == text, true);
    drop(left);
    Ok(worker.join()?)
}

const LARGE: usize = 100_000;

fn send_three_large(outbox: Sender<String>) -> Result<()> {
    ["a", "b", "c"].iter().try_for_each(|letter| Ok(outbox.send(&letter.repeat(LARGE))?))
}

/// 읽지 않은 큰 값은 하나까지만 쌓입니다. 작은 값은 그대로 갑니다.
pub fn one_large_value_waits_unread() -> Result<()> {
    let (inbox, outbox) = pipe::<String>()?;
    let large = |letter: &str| letter.repeat(LARGE);
    outbox.send(&large("a"))?;
    for limit in LIMITS {
        keeps_deadline(limit, || {
            ensure_matches!(outbox.send_timeout(&large("b"), limit), Err(ChannelError::Timeout));
            Ok(())
        })?;
    }
    outbox.send(&"작은 값".to_string())?;
    ensure_eq!(inbox.recv()? == large("a"), true);
    outbox.send_timeout(&large("c"), Duration::ZERO)?;
    ensure_eq!(inbox.recv()?, "작은 값");
    ensure_eq!(inbox.recv()? == large("c"), true);
    // 기다리던 쪽은 상대가 꺼내는 대로 이어서 보냅니다.
    let (inbox, outbox) = pipe()?;
    let mut sender = Process::spawn(send_three_large, (outbox,))?;
    wait_asleep(&sender)?;
    ensure_eq!(sender.is_running(), true);
    for letter in ["a", "b", "c"] {
        ensure_eq!(inbox.recv_timeout(PATIENCE)? == large(letter), true);
    }
    sender.join_timeout(PATIENCE)?;
    // 상대가 읽지 않은 채 사라지면 기다리던 보내기는 끊김이 됩니다.
    let (inbox, outbox) = pipe::<String>()?;
    outbox.send(&large("a"))?;
    drop(inbox);
    ensure_matches!(outbox.send(&large("b")), Err(ChannelError::Disconnected));
    Ok(())
}

/// 아무도 받지 않는 파이프가 찰 때까지 보냅니다.
fn fill(outbox: &Sender<u64>) -> Result<u64> {
    for number in 0..1_000_000 {
        match outbox.send_timeout(&number, Duration::ZERO) {
            Ok(()) => {}
            Err(ChannelError::Timeout) => return Ok(number),
            Err(other) => return Err(other.into()),
        }
    }
    bail!("파이프가 차지 않습니다")
}

/// 실패한 것은 보내지 않은 것과 같습니다.
pub fn refused_sends_leave_nothing() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let sent = fill(&outbox)?;
    drop(outbox);
    ensure_eq!(inbox.recv_timeout(Duration::ZERO)?, 0);
    ensure_eq!(inbox.iter().collect::<Result<Vec<_>, _>>()? == (1..sent).collect::<Vec<_>>(), true);
    Ok(())
}

pub fn poll_sees_values_and_the_end() -> Result<()> {
    let (inbox, outbox) = pipe::<u8>()?;
    for limit in LIMITS {
        keeps_deadline(limit, || {
            ensure_eq!(inbox.poll(limit)?, false);
            Ok(())
        })?;
    }
    outbox.send(&1)?;
    ensure_eq!(inbox.poll(Duration::ZERO)?, true);
    ensure_eq!(inbox.recv()?, 1);
    ensure_eq!(inbox.poll(Duration::ZERO)?, false);
    drop(outbox);
    // 끝도 받을 것입니다.
    ensure_eq!(inbox.poll(PATIENCE)?, true);
    ensure_matches!(inbox.recv_timeout(PATIENCE), Err(ChannelError::Disconnected));
    Ok(())
}

fn send_mixed(channel: Channel) -> Result<()> {
    channel.send(&1u32, None)?;
    channel.send(&"둘".to_string(), None)?;
    channel.send(&(3u32,), None)?;
    channel.send(&"넷".to_string(), None)?;
    Ok(())
}

/// 글로 읽을 수 있는 바이트라도 보낸 타입이 다르면 에러입니다. 다음 메시지는 그대로 옵니다.
pub fn type_mismatch_loses_one_message() -> Result<()> {
    let (left, right) = Channel::pair()?;
    let sender = Process::spawn(send_mixed, (right,))?;
    let receive = || left.recv::<String>(after(PATIENCE));
    ensure_matches!(receive(), Err(ChannelError::TypeMismatch { .. }));
    ensure_eq!(receive()?, "둘");
    ensure_matches!(receive(), Err(ChannelError::TypeMismatch { .. }));
    ensure_eq!(receive()?, "넷");
    Ok(sender.join()?)
}

/// 짝수만 읽는 수.
#[derive(Debug, PartialEq, Serialize)]
struct Even(u32);

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if number & 1 == 0 { Ok(Even(number)) } else { Err(D::Error::custom("홀수입니다")) }
    }
}

fn next(inbox: &Receiver<Even>) -> Result<Even, ChannelError> {
    inbox.recv_timeout(PATIENCE)
}

pub fn unreadable_value_loses_one_message() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    for number in [2, 3, 4] {
        outbox.send(&Even(number))?;
    }
    ensure_eq!(next(&inbox)?, Even(2));
    ensure_matches!(next(&inbox), Err(ChannelError::Codec(_)));
    ensure_eq!(next(&inbox)?, Even(4));
    Ok(())
}
