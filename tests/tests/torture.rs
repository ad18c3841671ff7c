//! 스트레스 테스트의 짧은 되풀이. 긴 되풀이는 `just torture`입니다.
//!
//! 실행: `cargo test -p tests --test torture`

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use ipc_core::Process;
use tests::torture::{Case, cases, short};

/// 한도에 닿는 사례. 루트로도, 일반 사용자로도 실행합니다.
const LIMITS: &str = "shortage";
/// 아무 권한도 없는 사용자의 번호.
const NOBODY: u32 = 65534;

type Test = Box<dyn FnOnce() -> Result<()> + Send>;

fn main() {
    ipc_core::init();
    let mut trials: Vec<(&'static str, Test)> = Vec::new();
    for case in cases() {
        trials.push((case.name, Box::new(move || short(&case))));
    }
    trials.push(("shortage_for_an_ordinary_user", Box::new(limits_for_an_ordinary_user)));
    tests::harness::run(trials);
}

/// 루트에게는 프로세스의 수에도, 보냈지만 읽지 않은 디스크립터의 수에도 한도가 없습니다. 그래서 루트가 아닌 사용자로 한 번 더 실행합니다.
fn limits_for_an_ordinary_user() -> Result<()> {
    // 이 프로그램의 임시 폴더는 루트의 것입니다.
    set_permissions(std::env::temp_dir(), Permissions::from_mode(0o777))?;
    Ok(Process::spawn(limits_as_nobody, ())?.join()?)
}

fn limits_as_nobody() -> Result<()> {
    tests::children::leave_root(NOBODY)?;
    let case = cases().into_iter().find(|case: &Case| case.name == LIMITS);
    short(&case.context("한도의 사례가 없습니다")?)
}
