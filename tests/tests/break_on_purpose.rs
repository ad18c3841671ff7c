//! 일부러 부수기(`just break`): Rust는 알아차리고 계속하며, 파이썬은 제한 시간 뒤에 모두 끝나고, 아무것도 남지 않습니다.
//!
//! 실행: `cargo test -p tests --test break_on_purpose`

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tests::lesson::Lesson;
use tests::procfs::nobody_left;
use tests::wait::{ONE_SECOND, timed};
use tests::{ensure_eq, harness, trials};

const README: &str = include_str!("../../README.md");
const NAMES: [&str; 6] = ["pool", "process", "queue", "pipe", "lock", "semaphore"];
/// 죽인 뒤 파이썬을 기다릴 시간(초). 테스트에서는 짧게 줍니다.
const LIMIT: &str = "0.5";

fn main() -> ! {
    ipc_core::init();
    tests::lesson::build_for_children();
    harness::run(trials![
        pool_loses_one_item_only,
        process_death_is_an_error,
        queue_goes_on_for_the_other_consumer,
        pipe_ends_for_the_receiver,
        lock_is_repaired_by_the_next,
        semaphore_gets_its_places_back,
        names_and_limits_are_checked,
        python_may_be_missing,
        python_may_be_unable,
        python_dies_with_us,
    ])
}

fn program() -> Result<PathBuf> {
    Lesson::new("break").path()
}

fn run(args: &[&str], path: Option<&OsStr>) -> Result<Output> {
    let mut command = Command::new(program()?);
    command.args(args).stdin(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    Ok(command.output()?)
}

/// 잘 끝난 `break`가 찍은 것.
struct Shown {
    rust: Vec<(u32, String)>,
    python: Vec<(u32, String)>,
    summary: String,
    /// `python3`가 있어 정말 돌렸으면 참.
    python_ran: bool,
}

/// `break name`을 실행해, 출력을 Rust의 것과 파이썬의 것으로 나눕니다. 남은 프로세스가 없어야 합니다.
fn broken(name: &str, path: Option<&OsStr>) -> Result<Shown> {
    let output = run(&["--limit", LIMIT, name], path)?;
    nobody_left(Duration::ZERO)?;
    let (text, errors) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success() && errors.is_empty(), "{}\n{text}{errors}", output.status);
    let (_, rest) = text.split_once("\n[Rust]\n").context("Rust 쪽이 없습니다")?;
    let (rust, rest) = rest.split_once("\n[파이썬").context("파이썬 쪽이 없습니다")?;
    let (head, rest) = rest.split_once('\n').context("파이썬 쪽이 비었습니다")?;
    let (python, summary) = rest.split_once("\n정리: ").context("정리가 없습니다")?;
    ensure_eq!(summary.lines().count(), 1);
    let (rust, python) = (said(rust)?, said(python)?);
    let python_ran = head.ends_with(&format!(", 제한 시간 {LIMIT}초]"));
    Ok(Shown { rust, python, summary: summary.trim_end().to_owned(), python_ran })
}

/// 줄마다 누가 말했는지가 있어야 합니다.
fn said(text: &str) -> Result<Vec<(u32, String)>> {
    text.lines()
        .map(|line| {
            let (pid, said) = line
                .strip_prefix("Process ID: ")
                .and_then(|rest| rest.split_once(" - "))
                .filter(|(_, said)| said.contains(": "))
                .with_context(|| format!("누가 하는 말인지 없습니다: {line}"))?;
            Ok((pid.parse()?, said.to_owned()))
        })
        .collect()
}

fn has(lines: &[(u32, String)], part: &str) -> Result<()> {
    ensure!(
        lines.iter().any(|(_, text)| text.contains(part)),
        "출력에 없는 글: `{part}`\n{lines:#?}"
    );
    Ok(())
}

/// `SIGKILL`을 보냈다는 말에 적힌 PID들.
fn victims(lines: &[(u32, String)]) -> Vec<&str> {
    let sent = lines.iter().filter(|(_, text)| text.ends_with("에 SIGKILL을 보냅니다."));
    sent.filter_map(|(_, text)| text.split("PID ").nth(1)?.split(')').next()).collect()
}

/// Rust 쪽의 `Err`가 죽은 프로세스를 모두 PID와 시그널로 알립니다.
fn every_death_is_named(rust: &[(u32, String)], count: usize) -> Result<()> {
    let victims = victims(rust);
    ensure_eq!(victims.len(), count);
    for pid in victims {
        let named = |text: &str| {
            text.contains("Err: ")
                && text.contains(&format!("PID {pid}"))
                && text.contains("SIGKILL(9)")
        };
        ensure!(rust.iter().any(|(_, text)| named(text)), "PID {pid}의 죽음을 모릅니다: {rust:#?}");
    }
    Ok(())
}

/// 파이썬 쪽은 죽인 뒤 `last`에서 멈추어, 제한 시간 뒤에 강제로 종료되었습니다.
fn python_hung(shown: &Shown, last: &str, never: &str) -> Result<()> {
    if !shown.python_ran {
        return has(&shown.python, "건너뜁니다");
    }
    let [.., (_, before), (_, ended)] = &shown.python[..] else {
        bail!("파이썬 쪽이 짧습니다")
    };
    ensure!(before.contains(last), "`{last}`에서 멈추지 않았습니다: {:#?}", shown.python);
    ensure!(ended.contains(&format!("{LIMIT}초가 지나도 끝나지 않습니다")), "{ended}");
    ensure!(!shown.python.iter().any(|(_, text)| text.contains(never)), "{:#?}", shown.python);
    ensure!(shown.summary.contains("파이썬에서는"), "{}", shown.summary);
    Ok(())
}

fn pool_loses_one_item_only() -> Result<()> {
    let shown = broken("pool", None)?;
    every_death_is_named(&shown.rust, 1)?;
    has(&shown.rust, "받은 결과 9개: [0, 1, 4, 9, 16, 36, 49, 64, 81]")?;
    has(&shown.rust, "인덱스 5의 항목이 실패했습니다")?;
    has(&shown.rust, "작업자 4명: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]")?;
    python_hung(&shown, "SIGKILL", "결과:")
}

fn process_death_is_an_error() -> Result<()> {
    let shown = broken("process", None)?;
    every_death_is_named(&shown.rust, 1)?;
    if shown.python_ran {
        has(&shown.python, "None")?;
        has(&shown.python, "-9")?;
        has(&shown.python, "모든 프로세스 완료")?;
        has(&shown.python, "종료 코드 0")?;
        ensure!(shown.summary.contains("None을 반환하고"), "{}", shown.summary);
    }
    Ok(())
}

fn queue_goes_on_for_the_other_consumer() -> Result<()> {
    let shown = broken("queue", None)?;
    every_death_is_named(&shown.rust, 1)?;
    has(&shown.rust, "소비자 B: 아이템 2, 꺼냄")?;
    has(&shown.rust, "소비자 B: 아이템 3, 꺼냄")?;
    python_hung(&shown, "소비자 B: get()을 호출합니다", "소비자 B: 아이템")
}

fn pipe_ends_for_the_receiver() -> Result<()> {
    let shown = broken("pipe", None)?;
    every_death_is_named(&shown.rust, 1)?;
    has(&shown.rust, "수신자: 메시지 받음: 안녕")?;
    has(&shown.rust, "수신자: recv()의 Err: 상대 쪽이 닫혔습니다")?;
    python_hung(&shown, "수신자를 기다립니다", "EOFError")
}

fn lock_is_repaired_by_the_next() -> Result<()> {
    let shown = broken("lock", None)?;
    every_death_is_named(&shown.rust, 1)?;
    has(&shown.rust, "다음 차례: acquire()의 Err: 락을 쥔 프로세스(PID ")?;
    has(&shown.rust, "다음 차례: recover()로 넘겨받은 값은 [70, 0]입니다.")?;
    has(&shown.rust, "부모: 나도 락을 획득했습니다. 값은 [70, 30]입니다.")?;
    // README의 첫 화면에 실린 두 줄입니다. 거기서는 제한 시간이 기본값(5초)입니다.
    let readme = |start| README.lines().find_map(|line| line.strip_prefix(start));
    has(&shown.rust, readme("[Rust]").context("README의 Rust 줄")?.trim())?;
    if shown.python_ran {
        let line = readme("[파이썬]").context("README의 파이썬 줄")?.trim();
        has(&shown.python, &line.replace("5초가", &format!("{LIMIT}초가")))?;
    }
    python_hung(&shown, "다음 차례를 기다립니다", "락을 획득했습니다")
}

fn semaphore_gets_its_places_back() -> Result<()> {
    let shown = broken("semaphore", None)?;
    every_death_is_named(&shown.rust, 2)?;
    has(&shown.rust, "Worker 3: 들어갔습니다. 프로세스(PID ")?;
    has(&shown.rust, "두 자리를 한꺼번에 얻을 수 있습니다")?;
    python_hung(&shown, "Worker 3을 기다립니다", "Worker 3: 들어갔습니다")
}

fn names_and_limits_are_checked() -> Result<()> {
    let wrong: [&[&str]; 8] = [
        &[],
        &[""],
        &["mutex"],
        &["lock", "pipe"],
        &["lock", "--limit", "0"],
        &["lock", "--limit", "빨리"],
        &["lock", "--limit"],
        &["lock", "--no-such-flag"],
    ];
    for args in wrong {
        let output = run(args, None)?;
        let errors = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(2) && output.stdout.is_empty(), "{args:?}: {errors}");
        for name in NAMES {
            ensure!(errors.contains(name) && errors.contains("이름"), "{args:?}: {errors}");
        }
    }
    let help = run(&["--help"], None)?;
    ensure!(help.status.success() && help.stderr.is_empty());
    ensure!(String::from_utf8(help.stdout)?.contains("사용법: break [--limit 초] 이름"));
    Ok(())
}

fn python_may_be_missing() -> Result<()> {
    let empty = TempDir::new()?;
    for name in NAMES {
        let shown = broken(name, Some(empty.path().as_os_str()))?;
        ensure!(!shown.python_ran && shown.python.len() == 1, "{name}: {:?}", shown.python);
        has(&shown.python, "python3가 없어")?;
        ensure!(shown.summary.ends_with("파이썬 쪽은 해 보지 못했습니다."), "{}", shown.summary);
    }
    Ok(())
}

/// 이름만 python3인 것, 도중에 실패하는 것. 멈추었다고 알리지 않습니다.
fn python_may_be_unable() -> Result<()> {
    for (body, expected) in [
        ("exit 127", "해 보지 못했습니다"),
        ("case $2 in -c) echo 3.0;; *) exit 3;; esac", "뜻밖의 모습으로"),
    ] {
        let folder = TempDir::new()?;
        let path = folder.path().join("python3");
        // 테스트가 쓰던 파일을 다른 자식이 열어 두면 실행이 거절되기도 하므로, 다른 프로세스가 씁니다.
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod +x "$1""#;
        let written = Command::new("sh").args(["-c", write, "sh"]).arg(&path).arg(body).status()?;
        ensure!(written.success());
        let paths = [folder.path().to_owned(), "/bin".into(), "/usr/bin".into()];
        let shown = broken("lock", Some(&std::env::join_paths(paths)?))?;
        ensure!(shown.summary.contains(expected), "{}", shown.summary);
    }
    Ok(())
}

/// 파이썬이 멈추어 있을 때 Ctrl-C를 누르거나 `break`가 죽어도, 1초 안에 파이썬까지 모두 끝납니다.
fn python_dies_with_us() -> Result<()> {
    if !broken("process", None)?.python_ran {
        return Ok(());
    }
    for name in NAMES.into_iter().filter(|name| *name != "process") {
        for signal in [Signal::SIGINT, Signal::SIGKILL] {
            let mut child = hanging(name)?;
            let pid = Pid::from_raw(child.id() as i32);
            match signal {
                Signal::SIGINT => killpg(pid, signal)?,
                _ => kill(pid, signal)?,
            }
            let (status, took) = timed(|| child.wait());
            ensure_eq!(status?.signal(), Some(signal as i32));
            ensure!(took < ONE_SECOND, "{name}: {took:?}");
            nobody_left(ONE_SECOND)?;
        }
    }
    Ok(())
}

/// 파이썬 쪽에서 죽인 뒤 오래 기다리고 있는 `break name`. 자기 프로세스 그룹에 있습니다.
fn hanging(name: &str) -> Result<Child> {
    let mut child = Command::new(program()?)
        .args([name, "--limit", "600"])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(child.stdout.take().context("표준 출력이 없습니다")?);
    let mut lines = output
        .lines()
        .skip_while(|line| line.as_ref().is_ok_and(|line| !line.starts_with("[파이썬")));
    ensure!(lines.any(|line| line.is_ok_and(|line| line.contains("SIGKILL"))), "{name}");
    Ok(child)
}
