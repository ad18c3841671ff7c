//! 11.6 Pipe: 단방향으로, 이어서 양방향으로 메시지를 주고받습니다
//!
//! 먼저 메시지 네 개를 단방향으로 보내고, 이어서 두 프로세스가 양방향으로 인사합니다. 같은 파이썬 프로그램은
//! 종료되지 않습니다. 부모에 파이프의 보내는 쪽이 남아 있어 `EOFError`가 오지 않기 때문입니다. 여기서는 보내는 쪽의
//! 소유권이 자식에게 옮겨 가므로, 송신자가 종료되면 수신자도 종료됩니다.
//!
//! 실행: `cargo run -p pipe` 또는 `just run-pipe`
//! 마지막 줄: `--- Pipe 예제 종료 ---`
//! 함께 보기: 파이프는 `pipe.rs`, 그 밑의 소켓은 `crates/ipc-core/src/channel.rs`

use std::process::id;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use pipe::{Duplex, Receiver, Sender, duplex, pipe};

const MESSAGES: [&str; 4] = ["안녕", "파이프", "예제", "데이터"];

fn main() -> Result<()> {
    // 자식도 이 프로그램을 처음부터 다시 실행합니다. 자식은 이 줄에서 맡은 함수를 실행하고 끝납니다.
    ipc_core::init();
    ipc_core::help(include_str!("main.rs"));

    println!("--- Pipe 예제 시작 (단방향) ---");

    // ANCHOR: one_way
    // ① 파이썬처럼 받는 쪽이 먼저 나옵니다.
    let (parent_conn, child_conn) = pipe()?;
    // 자식이 가질 수 있는 String이어야 합니다.
    // &str은 이 프로세스의 주소입니다.
    let messages_to_send = MESSAGES.map(String::from).to_vec();

    // ② 파이프의 양쪽이 자식들에게 옮겨 갑니다.
    // 이 뒤로 main에는 남아 있지 않습니다.
    let p_sender = Process::spawn(sender, (child_conn, messages_to_send))?;
    let p_receiver = Process::spawn(receiver, (parent_conn,))?;
    // ③ 자식의 실패는 여기서 Err가 되어 main을 끝냅니다.
    p_sender.join()?;
    p_receiver.join()?;
    // ANCHOR_END: one_way

    println!("\n--- Pipe 예제 시작 (양방향) ---");

    // ANCHOR: two_way
    // ① 파이썬의 duplex=True. 양쪽 모두 보내고 받습니다.
    let (conn1, conn2) = duplex()?;
    // ② 두 자식에게 하나씩 건넵니다.
    let p_worker1 = Process::spawn(worker1, (conn1,))?;
    let p_worker2 = Process::spawn(worker2, (conn2,))?;
    p_worker1.join()?;
    p_worker2.join()?;
    // ANCHOR_END: two_way

    println!("모든 프로세스 완료. 메인 프로세스 종료.");
    println!("--- Pipe 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn sender(conn: Sender<String>, messages: Vec<String>) -> Result<()> {
    // id()는 이 줄을 실행하는 송신자의 PID입니다.
    println!("Process ID: {} - Sender 시작", id());
    for msg in messages {
        // ① 쌓일 자리가 있으면 기다리지 않고 반환됩니다.
        conn.send(&msg)?;
        println!("Process ID: {} - 메시지 보냄: {msg}", id());
        sleep(Duration::from_millis(500));
    }
    drop(conn); // ② 적지 않아도 함수가 끝나면 닫힙니다.
    println!("Process ID: {} - Sender 완료", id());
    Ok(())
}

fn receiver(conn: Receiver<String>) -> Result<()> {
    println!("Process ID: {} - Receiver 시작", id());
    // ①② 보내는 쪽이 닫히면 반복이 끝납니다(EOFError).
    for msg in &conn {
        println!("Process ID: {} - 메시지 받음: {}", id(), msg?);
        // 아직 받지 않은 메시지는 파이프에 쌓입니다.
        sleep(Duration::from_millis(700));
    }
    println!("Process ID: {} - Receiver 완료", id());
    Ok(())
}

// 먼저 보내고 나중에 받습니다. worker2는 그 반대입니다.
fn worker1(conn: Duplex<String, String>) -> Result<()> {
    conn.send("Worker1 입니다. 안녕!")?; // ①
    // ② 둘 다 먼저 받으려 하면 영원히 기다립니다.
    println!("Process ID: {} - Worker1 받음: {}", id(), conn.recv()?);
    Ok(())
}

fn worker2(conn: Duplex<String, String>) -> Result<()> {
    // ① 받은 다음에야 답하므로 이 줄이 먼저 출력됩니다.
    println!("Process ID: {} - Worker2 받음: {}", id(), conn.recv()?);
    conn.send("Worker2 입니다. 잘 가!")?; // ②
    Ok(())
}
