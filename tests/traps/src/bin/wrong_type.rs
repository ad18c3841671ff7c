//! 기대: 값을 보내는 자리에
//! 줄: sender.send(&42)?;
//!
//! 파이썬의 파이프에는 무엇이든 넣을 수 있어서, 받는 쪽이 기다린 것과 다른 값이 와도 쓰기 전에는 모릅니다.

use pipe::pipe;

fn main() -> anyhow::Result<()> {
    let (_receiver, sender) = pipe::<String>()?;
    sender.send(&42)?;
    Ok(())
}
