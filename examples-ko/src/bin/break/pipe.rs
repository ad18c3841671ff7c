//! 11.6 Pipe: 메시지 하나를 보낸 송신자를 죽입니다.

use std::thread::park;

use anyhow::{Result, ensure};
use ipc_core::Process;
use pipe::{ChannelError, Receiver, Sender, pipe};

use crate::stage::{Experiment, Fate, kill, say};

pub const EXPERIMENT: Experiment = Experiment {
    name: "pipe",
    title: "11.6 Pipe",
    what: "송신자가 메시지 넷 가운데 하나를 보냈을 때 죽입니다. 수신자는 다음 메시지를 기다리고 있습니다.",
    ours,
    twin: include_str!("pipe-twin.py"),
    fate: Fate::Hangs,
    rust: "Rust에서는 수신자가 이미 도착한 메시지를 받고, 송신자가 사라졌음을 압니다.",
    python: "파이썬에서는 main과 수신자도 보내는 쪽을 열어 두고 있어, 수신자가 영원히 기다립니다.",
};

fn ours() -> Result<()> {
    let (parent_conn, child_conn) = pipe()?;
    // 파이프의 양쪽은 두 자식에게 옮겨 가고 부모에는 남지 않습니다.
    let p_sender = Process::spawn(sender, (child_conn,))?;
    let (moment, report) = pipe()?;
    let p_receiver = Process::spawn(receiver, (parent_conn, report))?;
    moment.recv()?; // 첫 메시지가 전해졌습니다.

    let death = kill(p_sender, "송신자")?;
    let received = p_receiver.join()?;
    say("부모", format!("join()의 Err: {death}"));
    ensure!(received == ["안녕"], "받은 메시지가 다릅니다: {received:?}");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn sender(conn: Sender<String>) -> Result<()> {
    say("송신자", "메시지 보냄: 안녕");
    conn.send("안녕")?;
    // 다음 메시지를 준비하는 동안 죽습니다.
    loop {
        park();
    }
}

fn receiver(conn: Receiver<String>, report: Sender<()>) -> Result<Vec<String>> {
    let mut messages = Vec::new();
    loop {
        match conn.recv() {
            Ok(message) => {
                say("수신자", format!("메시지 받음: {message}. 다음을 기다립니다."));
                messages.push(message);
                report.send(&())?;
            }
            Err(error @ ChannelError::Disconnected) => {
                say("수신자", format!("recv()의 Err: {error}"));
                return Ok(messages);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
