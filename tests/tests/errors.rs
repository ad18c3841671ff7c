//! README의 "막혔을 때": 표의 행마다 그 일을 정말로 일으켜, 보이는 말이 표에 적힌 것이고 할 일을 알려 주는지 봅니다.
//!
//! 실행: `cargo test -p tests --test errors`

#[path = "errors/building.rs"]
mod building;
#[path = "errors/dying.rs"]
mod dying;
#[path = "errors/limits.rs"]
mod limits;
#[path = "errors/starting.rs"]
mod starting;
#[path = "errors/using.rs"]
mod using;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

const README: &str = include_str!("../../README.md");

/// 표에 적힌 보이는 것, 그 말이 스스로 알려 주는 할 일, 그 일을 일으켜 보인 말들을 모으는 함수.
type Row = (&'static str, &'static str, fn() -> Result<Vec<String>>);

/// 우리가 하는 말이 아니어서, 할 일을 README만 알려 줍니다.
const NO_ADVICE: &str = "";

const ROWS: [Row; 21] = [
    ("linker `cc` not found", NO_ADVICE, building::without_linker),
    ("requires rustc 1.86", NO_ADVICE, building::with_old_rust),
    ("이 프로젝트는 리눅스 x86-64(glibc)에서 동작합니다", "WSL2", building::for_other_systems),
    ("ipc_core::init()을 먼저 불러야 합니다", "첫 줄에", starting::without_init),
    ("같은 줄이 프로세스마다 찍힙니다", NO_ADVICE, starting::line_before_init),
    ("바깥 변수를 붙잡은 클로저나 함수 포인터는", "인수로 건네십시오", building::capturing_closure),
    ("공유 메모리에 둘 수 없습니다", "큐나 파이프로", building::pointer_in_shared_memory),
    ("값을 돌려주지 않고 끝났습니다", "exit을 부르지 않았는지", dying::task_exits),
    ("시그널로 죽었습니다", "dmesg", dying::process_killed),
    ("작업자가 죽었습니다", "retries", dying::worker_killed),
    ("Resource temporarily unavailable", "ulimit -u", limits::processes),
    ("Too many open files", "ulimit -n", limits::descriptors),
    ("Cannot allocate memory", "남은 메모리", limits::memory),
    ("파일 크기의 한도", "ulimit -f", limits::file_size),
    ("Permission denied", "다시 빌드해", starting::permission_taken_away),
    ("상대 쪽 끝이 닫혔습니다", "join으로 확인하십시오", dying::peer_gone),
    ("값을 확인해 고친 뒤 repair()로 이어 쓰십시오", "repair()", dying::owner_killed),
    ("이 스레드가 이미 쥐고 있습니다", "먼저 놓으십시오", using::lock_held_twice),
    ("큐에 들어갈 수 없습니다", "Queue::with_capacity", using::item_too_large),
    ("initializer를 확인하십시오", "initializer를 확인하십시오", dying::initializer_fails),
    ("제한 시간", "더 기다리", using::time_passes),
];

fn main() -> ! {
    ipc_core::init();
    // 표에만 있는 행도, 여기에만 있는 행도 시험이 되어 실패합니다.
    let rows: BTreeSet<&str> = in_readme().chain(ROWS.iter().map(|row| row.0)).collect();
    tests::harness::run(rows.into_iter().map(|seen| (seen, move || happens(seen))))
}

/// README의 표에 적힌 보이는 것들.
fn in_readme() -> impl Iterator<Item = &'static str> {
    let section = README.split("## ").find(|section| section.starts_with("막혔을 때\n"));
    let rows = section.unwrap_or_default().lines().filter(|line| line.starts_with('|')).skip(2);
    rows.filter_map(|row| row.split(" | ").next()).map(|cell| cell.trim_matches(['|', ' ', '`']))
}

fn happens(seen: &str) -> Result<()> {
    ensure!(in_readme().any(|row| row == seen), "README의 표에 없습니다");
    let row = ROWS.iter().find(|row| row.0 == seen);
    let (_, advice, cause) = row.context("이 일을 일으키는 시험이 없습니다")?;
    for text in cause()? {
        ensure!(text.contains(seen), "다른 말이 보입니다: {text}");
        ensure!(text.contains(advice), "할 일({advice})을 알려 주지 않습니다: {text}");
    }
    Ok(())
}

/// 실패해야 하는 일의 에러가 하는 말.
fn said<T, E: Display>(outcome: Result<T, E>) -> Result<String> {
    match outcome {
        Err(error) => Ok(error.to_string()),
        Ok(_) => bail!("에러가 나야 하는데 되었습니다"),
    }
}

/// 실패해야 하는 명령이 표준 에러에 하는 말.
fn complained(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(!output.status.success(), "실패해야 하는데 되었습니다: {command:?}");
    Ok(String::from_utf8(output.stderr)?)
}
