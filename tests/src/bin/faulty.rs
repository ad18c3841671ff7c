//! 일부러 잘못 적은 프로그램입니다. `tests/tests/errors.rs`가 실행해, 무엇이 보이는지 봅니다.

use std::env::args;
use std::io::stdin;
use std::process::exit;

use ipc_core::Process;
use pool::Pool;
use tests::children::sleep_forever;
use tokio::runtime::{Builder, Runtime};

fn main() -> anyhow::Result<()> {
    println!("시작합니다"); // `init()`보다 앞에 있어 자식에서도 실행됩니다.
    let mistake = args().nth(1).unwrap_or_default();
    // 자식의 표준 입력은 비어 있으므로, 자식은 여기서 끝납니다.
    if mistake.starts_with("--reads-first") && line()?.is_empty() {
        exit(3);
    }
    if mistake == "--in-runtime" {
        return in_runtime();
    }
    if mistake != "--without-init" {
        ipc_core::init();
    }
    match mistake.as_str() {
        "--reads-first" => Process::spawn(|| (), ())?.join()?,
        "--reads-first-with-pool" => Pool::new(2)?.map(|_: u32| (), 0..4).map(drop)?,
        "--not-joined" => drop(Process::spawn(sleep_forever, ())?),
        _ => {
            // 줄이 오거나 입력이 닫힐 때까지 기다립니다. 그사이에 테스트가 실행 파일을 건드립니다.
            line()?;
            Process::spawn(|| (), ())?.join()?;
        }
    }
    Ok(())
}

fn line() -> std::io::Result<String> {
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line)
}

/// `#[tokio::main]`이 하는 일입니다. 자식도 이 실행기 안에서 `init()`에 이르며, 거기서는 실행기를 또 실행하지 못합니다.
fn in_runtime() -> anyhow::Result<()> {
    runtime().block_on(async {
        ipc_core::init();
        Ok(Process::spawn(|| runtime().block_on(async {}), ())?.join()?)
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("실행기를 만들지 못했습니다")
}
