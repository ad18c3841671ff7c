//! 프로세스의 상태를 `/proc`에서 봅니다.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::wait::{PATIENCE, until};

/// 프로세스의 상태 글자(`R` 실행, `S` 잠, `T` 멈춤, `Z` 좀비 …). 없으면 `None`입니다.
pub fn state(pid: u32) -> Result<Option<char>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        // 읽는 사이에 사라지면 ESRCH입니다.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // 이름에 괄호가 있을 수 있으므로 마지막 괄호 뒤를 봅니다.
    let (_, fields) = stat.rsplit_once(") ").context("/proc의 stat 형식이 다릅니다")?;
    Ok(fields.chars().next())
}

/// 아직 살아 있는지 봅니다. 좀비는 끝난 것으로 봅니다.
pub fn alive(pid: u32) -> Result<bool> {
    Ok(!matches!(state(pid)?, None | Some('Z' | 'X')))
}

/// 프로세스가 `wanted` 상태가 될 때까지 기다립니다.
pub fn wait_state(pid: u32, wanted: char) -> Result<()> {
    until(&format!("프로세스(PID {pid})가 {wanted} 상태가 되기"), PATIENCE, || {
        match state(pid)? {
            None | Some('Z') => bail!("프로세스(PID {pid})가 먼저 끝났습니다"),
            now => Ok(now == Some(wanted)),
        }
    })
}

/// `pids`가 모두 `limit` 안에 끝나는지 보고, 이 프로세스에 맡겨진 고아라면 회수합니다.
pub fn all_gone(pids: &[u32], limit: Duration) -> Result<()> {
    until(&format!("프로세스들(PID {pids:?})이 모두 끝나기"), limit, || {
        for &pid in pids {
            if alive(pid)? {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    for &pid in pids {
        adopt(pid);
    }
    Ok(())
}

/// 이 프로세스에 맡겨진 고아까지, 자식이 `limit` 안에 하나도 남지 않는지 봅니다.
pub fn nobody_left(limit: Duration) -> Result<()> {
    until("자식과 고아가 모두 끝나기", limit, || {
        // 좀비가 있으면 회수하고 다시 봅니다.
        Ok(waitpid(None, Some(WaitPidFlag::WNOHANG)) == Err(Errno::ECHILD))
    })
}

/// 고아였던 좀비를 회수합니다. 우리 자식이 아니면 아무 일도 없습니다.
fn adopt(pid: u32) {
    let pid = Pid::from_raw(pid as i32);
    // 부모가 죽은 바로 뒤에는 아직 넘어오지 않았을 수 있으므로 잠깐 더 봅니다.
    let _ = until("고아를 회수하기", Duration::from_secs(5), || {
        let still_there = kill(pid, None) != Err(Errno::ESRCH);
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
        Ok(!still_there)
    });
}

/// 이 프로세스에 열린 디스크립터의 수. 모자란 동안에는 `/proc`을 열 수도 없으므로 하나씩 물어봅니다.
pub fn open_count() -> u64 {
    let open = |fd: &i32| {
        // SAFETY: 묻기만 합니다. 닫힌 번호면 커널이 EBADF로 답합니다.
        let fd = unsafe { BorrowedFd::borrow_raw(*fd) };
        fcntl(fd, FcntlArg::F_GETFD).is_ok()
    };
    (0..256).filter(open).count() as u64
}

/// 프로세스의 자식들을 만들어진 순서대로 반환합니다.
pub fn children(pid: u32) -> Result<Vec<u32>> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    list.split_whitespace().map(|pid| pid.parse().context("PID가 아닙니다")).collect()
}

/// 프로세스가 `folder` 아래의 파일을 열거나 매핑해 두었으면 그 이름들입니다.
pub fn files_under(pid: u32, folder: &Path) -> Result<Vec<String>> {
    let folder = folder.to_str().context("경로가 UTF-8이 아닙니다")?;
    let mut names: Vec<String> = fs::read_to_string(format!("/proc/{pid}/maps"))?
        .lines()
        .filter_map(|line| line.split_once('/').map(|(_, path)| format!("/{path}")))
        .collect();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // 그 사이에 닫힌 것은 건너뜁니다.
        if let Ok(target) = fs::read_link(entry?.path()) {
            names.push(target.to_string_lossy().into_owned());
        }
    }
    names.retain(|name| name.starts_with(folder));
    Ok(names)
}

/// 이 프로세스의 주소 공간(바이트).
pub fn address_space() -> Result<u64> {
    own_status("VmSize:")
}

/// `/proc/self/status`의 크기 하나(바이트). `statm`은 페이지로 세는데, 페이지의 크기는 컴퓨터마다 다릅니다.
pub fn own_status(field: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix(field)?.strip_suffix(" kB"));
    Ok(size.with_context(|| format!("status에 {field} 줄이 없습니다"))?.trim().parse::<u64>()?
        * 1024)
}

/// 다른 프로세스에 시그널을 보냅니다.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    kill(Pid::from_raw(pid as i32), signal)
        .with_context(|| format!("PID {pid}에 {signal} 시그널을 보내지 못했습니다"))
}
