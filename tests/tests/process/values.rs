//! 값이 자식에게 갔다가 돌아옵니다.

use std::env::{args_os, var_os};
use std::ffi::OsString;
use std::io::Read;
use std::process::id;
use std::thread::{JoinHandle, spawn};

use anyhow::{Context, Result};
use ipc_core::Process;
use serde::{Deserialize, Serialize};
use tests::{ensure_eq, ensure_matches};

const MEBIBYTE: usize = 1024 * 1024;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
    name: String,
    tags: Vec<Option<u8>>,
}

fn nothing() {}

fn negative() -> i64 {
    i64::MIN
}

fn point(x: f64, name: String) -> Point {
    Point { x, y: -x, name, tags: vec![Some(1), None] }
}

pub fn come_back_from_join() -> Result<()> {
    Process::spawn(nothing, ())?.join()?;
    ensure_eq!(Process::spawn(negative, ())?.join()?, i64::MIN);
    let wanted = point(0.5, "점".into());
    ensure_eq!(Process::spawn(point, (0.5, "점".to_string()))?.join()?, wanted);
    Ok(())
}

pub fn large_value_comes_back() -> Result<()> {
    let process = Process::spawn(|size: usize| vec![7u8; size], (MEBIBYTE,))?;
    let value = process.join()?;
    ensure_eq!(value.len(), MEBIBYTE);
    ensure_eq!(value.iter().all(|byte| *byte == 7), true);
    // 큰 인수도 온전히 건너갑니다.
    let sum = Process::spawn(|bytes: Vec<u8>| bytes.len(), (value,))?.join()?;
    ensure_eq!(sum, MEBIBYTE);
    Ok(())
}

fn halve(number: u32) -> Result<u32> {
    anyhow::ensure!(number & 1 == 0, "홀수입니다: {number}");
    Ok(number / 2)
}

/// `anyhow::Result`는 풀려서 오고, 다른 `Result`는 값 그대로 옵니다.
pub fn results_come_back() -> Result<()> {
    ensure_eq!(Process::spawn(halve, (10,))?.join()?, 5);
    ensure_matches!(
        Process::spawn(halve, (3,))?.join(),
        Err(ipc_core::ProcessError::Failed { message, .. }) if message == "홀수입니다: 3"
    );
    let plain = Process::spawn(|| -> Result<u8, String> { Err("값인 실패".into()) }, ())?.join()?;
    ensure_eq!(plain, Err("값인 실패".to_string()));
    Ok(())
}

pub fn zero_to_six_arguments() -> Result<()> {
    ensure_eq!(Process::spawn(|| 0, ())?.join()?, 0);
    ensure_eq!(Process::spawn(|a: u32| a, (1,))?.join()?, 1);
    ensure_eq!(Process::spawn(|a: u32| a, 1)?.join()?, 1);
    ensure_eq!(Process::spawn(|a: u32, b: u32| a + b, (1, 2))?.join()?, 3);
    ensure_eq!(
        Process::spawn(
            |a: u8, b: String, c: char| format!("{a}{b}{c}"),
            (1, "나".to_string(), '다')
        )?
        .join()?,
        "1나다"
    );
    ensure_eq!(
        Process::spawn(|a: u32, b: u32, c: u32, d: u32| a + b + c + d, (1, 2, 3, 4))?.join()?,
        10
    );
    ensure_eq!(
        Process::spawn(
            |a: u32, b: u32, c: u32, d: u32, e: u32| a + b + c + d + e,
            (1, 2, 3, 4, 5)
        )?
        .join()?,
        15
    );
    let six = |a: u32, b: u32, c: u32, d: u32, e: u32, f: u32| [a, b, c, d, e, f];
    ensure_eq!(Process::spawn(six, (1, 2, 3, 4, 5, 6))?.join()?, [1, 2, 3, 4, 5, 6]);
    Ok(())
}

/// 같은 타입의 클로저가 여럿이어도 섞이지 않습니다.
pub fn closures_that_capture_nothing() -> Result<()> {
    let double = Process::spawn(|n: u64| n * 2, (21,))?;
    let square = Process::spawn(|n: u64| n * n, (21,))?;
    ensure_eq!(double.join()?, 42);
    ensure_eq!(square.join()?, 441);
    Ok(())
}

fn family(depth: u32) -> Result<Vec<u32>> {
    let mut pids = vec![id()];
    if depth > 0 {
        pids.extend(Process::spawn(family, (depth - 1,))?.join()?);
    }
    Ok(pids)
}

pub fn child_spawns_grandchild() -> Result<()> {
    let mut pids = Process::spawn(family, (3,))?.join()?;
    pids.push(id());
    pids.sort_unstable();
    pids.dedup();
    ensure_eq!(pids.len(), 5);
    Ok(())
}

pub fn spawn_from_many_threads() -> Result<()> {
    let add_five = |base: u32| -> Result<u32> {
        (0..5)
            .try_fold(base, |sum, n| Ok(Process::spawn(|a: u32, b: u32| a + b, (sum, n))?.join()?))
    };
    let threads: Vec<JoinHandle<Result<u32>>> =
        (0..8).map(|base| spawn(move || add_five(base))).collect();
    for (base, thread) in (0u32..).zip(threads) {
        ensure_eq!(thread.join().ok().context("스레드가 패닉했습니다")??, base + 10);
    }
    Ok(())
}

fn read_stdin() -> Result<(Vec<u8>, String)> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok((bytes, std::fs::read_link("/proc/self/fd/0")?.to_string_lossy().into_owned()))
}

pub fn stdin_is_empty() -> Result<()> {
    ensure_eq!(Process::spawn(read_stdin, ())?.join()?, (vec![], "/dev/null".to_string()));
    Ok(())
}

/// 자식의 명령행 인수는 부모와 같습니다. 자식이라는 표시는 환경 변수에 있고, 부모의 환경에는 없습니다.
pub fn same_command_line() -> Result<()> {
    let look = || (args_os().collect::<Vec<_>>(), var_os("IPC_CORE_CHILD").is_some());
    ensure_eq!(Process::spawn(look, ())?.join()?, (args_os().collect::<Vec<_>>(), true));
    ensure_eq!(var_os("IPC_CORE_CHILD"), None);
    // 손자도 그렇습니다.
    let grandchild = || -> Result<Vec<OsString>> {
        Ok(Process::spawn(|| args_os().collect::<Vec<_>>(), ())?.join()?)
    };
    ensure_eq!(Process::spawn(grandchild, ())?.join()?, args_os().collect::<Vec<_>>());
    Ok(())
}

fn run_the_same_program() -> Result<String> {
    let output = std::process::Command::new("/proc/self/exe").arg("--list").output()?;
    Ok(String::from_utf8(output.stdout)?)
}

/// 작업이 같은 프로그램을 평범하게 실행하면 자식이 아니라 평범한 프로그램입니다. 표시를 물려받아도 그렇습니다.
pub fn mark_is_not_taken_by_other_programs() -> Result<()> {
    let listed = Process::spawn(run_the_same_program, ())?.join()?;
    ensure_eq!(listed.contains("values::stdin_is_empty"), true);
    Ok(())
}
