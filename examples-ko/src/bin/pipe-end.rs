//! 11.6 파이프의 끝: 수업의 프로그램이 종료되지 않는 이유
//!
//! 파이썬에서는 파이프의 보내는 쪽을 자식에게 건네도 부모에 하나가 남습니다. 그래서 송신자가 종료되어도 수신자는
//! 메시지가 더 올 줄 알고 영원히 기다립니다. 그 실수를 일부러 재현한 뒤, 제대로 종료되는 프로그램을 실행합니다.
//!
//! 실행: `cargo run -p examples-ko --bin pipe-end` 또는 `just run-pipe-end`
//! 마지막 줄: `--- 파이프의 끝 예제 종료 ---`
//! 함께 보기: 11.6 `crates/pipe`, 디스크립터를 건네는 방법은 `crates/ipc-core/src/parcel.rs`의 `Descriptor`

use std::process::id;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use ipc_core::{Process, ProcessError};
use pipe::{Receiver, Sender, pipe};

const MESSAGES: [&str; 4] = ["안녕", "파이프", "예제", "데이터"];
const LIMIT: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("pipe-end.rs"));

    println!("--- 파이프의 끝 예제 시작 ---");
    end_kept_in_parent()?;
    println!();
    end_moved_to_child()?;
    println!("--- 파이프의 끝 예제 종료 ---");
    Ok(())
}

/// 수업의 실수: 부모도 보내는 쪽을 하나 갖고 있습니다.
fn end_kept_in_parent() -> Result<()> {
    println!("보내는 쪽이 부모에도 남아 있을 때");
    let (parent_conn, child_conn) = pipe()?;
    // ANCHOR: end_kept
    let kept = duplicate(&child_conn)?;
    let p_sender = Process::spawn(sender, (child_conn,))?;
    let mut p_receiver = Process::spawn(receiver, (parent_conn,))?;
    p_sender.join()?;

    // 송신자는 종료되었습니다. 그런데 `kept`가 있는 한 커널은 보낼 프로세스가 아직 있다고 봅니다.
    let Err(ProcessError::Timeout { .. }) = p_receiver.join_timeout(LIMIT) else {
        bail!("수신자가 종료되었습니다. 부모가 보내는 쪽을 갖고 있으므로 기다리고 있어야 합니다");
    };
    println!("송신자가 종료되고 {}초가 지났지만 수신자는 아직 기다립니다.", LIMIT.as_secs());

    // 이유가 정말 이것인지 확인합니다. 파이썬이라면 두 start() 사이에 child_conn.close()를 적어야 합니다.
    let start = Instant::now();
    drop(kept);
    // ANCHOR_END: end_kept
    let received = p_receiver.join()?;
    println!("부모가 보내는 쪽을 닫자 수신자는 {} 만에 종료되었습니다.", millis(start));
    check(received)
}

/// 바른 프로그램: 보내는 쪽의 소유권이 자식에게 옮겨 가므로 닫는 것을 잊을 수 없습니다.
fn end_moved_to_child() -> Result<()> {
    println!("보내는 쪽이 자식에게 옮겨 갔을 때");
    let (parent_conn, child_conn) = pipe()?;
    let p_sender = Process::spawn(sender, (child_conn,))?;
    let mut p_receiver = Process::spawn(receiver, (parent_conn,))?;
    p_sender.join()?;

    let start = Instant::now();
    let received = p_receiver.join_timeout(LIMIT)?;
    println!("송신자가 종료되고 {} 만에 수신자도 종료되었습니다.", millis(start));
    check(received)
}

/// 같은 보내는 쪽을 하나 더 만듭니다. `Sender`는 복제할 수 없으므로, 다른 파이프로 보냈다가 되받습니다.
fn duplicate(end: &Sender<String>) -> Result<Sender<String>> {
    let (copies, originals) = pipe::<Sender<String>>()?;
    originals.send(end)?;
    Ok(copies.recv()?)
}

fn check(received: Vec<String>) -> Result<()> {
    ensure!(received == MESSAGES, "받은 메시지가 다릅니다: {received:?}");
    Ok(())
}

fn millis(start: Instant) -> String {
    format!("{:.1}밀리초", start.elapsed().as_secs_f64() * 1000.0)
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn sender(conn: Sender<String>) -> Result<()> {
    Ok(MESSAGES.iter().try_for_each(|msg| conn.send(&msg.to_string()))?)
}

fn receiver(conn: Receiver<String>) -> Result<Vec<String>> {
    let mut messages = Vec::new();
    // 보내는 쪽이 모두 사라져야 반복이 끝납니다(파이썬의 EOFError).
    for msg in &conn {
        let msg = msg?;
        println!("Process ID: {} - 메시지 받음: {msg}", id());
        messages.push(msg);
    }
    Ok(messages)
}
