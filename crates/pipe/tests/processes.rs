//! 파이프를 실제 프로세스들로 확인합니다. `cargo test`가 실행하며, 예제를 복사하면 함께 복사됩니다.

use ipc_core::Process;
use pipe::{ChannelError, Duplex, Sender, duplex, pipe};

ipc_core::test_support!();

#[test]
fn messages_arrive_in_order_and_then_end() -> anyhow::Result<()> {
    let (receiver, sender) = pipe()?;
    let send_all = |sender: Sender<String>| -> Result<(), ChannelError> {
        sender.send("안녕")?;
        sender.send("파이프")
    };
    let child = Process::spawn(send_all, sender)?;
    // 보내는 쪽이 자식으로 옮겨 갔으므로, 자식이 끝나면 반복도 끝납니다.
    let received = receiver.iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(received, ["안녕", "파이프"]);
    Ok(child.join()?)
}

#[test]
fn a_peer_that_dies_is_an_end() -> anyhow::Result<()> {
    let (left, right) = duplex::<u32, u32>()?;
    let answer_once_and_die = |conn: Duplex<u32, u32>| {
        let asked = conn.recv().unwrap();
        if conn.send(&(asked + 1)).is_ok() {
            std::process::abort();
        }
    };
    let child = Process::spawn(answer_once_and_die, right)?;
    left.send(&1)?;
    assert_eq!(left.recv()?, 2);
    assert!(matches!(left.recv(), Err(ChannelError::Disconnected)));
    assert!(child.join().is_err());
    Ok(())
}
