//! 예제 프로그램을 도중에 죽이고, 남는 것이 없는지 봅니다.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use nix::sys::signal::Signal;

use crate::lesson::{Finished, Lesson, Running};
use crate::procfs::{children, files_under, nobody_left, signal};
use crate::wait::ONE_SECOND;

/// 짧은 예제는 죽이기 전에 끝날 수 있습니다. 일하는 도중에 닿을 때까지 이만큼 다시 해 봅니다.
const TRIES: usize = 20;

/// `moment`로 끝나는 줄이 나온 뒤 `main`을 `SIGKILL`로 죽입니다. 자식들은 1초 안에 모두 끝나야 합니다.
pub fn main_killed(lesson: Lesson, moment: &str) -> Result<()> {
    interrupt(lesson, moment, Signal::SIGKILL, |running| signal(running.main(), Signal::SIGKILL))
}

/// `moment`로 끝나는 줄이 나온 뒤 프로세스 그룹에 `SIGINT`를 보냅니다(Ctrl-C). 모두 1초 안에 끝나야 합니다.
pub fn group_interrupted(lesson: Lesson, moment: &str) -> Result<()> {
    interrupt(lesson, moment, Signal::SIGINT, |running| running.signal_group(Signal::SIGINT))
}

fn interrupt(
    lesson: Lesson,
    moment: &str,
    expected: Signal,
    strike: fn(&Running) -> Result<()>,
) -> Result<()> {
    for _ in 0..TRIES {
        let mut running = lesson.start()?;
        working(&mut running, moment)?;
        strike(&running)?;
        let finished = running.finish_within(ONE_SECOND)?;
        nobody_left(ONE_SECOND)?;
        if finished.status.signal() == Some(expected as i32) {
            return Ok(());
        }
        ensure!(
            finished.status.success(),
            "기대한 것은 {expected}인데 다르게 끝났습니다: {finished:?}"
        );
    }
    bail!("{TRIES}번을 해 보아도 일하는 도중에 죽이지 못했습니다")
}

/// `moment`로 끝나는 줄이 나올 때까지 기다려 자식들의 PID를 반환합니다. 이름 있는 파일을 쥔 프로세스는 없어야 합니다.
fn working(running: &mut Running, moment: &str) -> Result<Vec<u32>> {
    running.wait_line(|line| line.text.ends_with(moment))?;
    let pids = children(running.main())?;
    for &pid in pids.iter().chain([&running.main()]) {
        for folder in [Path::new("/dev/shm"), running.temporary()] {
            // 그 사이에 끝난 프로세스는 볼 수 없고, 쥔 것도 없습니다.
            let held = files_under(pid, folder).unwrap_or_default();
            ensure!(
                held.is_empty(),
                "프로세스(PID {pid})가 이름 있는 파일을 갖고 있습니다: {held:?}"
            );
        }
    }
    Ok(pids)
}

/// `moment`로 끝나는 줄이 나온 뒤, 맨 먼저 시작한 자식을 죽입니다.
///
/// `main`은 1로 끝나며, 어느 프로세스가 어느 시그널로 죽었는지 한국어로 알려야 합니다.
pub fn first_child_killed(lesson: Lesson, moment: &str) -> Result<Finished> {
    for _ in 0..TRIES {
        let mut running = lesson.start()?;
        let pids = working(&mut running, moment)?;
        let Some(&victim) = pids.first() else {
            running.finish()?;
            continue;
        };
        signal(victim, Signal::SIGKILL)?;
        let finished = running.finish()?;
        nobody_left(ONE_SECOND)?;
        if !finished.status.success() {
            expect_named(&finished, victim)?;
            return Ok(finished);
        }
    }
    bail!("{TRIES}번을 해 보아도 일하는 도중에 죽이지 못했습니다")
}

fn expect_named(finished: &Finished, victim: u32) -> Result<()> {
    let errors = &finished.errors;
    ensure!(finished.status.code() == Some(1), "종료 코드가 1이 아닙니다: {}", finished.status);
    for wanted in [&format!("PID {victim}"), "SIGKILL(9)", "죽었습니다"] {
        ensure!(errors.contains(wanted), "표준 에러에 없는 글: `{wanted}`\n{errors}");
    }
    Ok(())
}
