//! 끝나지 않을 수도 있는 프로그램을 실행하고, 멈춘 것이 분명할 때 끝냅니다.
//!
//! 시작한 때부터 시간을 재면, 바쁜 컴퓨터에서는 멈추는 데까지 가지도 못하고 끊깁니다. 여기서는 모든 스레드가 한 번도 깨지 않고
//! 함께 잠들어 있는 시간을 잽니다. 코어를 기다리는 스레드는 잠든 것이 아니므로, 컴퓨터가 바쁘면 그만큼 더 지켜봅니다.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// 잠들지도 끝나지도 않는 프로그램을 지켜보는 시간. 바쁜 컴퓨터에서도 넉넉한 값입니다.
const LIMIT: Duration = Duration::from_secs(300);

/// 프로그램이 어떻게 되었는지.
pub struct Outcome {
    pub printed: String,
    /// 스스로 끝났으면 종료 코드. 멈췄거나 시그널로 죽었으면 없습니다.
    pub code: Option<i32>,
    /// 멈춘 것이 분명해 끝냈습니다.
    pub hung: bool,
}

/// `command`를 실행해, 끝나거나 `quiet` 동안 모두 잠들어 있을 때까지 지켜봅니다. 남은 자식들도 끝냅니다.
pub fn watch(command: &mut Command, quiet: Duration) -> Result<Outcome> {
    let mut child = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().ok_or_else(|| anyhow!("표준 출력이 없습니다"))?;
    let reading = thread::spawn(move || {
        let mut printed = String::new();
        output.read_to_string(&mut printed).map(|_| printed)
    });
    let begun = Instant::now();
    let (mut seen, mut since) = (None, begun);
    let ended = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        let now = asleep(child.id())?;
        if now.is_none() || now != seen {
            (seen, since) = (now, Instant::now());
        }
        if since.elapsed() >= quiet || begun.elapsed() >= LIMIT {
            break None;
        }
        sleep(Duration::from_millis(50));
    };
    // 그룹에 아무도 남지 않았으면 실패하지만, 그러면 할 일도 없습니다.
    let _ = killpg(Pid::from_raw(child.id().try_into()?), Signal::SIGKILL);
    child.wait()?;
    let printed = reading.join().map_err(|_| anyhow!("읽는 스레드가 패닉했습니다"))??;
    let hung = ended.is_none() && since.elapsed() >= quiet;
    ensure!(ended.is_some() || hung, "{LIMIT:?} 동안 잠들지도 끝나지도 않았습니다\n{printed}");
    Ok(Outcome { printed, code: ended.and_then(|status| status.code()), hung })
}

/// 그룹의 스레드가 모두 잠들어 있으면, 스레드마다 지금까지 코어를 내놓은 횟수. 하나라도 깨어 있으면 `None`입니다.
fn asleep(group: u32) -> Result<Option<BTreeMap<String, u64>>> {
    let mut threads = BTreeMap::new();
    for process in fs::read_dir("/proc")?.flatten() {
        if group_of(&process.path().join("stat")) != Some(group) {
            continue;
        }
        // 읽는 사이에 끝나면 깨어 있던 것입니다.
        let Ok(tasks) = fs::read_dir(process.path().join("task")) else { return Ok(None) };
        for task in tasks.flatten() {
            let Ok(status) = fs::read_to_string(task.path().join("status")) else {
                return Ok(None);
            };
            let field = |name| status.lines().find_map(|line| line.strip_prefix(name));
            let state = field("State:\t").and_then(|state| state.chars().next());
            // 죽어서 회수되기를 기다리는 것(Z)도 더 하는 일이 없습니다.
            if !matches!(state, Some('S' | 'Z')) {
                return Ok(None);
            }
            let switches = ["voluntary_ctxt_switches:\t", "nonvoluntary_ctxt_switches:\t"]
                .iter()
                .filter_map(|name| field(name)?.parse::<u64>().ok())
                .sum();
            threads.insert(task.file_name().to_string_lossy().into_owned(), switches);
        }
    }
    Ok(Some(threads))
}

/// 프로세스가 속한 그룹. 그사이 사라졌으면 `None`입니다.
fn group_of(stat: &Path) -> Option<u32> {
    // 괄호에 든 이름 뒤로 상태, 부모, 그룹이 이어집니다. 이름에도 괄호가 있을 수 있습니다.
    let stat = fs::read_to_string(stat).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
}
