//! `tests/tests/field.rs`가 실행하는 작은 프로그램. 첫 인수가 할 일입니다.

use std::env::args;
use std::io::stdin;

use anyhow::{Result, bail, ensure};
use ipc_core::Process;
use pool::Pool;

fn seen_arguments() -> Vec<String> {
    args().collect()
}

fn seen_in_worker(_item: u32) -> Vec<String> {
    args().collect()
}

fn print_without_newline(text: String) {
    print!("{text}");
}

fn main() -> Result<()> {
    let mode = args().nth(1).unwrap_or_default();
    if mode == "stdin" {
        // `init()`보다 앞이라 자식에서도 실행됩니다. 자식의 표준 입력은 비어 있어 곧바로 끝납니다.
        let mut line = String::new();
        stdin().read_line(&mut line)?;
        print!("[{}]", line.trim_end());
    }
    ipc_core::init();
    match mode.as_str() {
        "stdin" => {
            Process::spawn(|| (), ())?.join()?;
            Pool::new(2)?.join();
        }
        "arguments" => {
            let ours: Vec<String> = args().collect();
            ensure!(Process::spawn(seen_arguments, ())?.join()? == ours, "자식의 인수가 다릅니다");
            let pool = Pool::new(2)?;
            ensure!(pool.map(seen_in_worker, 0..4)?.iter().all(|seen| *seen == ours));
        }
        "unflushed" => {
            let pool = Pool::new(1)?;
            pool.apply(print_without_newline, ("줄 바꿈 없는 글".to_owned(),))?;
            drop(pool);
        }
        "unflushed-async" => {
            let pool = Pool::new(1)?;
            let result = pool.apply_async(print_without_newline, ("하나 ".to_owned(),))?;
            drop(pool.apply_async(print_without_newline, ("둘".to_owned(),))?);
            result.get()?;
            pool.join();
        }
        other => bail!("모르는 일입니다: {other}"),
    }
    Ok(())
}
