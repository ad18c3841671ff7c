//! 큰 메시지를 보내는 동안 받는 쪽이 죽습니다.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{scope, sleep, yield_now};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use ipc_core::Process;
use pipe::{ChannelError, Duplex, duplex, pipe};

use crate::children::expect_killed;
use crate::foreign::{STUCK, sender_stays_stuck};
use crate::torture::Round;
use crate::wait::{ONE_SECOND, PATIENCE, timed};
use crate::{ensure_eq, ensure_matches};

const LARGE: usize = 64 << 20;
const ATTEMPTS: u32 = 50;

static TEXT: LazyLock<String> = LazyLock::new(|| "x".repeat(LARGE));

/// 받은 것마다 알립니다.
fn receive_all(conn: Duplex<(), String>) -> Result<()> {
    for text in conn.iter() {
        ensure_eq!(text?.len(), LARGE);
        conn.send(&())?;
    }
    Ok(())
}

pub fn round(round: &mut Round) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if attempt(&mut round.random)? {
            round.landed();
            return Ok(());
        }
    }
    bail!("{ATTEMPTS}번 해 보았으나 보내는 동안 죽지 않았습니다")
}

/// 보내는 동안 죽였으면 참입니다.
fn attempt(random: &mut fastrand::Rng) -> Result<bool> {
    let (left, right) = duplex::<String, ()>()?;
    let receiver = Process::spawn(receive_all, (right,))?;
    let (sent, took) = timed(|| left.send(TEXT.as_str()));
    sent?;
    left.recv_timeout(PATIENCE)?;

    let delay = took.mul_f64(random.f64());
    let (started, sending) = (AtomicBool::new(false), AtomicBool::new(true));
    let (landed, late) = scope(|scope| -> Result<_> {
        let killer = scope.spawn(|| {
            while !started.load(SeqCst) {
                yield_now();
            }
            // 기다림이 아니라, 죽이는 때를 흩뜨리는 것입니다.
            sleep(delay);
            receiver.kill();
            (sending.load(SeqCst), Instant::now())
        });
        started.store(true, SeqCst);
        let mut outcome = left.send(TEXT.as_str());
        sending.store(false, SeqCst);
        if outcome.is_ok() {
            outcome = left.recv_timeout(PATIENCE);
        }
        let failed_at = Instant::now();
        let (landed, killed_at) = killer.join().ok().context("죽이는 스레드가 패닉했습니다")?;
        match outcome {
            Err(ChannelError::Disconnected) => {}
            // 다 받고 답한 뒤에 죽었습니다.
            Ok(()) if !landed => {}
            other => bail!("끊김이어야 하는데 {other:?}입니다"),
        }
        Ok((landed, failed_at.saturating_duration_since(killed_at)))
    })?;
    expect_killed(receiver.join())?;
    ensure!(late < ONE_SECOND, "받는 쪽이 죽고 {late:?} 뒤에야 알았습니다");
    for refused in [left.send(&"한 번 더".to_string()), left.send(TEXT.as_str())] {
        ensure_matches!(refused, Err(ChannelError::Disconnected));
    }
    still_usable()?;
    Ok(landed)
}

/// 보내던 프로세스는 다른 파이프로 작은 것도 큰 것도 보냅니다.
fn still_usable() -> Result<()> {
    let (inbox, outbox) = pipe::<String>()?;
    for size in [1, 1 << 20] {
        outbox.send(&"y".repeat(size))?;
        ensure_eq!(inbox.recv_timeout(PATIENCE)?.len(), size);
    }
    Ok(())
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    ensure!(!sender_stays_stuck()?, "받는 쪽이 죽고 {STUCK:?} 뒤에도 보내는 중입니다");
    Ok(())
}
