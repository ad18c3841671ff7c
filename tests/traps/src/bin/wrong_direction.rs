//! 기대: E0599
//! 줄: receiver.send(&"거꾸로".to_string())?;
//!
//! 파이썬에서 받는 쪽으로 보내면 실행해 보아야 `OSError: connection is read-only`가 됩니다.

use pipe::pipe;

fn main() -> anyhow::Result<()> {
    let (receiver, _sender) = pipe::<String>()?;
    receiver.send(&"거꾸로".to_string())?;
    Ok(())
}
