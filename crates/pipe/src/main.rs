//! 11.6 Pipe

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use pipe::{Duplex, Receiver, Sender, duplex, pipe};

fn main() -> Result<()> {
    ipc_core::init();

    println!("--- Pipe 예제 시작 (단방향) ---");
    let (parent_conn, child_conn) = pipe()?;
    let messages_to_send = ["안녕", "파이프", "예제", "데이터"].map(String::from).to_vec();

    let p_sender = Process::spawn(sender, (child_conn, messages_to_send))?;
    let p_receiver = Process::spawn(receiver, (parent_conn,))?;
    p_sender.join()?;
    p_receiver.join()?;

    println!("\n--- Pipe 예제 시작 (양방향) ---");
    let (conn1, conn2) = duplex()?;
    let p_worker1 = Process::spawn(worker1, (conn1,))?;
    let p_worker2 = Process::spawn(worker2, (conn2,))?;
    p_worker1.join()?;
    p_worker2.join()?;

    println!("모든 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Pipe 예제 종료 ---");
    Ok(())
}

fn sender(conn: Sender<String>, messages: Vec<String>) -> Result<()> {
    println!("Process ID: {} - Sender 시작", id());
    for msg in messages {
        conn.send(&msg)?;
        println!("Process ID: {} - 메시지 보냄: {msg}", id());
        sleep(Duration::from_millis(500));
    }
    drop(conn);
    println!("Process ID: {} - Sender 완료", id());
    Ok(())
}

fn receiver(conn: Receiver<String>) -> Result<()> {
    println!("Process ID: {} - Receiver 시작", id());
    for msg in conn.iter() {
        println!("Process ID: {} - 메시지 받음: {}", id(), msg?);
        sleep(Duration::from_millis(700));
    }
    println!("Process ID: {} - Receiver 완료", id());
    Ok(())
}

fn worker1(conn: Duplex<String, String>) -> Result<()> {
    conn.send(&"Worker1 입니다. 안녕!".to_string())?;
    println!("Process ID: {} - Worker1 받음: {}", id(), conn.recv()?);
    Ok(())
}

fn worker2(conn: Duplex<String, String>) -> Result<()> {
    println!("Process ID: {} - Worker2 받음: {}", id(), conn.recv()?);
    conn.send(&"Worker2 입니다. 잘 가!".to_string())?;
    Ok(())
}
