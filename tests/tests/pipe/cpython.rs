//! CPython의 테스트에 있는 것 가운데, 다른 파일에 없던 것들.

use std::fs::File;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use ipc_core::Process;
use pipe::{Receiver, Sender, pipe};
use tests::ensure_eq;
use tests::wait::PATIENCE;

const TENTH: Duration = Duration::from_millis(100);

/// 빈 값도 메시지 하나입니다. 살펴보기만 해서는 사라지지 않습니다.
pub fn empty_value_is_a_message() -> Result<()> {
    let (inbox, outbox) = pipe::<String>()?;
    ensure_eq!(inbox.poll(Duration::ZERO)?, false);
    outbox.send(&String::new())?;
    ensure_eq!((inbox.poll(Duration::ZERO)?, inbox.poll(TENTH)?), (true, true));
    ensure_eq!(inbox.recv()?, "");
    ensure_eq!(inbox.poll(Duration::ZERO)?, false);
    Ok(())
}

fn send_slowly(outbox: Sender<String>, texts: Vec<String>) -> Result<()> {
    for text in texts {
        sleep(Duration::from_millis(20));
        outbox.send(&text)?;
    }
    Ok(())
}

pub fn polling_receives_every_string() -> Result<()> {
    let texts = ["hello", "", "a", "b", "", "bye", "", "lop"].map(str::to_owned);
    let (inbox, outbox) = pipe()?;
    let sender = Process::spawn(send_slowly, (outbox, texts.to_vec()))?;
    for text in texts {
        while !inbox.poll(Duration::from_millis(10))? {}
        ensure_eq!(inbox.recv()?, text);
    }
    Ok(sender.join()?)
}

/// 이어서 보낸 메시지들이 하나로 뭉치지 않습니다.
pub fn messages_do_not_merge() -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let send_three = |outbox: Sender<String>| -> Result<()> {
        ["a", "b", "cd"].iter().try_for_each(|text| Ok(outbox.send(&text.to_string())?))
    };
    Process::spawn(send_three, (outbox,))?.join()?;
    for text in ["a", "b", "cd"] {
        ensure_eq!((inbox.poll(PATIENCE)?, inbox.poll(PATIENCE)?), (true, true));
        ensure_eq!(inbox.recv()?, text);
    }
    Ok(())
}

fn echo(inbox: Receiver<Receiver<String>>) -> Result<String> {
    Ok(inbox.recv()?.recv()?)
}

/// 디스크립터의 번호가 256이 넘는 끝도 건너갑니다.
pub fn end_with_a_large_number() -> Result<()> {
    let (ends, outbox) = pipe()?;
    let child = Process::spawn(echo, (ends,))?;
    let below = (0..256).map(|_| File::open("/dev/null")).collect::<Result<Vec<_>, _>>()?;
    let (inbox, text) = pipe()?;
    drop(below);
    outbox.send(&inbox)?;
    drop(inbox);
    text.send(&"bar".to_string())?;
    ensure_eq!(child.join()?, "bar");
    Ok(())
}
