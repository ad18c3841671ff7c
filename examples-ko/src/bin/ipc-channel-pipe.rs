//! 11.6 ipc-channel: 널리 쓰이는 크레이트로 하는 같은 단방향 파이프
//!
//! 이 프로젝트의 `pipe` 대신 [ipc-channel](https://docs.rs/ipc-channel)로 메시지 네 개를 보냅니다. 이 크레이트는 자식을
//! 띄워 주지 않으므로, 같은 실행 파일을 직접 다시 실행하고 이름(소켓의 경로)을 명령행 인수로 건네 서로를 찾습니다.
//! 송신자가 죽으면 수신자는 그것을 알지만, 연결하기도 전에 죽으면 `accept`가 영원히 기다립니다.
//!
//! 실행: `cargo run -p examples-ko --bin ipc-channel-pipe` 또는 `just run-ipc-channel-pipe`
//! 마지막 줄: `--- ipc-channel 예제 종료 ---`
//! 함께 보기: 11.6 `crates/pipe`, 이 크레이트를 쓰지 않은 이유는 `crates/ipc-core/src/channel.rs`

use std::env::{args, current_exe};
use std::process::{Child, Command, abort, id};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use ipc_channel::IpcError;
use ipc_channel::ipc::{IpcOneShotServer, IpcReceiver, IpcSender};

const MESSAGES: [&str; 4] = ["안녕", "파이프", "예제", "데이터"];
/// 자식으로 실행되었다는 표시. 뒤에 할 일과 이름이 옵니다.
const CHILD: &str = "--child";
const LIMIT: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    // ipc_core::init()이 하던 일입니다. 자식이면 맡은 일만 하고 끝납니다.
    let given: Vec<String> = args().skip(1).collect();
    if let [mark, task, name] = &given[..] {
        if mark == CHILD {
            return child(task, name.clone());
        }
    }
    ipc_core::help(include_str!("ipc-channel-pipe.rs"));

    println!("--- ipc-channel 예제 시작 ---");
    println!("끝까지 보낼 때");
    let mut sender = connected("send")?;
    let messages = receive_all(&sender.1)?;
    ensure!(messages == MESSAGES, "받은 메시지가 다릅니다: {messages:?}");
    ensure!(sender.0.wait()?.success(), "송신자가 실패했습니다");

    println!("송신자가 도중에 죽을 때");
    let mut sender = connected("die")?;
    let messages = receive_all(&sender.1)?;
    ensure!(messages == MESSAGES[..1], "받은 메시지가 다릅니다: {messages:?}");
    println!("송신자의 종료 상태: {}", sender.0.wait()?);

    println!("송신자가 연결하기 전에 죽을 때");
    never_connected()?;
    println!("--- ipc-channel 예제 종료 ---");
    Ok(())
}

/// 송신자를 띄우고, 송신자가 보내온 받는 쪽과 함께 반환합니다.
fn connected(task: &str) -> Result<(Child, IpcReceiver<String>)> {
    // 이름은 임시 폴더에 만든 소켓의 경로입니다. 같은 경로를 아는 프로세스는 누구나 연결할 수 있습니다.
    let (server, name) = IpcOneShotServer::<IpcReceiver<String>>::new()?;
    let sender = spawn(task, &name)?;
    // 자식이 연결해 첫 메시지(받는 쪽)를 보낼 때까지 기다립니다.
    let (_, receiver) = server.accept()?;
    Ok((sender, receiver))
}

fn spawn(task: &str, name: &str) -> Result<Child> {
    Ok(Command::new(current_exe()?).args([CHILD, task, name]).spawn()?)
}

fn receive_all(conn: &IpcReceiver<String>) -> Result<Vec<String>> {
    let mut messages = Vec::new();
    loop {
        match conn.recv() {
            Ok(msg) => {
                println!("Process ID: {} - 메시지 받음: {msg}", id());
                messages.push(msg);
            }
            // 정상으로 닫은 것인지 죽은 것인지는 구별되지 않습니다. 자식의 종료 상태를 따로 보아야 합니다.
            Err(IpcError::Disconnected) => return Ok(messages),
            Err(error) => return Err(error.into()),
        }
    }
}

/// `accept`에는 제한 시간이 없습니다. 그래서 기다리는 일은 스레드에 맡기고, 이 스레드가 시간을 잽니다.
fn never_connected() -> Result<()> {
    let (server, name) = IpcOneShotServer::<IpcReceiver<String>>::new()?;
    let (done, outcome) = channel();
    let acceptor = thread::spawn(move || {
        let _ = done.send(server.accept().is_ok());
    });
    spawn("never", &name)?.wait()?;
    let Err(RecvTimeoutError::Timeout) = outcome.recv_timeout(LIMIT) else {
        bail!("accept가 반환되었습니다. 연결할 프로세스가 없으므로 기다리고 있어야 합니다");
    };
    println!(
        "  {}초가 지나도 accept는 기다립니다. 연결할 프로세스는 이미 죽었습니다.",
        LIMIT.as_secs()
    );
    // 스스로 연결했다가 끊어, 기다리는 스레드를 끝냅니다.
    drop(IpcSender::<()>::connect(name)?);
    if acceptor.join().is_err() {
        bail!("기다리던 스레드가 패닉했습니다");
    }
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn child(task: &str, name: String) -> Result<()> {
    if task == "never" {
        return Ok(());
    }
    let (conn, receiver) = ipc_channel::ipc::channel()?;
    // 받는 쪽을 부모에게 보냅니다. 보내는 쪽은 이 프로세스에만 있으므로, 이 프로세스가 끝나면 닫힙니다.
    IpcSender::connect(name)?.send(receiver)?;
    for msg in MESSAGES {
        conn.send(msg.to_string())?;
        if task == "die" {
            abort();
        }
        sleep(Duration::from_millis(100));
    }
    Ok(())
}
