//! 프로세스가 커널 안에서 *깊이* 잠들었는지 봅니다.
//!
//! 기다리는 쪽은 잠들기 전에 잠깐 깨어서 살펴보고, 처음에는 짧게(1ms) 잡니다. 상태가 `S`인 것만으로는 그 사이일 수 있으므로,
//! 그동안 한 번도 깨지 않았음(자발적 문맥 전환의 수가 그대로임)까지 봅니다.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::procfs::{own_status, state};
use crate::wait::{PATIENCE, until};

/// 이만큼 한 번도 깨지 않았으면 깊이 잠든 것으로 봅니다.
const SOUND: Duration = Duration::from_millis(25);

/// 스스로 커널에 들어가 쉰 횟수(주 스레드).
fn switches(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.context("voluntary_ctxt_switches가 없습니다")?.trim().parse().context("수가 아닙니다")
}

/// `pids`가 모두 함께 깊이 잠들 때까지 기다립니다.
pub fn all_asleep(pids: &[u32]) -> Result<()> {
    let look = || -> Result<Option<Vec<u64>>> {
        let mut counts = Vec::new();
        for &pid in pids {
            match state(pid)? {
                Some('S') => counts.push(switches(pid)?),
                None | Some('Z') => bail!("프로세스(PID {pid})가 먼저 끝났습니다"),
                _ => return Ok(None),
            }
        }
        Ok(Some(counts))
    };
    until(&format!("프로세스들(PID {pids:?})이 모두 깊이 잠들기"), PATIENCE, || {
        let Some(before) = look()? else { return Ok(false) };
        sleep(SOUND);
        Ok(look()?.is_some_and(|after| after == before))
    })
}

/// 이 프로세스의 상주 메모리(바이트).
pub fn resident() -> Result<u64> {
    own_status("VmRSS:")
}
