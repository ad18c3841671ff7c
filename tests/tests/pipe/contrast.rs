//! 같은 일을 ipc-channel 0.23으로 하면 멈추는 자리를 보여 줍니다.
//!
//! 받는 프로세스가 큰 메시지 도중에 죽으면 ipc-channel의 보내는 쪽은 영원히 기다립니다(이유는 `tests/src/foreign.rs`). 우리
//! 파이프가 `Err`를 받는 것은 `tests/src/torture/pipe/deaths.rs`에 있습니다.

use anyhow::Result;
use tests::ensure_eq;
use tests::foreign::sender_stays_stuck;

pub fn ipc_channel_sender_stays_stuck() -> Result<()> {
    ensure_eq!(sender_stays_stuck()?, true);
    Ok(())
}
