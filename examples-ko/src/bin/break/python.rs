//! 파이썬 쌍둥이를 실행하고, 끝나지 않으면 제한 시간 뒤에 그 자식들까지 모두 끝내고 회수합니다.

use std::env::var_os;
use std::fs::{read_dir, read_to_string};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ipc_core::build::ended;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use crate::stage::say;

/// 이 프로그램이 파이썬을 지켜보며 하는 말에 붙는 이름.
const WATCHER: &str = "지켜보는 쪽";
/// 파이썬이 시작해 죽이는 데까지 가는 시간. 바쁜 컴퓨터에서도 넉넉한 값입니다.
const PREPARATION: Duration = Duration::from_secs(30);
/// 버전을 알아내면서, 이 파이썬에 프로세스 사이의 락이 있는지도 봅니다.
const PROBE: &str =
    "import multiprocessing.synchronize, platform; print(platform.python_version())";
/// 환경 변수 `IPC_TIMELINE`이 있으면 쌍둥이의 앞에 붙입니다. 파이썬 쪽도 기록합니다.
const RECORD: &str = include_str!("record.py");
/// 파이썬을 백그라운드에서 실행하고 표준 입력의 EOF를 기다립니다. 표준 입력에 쓰는 쪽은 이 프로그램만 갖고 있으므로, 이
/// 프로그램이 Ctrl-C로든 어떻게든 사라지면 EOF가 와서 남은 파이썬 프로세스도 모두 끝냅니다. -I는 현재 폴더와 환경 변수의
/// 영향을 막습니다.
const GUARD: &str = r#"
    { python3 -I -X utf8 -c "$1" </dev/null 2>&1; echo "exit $?"; } &
    exec >/dev/null
    read -r _
    kill -s KILL 0"#;

/// 파이썬 쪽이 어떻게 되었는지.
#[derive(Clone, Copy)]
pub enum Ending {
    /// 쓸 수 있는 파이썬이 없습니다.
    Absent,
    /// 제한 시간이 지나도록 끝나지 않았습니다.
    Hung,
    /// 종료 코드를 남기고 끝났습니다.
    Exited(i32),
}

/// `source`를 실행하며 출력하는 줄을 그대로 보여 줍니다. `limit`은 죽인다는 줄이 나온 때부터 잽니다.
pub fn run(source: &str, limit: Duration) -> Result<Ending> {
    let Some(version) = version() else {
        println!("[파이썬]");
        say(WATCHER, "multiprocessing을 쓸 수 있는 python3가 없어 이쪽은 건너뜁니다.");
        return Ok(Ending::Absent);
    };
    let seconds = limit.as_secs_f64();
    println!("[파이썬 {version}, 제한 시간 {seconds}초]");

    let recording = var_os("IPC_TIMELINE").is_some_and(|file| !file.is_empty());
    let mut group =
        if recording { Group::start(&format!("{RECORD}{source}"))? } else { Group::start(source)? };
    let output = group.0.stdout.take().context("파이썬의 출력이 없습니다")?;
    let (sender, lines) = channel();
    spawn(move || BufReader::new(output).lines().try_for_each(|line| sender.send(line)));

    let (mut killed, mut deadline) = (false, Instant::now() + PREPARATION);
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let line = line?;
                if let Some(code) = line.strip_prefix("exit ") {
                    say(WATCHER, format!("파이썬 프로그램이 끝났습니다(종료 코드 {code})."));
                    return Ok(Ending::Exited(code.parse()?));
                }
                println!("{line}");
                if !killed && line.contains("SIGKILL") {
                    (killed, deadline) = (true, Instant::now() + limit);
                }
            }
            Err(RecvTimeoutError::Timeout) if killed => {
                group.members().for_each(ended);
                drop(group);
                let waited = format!("{seconds}초가 지나도 끝나지 않습니다.");
                say(WATCHER, format!("{waited} 파이썬 프로세스를 모두 끝냈습니다."));
                return Ok(Ending::Hung);
            }
            Err(_) => {
                bail!("파이썬이 시작하지 못했습니다. python3를 실행할 수 있는지 확인하십시오")
            }
        }
    }
}

fn version() -> Option<String> {
    let probe = Command::new("python3").args(["-I", "-c", PROBE]).stdin(Stdio::null()).output();
    let probe = probe.ok().filter(|probe| probe.status.success())?;
    Some(String::from_utf8_lossy(&probe.stdout).trim().to_owned())
}

/// 셸과 파이썬 프로세스들. 새 프로세스 그룹에 있고, 사라질 때 모두 끝내고 회수합니다.
struct Group(Child);

impl Group {
    fn start(source: &str) -> Result<Group> {
        // 부모를 잃은 파이썬의 자식이 이 프로그램에 맡겨져, 남김없이 회수할 수 있습니다.
        set_child_subreaper(true)?;
        let shell = Command::new("sh")
            .args(["-c", GUARD, "sh", source])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Ok(Group(shell.context("셸(sh)을 시작하지 못했습니다")?))
    }

    /// 그룹에 있는 프로세스들의 PID.
    fn members(&self) -> impl Iterator<Item = u32> {
        let group = self.0.id().to_string();
        let entries = read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(move |entry| {
            // 괄호에 든 이름 뒤로 상태, 부모, 그룹이 이어집니다.
            let stat = read_to_string(entry.path().join("stat")).ok()?;
            let here = stat.rsplit_once(") ")?.1.split(' ').nth(2)? == group;
            entry.file_name().to_str()?.parse().ok().filter(|_| here)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = Pid::from_raw(self.0.id() as i32);
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.0.wait();
        // 죽은 프로세스의 자식은 그때 이 프로그램의 자식이 됩니다. 그룹에 하나도 없을 때까지 회수합니다.
        while waitpid(Pid::from_raw(-group.as_raw()), None).is_ok() {}
    }
}
