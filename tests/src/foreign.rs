//! 같은 일을 ipc-channel 0.23으로 하면 멈추는 자리입니다.
//!
//! ipc-channel은 큰 메시지를 조각내어 따로 만든 소켓으로 보내는데, 보내는 쪽도 그 소켓의 받는 끝을 쥐고 있어서 상대가
//! 죽은 것을 모르고 영원히 기다립니다.

use std::time::Duration;

use anyhow::Result;
use ipc_channel::ipc::{self, IpcOneShotServer, IpcSender};
use ipc_core::{Process, ProcessError};
use pipe::{Sender, pipe};

use crate::children::{expect_killed, sleep_forever, wait_asleep};
use crate::wait::PATIENCE;

const LARGE: usize = 64 << 20;
/// 이만큼 지나도 그대로면 멈춘 것으로 봅니다. 우리의 약속(1초)보다 깁니다.
pub const STUCK: Duration = Duration::from_secs(2);

type Bootstrap = IpcSender<IpcSender<String>>;

/// 받을 끝을 만들어 두고 받지 않습니다.
fn receiver(server: String) -> Result<()> {
    let (sender, _receiver) = ipc::channel::<String>()?;
    Bootstrap::connect(server)?.send(sender)?;
    sleep_forever();
    Ok(())
}

fn sender(outbox: Sender<String>) -> Result<()> {
    let (server, name) = IpcOneShotServer::<IpcSender<String>>::new()?;
    outbox.send(&name)?;
    let (_bootstrap, sender) = server.accept()?;
    outbox.send(&"보내기 시작".to_string())?;
    Ok(sender.send("x".repeat(LARGE))?)
}

/// 큰 메시지를 보내는 도중에 받는 쪽을 죽입니다. 보내던 프로세스가 그 뒤로도 멈춰 있으면 참입니다.
pub fn sender_stays_stuck() -> Result<bool> {
    let (inbox, outbox) = pipe()?;
    let mut sender = Process::spawn(sender, (outbox,))?;
    let receiver = Process::spawn(receiver, (inbox.recv_timeout(PATIENCE)?,))?;
    inbox.recv_timeout(PATIENCE)?;
    // 아무도 받지 않으므로 메시지 도중에서 잠듭니다. 옮겨 담는 동안은 깨어 있습니다.
    wait_asleep(&sender)?;
    receiver.kill();
    expect_killed(receiver.join())?;
    let stuck = matches!(sender.join_timeout(STUCK), Err(ProcessError::Timeout { .. }));
    sender.kill();
    Ok(stuck)
}
