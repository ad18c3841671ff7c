//! 테스트를 저마다의 프로세스에서 실행하는 틀입니다.
//!
//! 자식 프로세스는 테스트 프로그램 자신을 다시 실행한 것이므로 `main`의 첫 줄이 `ipc_core::init()`이어야 합니다.
//! 표준 테스트 틀은 `main`을 내주지 않아 libtest-mimic을 씁니다. 남은 것을 세는 검사가 뜻을 가지려면 한 프로세스에서
//! 테스트가 겹치지 않아야 하므로, 테스트마다 프로세스를 하나씩 띄웁니다.

use std::env::{current_exe, set_var};
use std::io::Write;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle, available_parallelism};
use std::time::Duration;

use anyhow::{Context, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};
use tempfile::TempDir;

use crate::leftover::Snapshot;

/// 테스트 하나의 제한 시간. 예제를 빌드하려고 다른 cargo가 끝나기를 기다리는 시간까지 넉넉히 잡습니다.
const LIMIT: Duration = Duration::from_secs(180);

/// 함수의 경로들을 이름이 붙은 목록으로 만듭니다.
#[macro_export]
macro_rules! trials {
    ($($path:path),* $(,)?) => {
        [$((stringify!($path), $path as fn() -> anyhow::Result<()>)),*]
    };
}

/// 테스트마다 이 프로그램을 한 번씩 더 실행해 몇 개씩 함께 실행하고, 끝냅니다. `main`에서 `ipc_core::init()` 다음에 호출합니다.
pub fn run<F>(trials: impl IntoIterator<Item = (&'static str, F)>) -> !
where
    F: FnOnce() -> Result<()> + Send + 'static,
{
    let mut arguments = Arguments::from_args();
    if arguments.exact || arguments.list {
        // 이름을 꼭 집었으면 여기서 실행합니다. `in_its_own_process`도 그렇게 실행합니다.
        run_in_turn(trials);
    }
    // 대부분 자식이나 시간을 기다리는 테스트여서, 코어보다 많아도 됩니다.
    let cores = available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(2 * cores);
    let trials =
        trials.into_iter().map(|(name, _)| Trial::test(name, move || in_its_own_process(name)));
    libtest_mimic::run(&arguments, trials.collect()).exit()
}

/// [`run`]과 같지만 이 프로세스에서 하나씩 실행합니다. 곁에서 다른 일을 하면 뜻이 달라지거나, 앞의 것이 해 둔 일을 이어 쓰는
/// 테스트를 위한 것입니다.
pub fn run_in_turn<F>(trials: impl IntoIterator<Item = (&'static str, F)>) -> !
where
    F: FnOnce() -> Result<()> + Send + 'static,
{
    let temporary = prepare().unwrap_or_else(|error| give_up(error));
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let trials = trials
        .into_iter()
        .map(|(name, test)| Trial::test(name, move || report(guarded(name, test))))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(temporary);
    conclusion.exit()
}

fn give_up(error: anyhow::Error) -> ! {
    eprintln!("테스트를 시작하지 못했습니다: {error:#}");
    std::process::exit(1)
}

/// 테스트 하나만 실행하는 프로세스를 띄웁니다. 그 프로세스가 말한 것은 실패했을 때에만 보여 줍니다.
fn in_its_own_process(name: &str) -> Result<(), Failed> {
    let done = Command::new(current_exe()?).args(["--exact", name]).output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = [done.stdout, done.stderr].concat();
    Err(format!("{}\n{}", done.status, String::from_utf8_lossy(&said)).into())
}

/// 이 프로세스를 테스트하기에 알맞게 갖추고, 이 프로그램만의 임시 폴더를 반환합니다.
pub fn prepare() -> Result<TempDir> {
    // 손자가 고아가 되면 이 프로세스의 자식이 됩니다. 그래서 남은 것을 하나도 놓치지 않습니다.
    nix::sys::prctl::set_child_subreaper(true)?;
    // 백그라운드의 셸은 SIGINT를 무시하게 물려주기도 합니다. 예제는 터미널에서처럼 시작해야 합니다.
    // SAFETY: 처리기를 설치하지 않고 기본 동작으로 되돌리기만 합니다.
    unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }?;
    // 일부러 죽이는 자식들이 core 파일을 남기지 않게 합니다.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // 남의 파일이 섞이지 않는 임시 폴더라야, 남은 것이 있는지 알 수 있습니다.
    let temporary = TempDir::new()?;
    // SAFETY: 아직 다른 스레드가 없습니다.
    unsafe { set_var("TMPDIR", temporary.path()) };
    Ok(temporary)
}

/// 제한 시간과 남은 것의 검사를 둘러 `test`를 호출합니다. 패닉은 그대로 반환합니다.
pub fn guarded(
    name: &'static str,
    test: impl FnOnce() -> Result<()>,
) -> std::thread::Result<Result<()>> {
    let before = match Snapshot::take() {
        Ok(before) => before,
        Err(error) => return Ok(Err(error)),
    };
    let watchdog = Watchdog::start(name);
    let outcome = catch_unwind(AssertUnwindSafe(test));
    watchdog.stop();
    let leftovers = before.check();
    outcome.map(|result| result.and(leftovers))
}

fn report(outcome: std::thread::Result<Result<()>>) -> Result<(), Failed> {
    match outcome {
        Ok(result) => result.map_err(failed),
        // 패닉의 자리를 libtest-mimic이 알리게 그대로 넘깁니다.
        Err(payload) => resume_unwind(payload),
    }
}

fn failed(error: anyhow::Error) -> Failed {
    format!("{error:#}").into()
}

/// 테스트가 멈추면 이름을 알리고 프로그램을 끊습니다. 자식들은 생명줄이 끝냅니다.
struct Watchdog {
    done: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    fn start(name: &'static str) -> Watchdog {
        let (done, stopped) = channel();
        let watch = move || {
            if stopped.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                let mut stderr = std::io::stderr().lock();
                let _ = writeln!(
                    stderr,
                    "테스트 `{name}`: {}초 안에 끝나지 않아 중단합니다",
                    LIMIT.as_secs()
                );
                std::process::exit(1);
            }
        };
        let thread = Builder::new().name("watchdog".into()).spawn(watch).expect("감시 스레드");
        Watchdog { done, thread }
    }

    fn stop(self) {
        let _ = self.done.send(());
        let _ = self.thread.join();
    }
}

/// 무작위 테스트의 시드. 같은 시드로 다시 실행하려면 `IPC_TEST_SEED`에 적습니다. 없으면 새로 고릅니다.
pub fn seed() -> Result<u64> {
    match std::env::var("IPC_TEST_SEED") {
        Ok(text) => text.parse().context("IPC_TEST_SEED는 부호 없는 정수여야 합니다"),
        Err(_) => Ok(fastrand::u64(..)),
    }
}

/// [`seed`]에서 시작하는 난수. 시드를 알립니다.
pub fn random(name: &str) -> Result<fastrand::Rng> {
    let seed = seed()?;
    eprintln!("{name}: IPC_TEST_SEED={seed}");
    Ok(fastrand::Rng::with_seed(seed))
}
