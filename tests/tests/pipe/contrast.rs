//! 같은 일을 ipc-channel 0.23으로 하면 멈추는 자리를 나란히 보여 줍니다.
//!
//! 받는 프로세스가 큰 메시지 도중에 죽습니다. ipc-channel의 보내는 쪽은 영원히 기다리고(이유는 `tests/src/foreign.rs`),
//! 우리 파이프는 `Err`를 받습니다.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ipc_core::Process;
use pipe::{ChannelError, Duplex, Sender, duplex, pipe};
use tests::children::expect_killed;
use tests::ensure_eq;
use tests::foreign::sender_stays_stuck;
use tests::wait::{ONE_SECOND, PATIENCE, timed};

const LARGE: usize = 64 << 20;

pub fn ipc_channel_sender_stays_stuck() -> Result<()> {
    ensure_eq!(sender_stays_stuck()?, true);
    Ok(())
}

/// 받은 것마다 알립니다.
fn our_receiver(conn: Duplex<(), String>) -> Result<()> {
    for text in conn.iter() {
        ensure_eq!(text?.len(), LARGE);
        conn.send(&())?;
    }
    Ok(())
}

/// 에러가 날 때까지 보내고, 몇 번째였는지와 그 에러를 반환합니다.
fn our_sender(conn: Duplex<String, ()>, started: Sender<u32>) -> Result<(u32, String)> {
    let text = "x".repeat(LARGE);
    for number in 0.. {
        started.send(&number)?;
        // 읽지 않은 메시지가 메모리에 쌓이지 않게, 받았다는 말을 들은 뒤에 다음 것을 보냅니다.
        if let Err(error) = conn.send(&text).and_then(|()| conn.recv()) {
            return match error {
                ChannelError::Disconnected => Ok((number, error.to_string())),
                other => Err(other).context("끊김이 아닌 에러입니다"),
            };
        }
    }
    unreachable!("끝없이 보냅니다")
}

pub fn our_sender_gets_an_error() -> Result<()> {
    let mut fastest = Duration::MAX;
    for kill_at in 0..3 {
        let (left, right) = duplex()?;
        let (progress, started) = pipe()?;
        let mut sender = Process::spawn(our_sender, (left, started))?;
        let receiver = Process::spawn(our_receiver, (right,))?;
        while progress.recv_timeout(PATIENCE)? < kill_at {}
        receiver.kill();
        let (result, took) = timed(|| sender.join_timeout(PATIENCE));
        ensure_eq!(result?.0 >= kill_at, true);
        expect_killed(receiver.join())?;
        fastest = fastest.min(took);
    }
    // 바쁜 컴퓨터에서는 64MiB를 옮겨 담는 것만으로 1초가 넘을 수 있어, 가장 빠른 것으로 판단합니다.
    ensure!(fastest < ONE_SECOND, "끊김을 {fastest:?} 만에 알았습니다");
    Ok(())
}
