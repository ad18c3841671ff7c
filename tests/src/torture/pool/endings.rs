//! 사례 6: 작업이 여러 방법으로 스스로 끝납니다.

use std::fs::File;
use std::process::{abort, exit};

use anyhow::{Result, bail, ensure};
use nix::sys::signal::Signal;
use pool::{Cause, ItemError, Pool, PoolError};

use super::naive::{self, Misfortune};
use super::still_usable;
use crate::children::{OVERFLOWED, die_by, quiet_panic};
use crate::ensure_eq;
use crate::torture::{Case, Control, Round};
use crate::wait::{ONE_SECOND, timed};

/// 끝나는 방법과, 에러에 있어야 하는 말. 마지막 둘은 작업자가 살아남습니다.
const WAYS: [(u32, &str); 8] = [
    (0, "종료 코드 0"),
    (1, "종료 코드 3"),
    (2, "SIGABRT(6)"),
    (3, "SIGSEGV(11)"),
    (4, OVERFLOWED.as_str()),
    (5, "SIGTERM(15)"),
    (6, "일부러 패닉합니다: 6"),
    (7, "문자열이 아닌 값"),
];

pub fn each_way() -> Case {
    Case {
        number: 6,
        name: "pool_task_ends_in_each_way",
        promise: "작업이 어떻게 끝나든 그 항목만 이유를 아는 에러가 되고, 나머지 결과는 남습니다",
        short: 2 * WAYS.len() as u32,
        long: 20 * WAYS.len() as u32,
        round: end,
        control: Some(Control {
            name: "작업자의 죽음을 모르는 풀: 작업이 exit(0)을 부름",
            round: |_| naive::must_end(Misfortune::Exits),
        }),
    }
}

fn die(way: u32) -> u32 {
    match way {
        0 => exit(0),
        1 => exit(3),
        2 => abort(),
        3 => die_by(Signal::SIGSEGV),
        4 => quiet_overflow(),
        5 => die_by(Signal::SIGTERM),
        6 => quiet_panic(format!("일부러 패닉합니다: {way}")),
        7 => quiet_panic(42),
        _ => {}
    }
    way
}

/// 화면을 어지럽히지 않고 스택을 넘칩니다.
fn quiet_overflow() {
    let quiet = File::open("/dev/null").map(nix::unistd::dup2_stderr);
    if matches!(quiet, Ok(Ok(()))) {
        overflow(&[0; 1024]);
    }
}

/// 스택이 넘칠 때까지 자신을 호출합니다.
#[allow(unconditional_recursion, reason = "스택을 넘치게 하려는 것입니다")]
fn overflow(frame: &[u8; 1024]) {
    let mut next = [frame[0]; 1024];
    overflow(std::hint::black_box(&next));
    std::hint::black_box(&mut next);
}

fn end(round: &mut Round) -> Result<()> {
    let (way, named) = WAYS[round.number as usize % WAYS.len()];
    let chunk_size = round.random.usize(1..6);
    let place = round.random.usize(0..10);
    let pool = Pool::builder().workers(2).chunk_size(chunk_size).build()?;
    let items = (0..10).map(|n| if n == place { way } else { 100 + n as u32 });
    let (results, took) = timed(|| pool.try_map(die, items.clone()));
    ensure!(took < ONE_SECOND, "{named}: {took:?} 만에 반환되었습니다");
    for (n, result) in results?.into_iter().enumerate() {
        match result {
            Ok(value) if n != place => ensure_eq!(value, 100 + n as u32),
            Err(error) if n == place => expect_named(&error, place, way, named)?,
            other => bail!("{named}: {n}번째가 {other:?}입니다"),
        }
    }
    // map은 그 항목의 에러로 끝납니다.
    match pool.map(die, items) {
        Err(PoolError::Item(error)) => expect_named(&error, place, way, named)?,
        other => bail!("{named}: map이 다르게 끝났습니다: {other:?}"),
    }
    if way < 6 {
        round.landed();
    }
    still_usable(&pool)
}

fn expect_named(error: &ItemError, place: usize, way: u32, named: &str) -> Result<()> {
    ensure_eq!(error.index, place);
    let kind = match &error.cause {
        Cause::WorkerDied(_) => way < 6,
        Cause::Panicked(_) => way >= 6,
        Cause::Failed(_) => false,
    };
    ensure!(kind && error.cause.to_string().contains(named), "{named}: 다른 에러입니다: {error}");
    Ok(())
}
