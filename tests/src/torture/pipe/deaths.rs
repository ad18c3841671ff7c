//! 큰 메시지를 보내는 동안 받는 쪽이 죽습니다.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{scope, sleep, yield_now};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ipc_channel::ipc::{self, IpcOneShotServer, IpcSender};
use ipc_core::{Process, ProcessError};
use pipe::{ChannelError, Duplex, Sender, duplex, pipe};

use crate::children::{expect_killed, sleep_forever, wait_asleep};
use crate::torture::Round;
use crate::wait::{ONE_SECOND, PATIENCE, timed};
use crate::{ensure_eq, ensure_matches};

const LARGE: usize = 64 << 20;
const ATTEMPTS: u32 = 50;
/// 1초를 넘겨도 다시 해 보는 횟수.
const TRIES: u32 = 3;

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
    let mut too_late = 0;
    for _ in 0..ATTEMPTS {
        let (landed, late) = attempt(&mut round.random)?;
        // 바쁜 컴퓨터에서는 64MiB를 옮겨 담고 죽는 것만으로 1초가 넘을 수 있어, 세 번까지 다시 해 봅니다.
        too_late += u32::from(late > ONE_SECOND);
        ensure!(too_late < TRIES, "받는 쪽이 죽고 {late:?} 뒤에야 알았습니다");
        if landed && late <= ONE_SECOND {
            round.landed();
            return Ok(());
        }
    }
    bail!("{ATTEMPTS}번 해 보았으나 보내는 동안 죽지 않았습니다")
}

/// 보내는 동안 죽였는지와, 죽인 뒤 에러가 되기까지 걸린 시간.
fn attempt(random: &mut fastrand::Rng) -> Result<(bool, Duration)> {
    let (left, right) = duplex::<String, ()>()?;
    let receiver = Process::spawn(receive_all, (right,))?;
    let (sent, took) = timed(|| left.send(&TEXT));
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
        let mut outcome = left.send(&TEXT);
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
    for refused in [left.send(&"한 번 더".to_string()), left.send(&TEXT)] {
        ensure_matches!(refused, Err(ChannelError::Disconnected));
    }
    still_usable()?;
    Ok((landed, late))
}

/// 보내던 프로세스는 다른 파이프로 작은 것도 큰 것도 보냅니다.
fn still_usable() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    for size in [1, 1 << 20] {
        outbox.send(&"y".repeat(size))?;
        ensure_eq!(inbox.recv_timeout(PATIENCE)?.len(), size);
    }
    Ok(())
}

type Bootstrap = IpcSender<IpcSender<String>>;

/// 받을 끝을 만들어 두고 받지 않습니다.
fn foreign_receiver(server: String) -> Result<()> {
    let (sender, _receiver) = ipc::channel::<String>()?;
    Bootstrap::connect(server)?.send(sender)?;
    sleep_forever();
    Ok(())
}

fn foreign_sender(outbox: Sender<String>) -> Result<()> {
    let (server, name) = IpcOneShotServer::<IpcSender<String>>::new()?;
    outbox.send(&name)?;
    let (_bootstrap, sender) = server.accept()?;
    outbox.send(&"보내기 시작".to_string())?;
    Ok(sender.send("x".repeat(LARGE))?)
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let mut sender = Process::spawn(foreign_sender, (outbox,))?;
    let receiver = Process::spawn(foreign_receiver, (inbox.recv_timeout(PATIENCE)?,))?;
    inbox.recv_timeout(PATIENCE)?;
    // 아무도 받지 않으므로 메시지 도중에서 잠듭니다.
    wait_asleep(&sender)?;
    receiver.kill();
    expect_killed(receiver.join())?;
    match sender.join_timeout(Duration::from_secs(2)) {
        Err(ProcessError::Timeout { .. }) => bail!("받는 쪽이 죽고 2초 뒤에도 보내는 중입니다"),
        _ => Ok(()),
    }
}
