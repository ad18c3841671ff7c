//! 상대가 무엇을 하든 제한 시간을 지킵니다.

mod calls;
mod stage;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{scope, sleep};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ipc_channel::ipc::{self, IpcOneShotServer, IpcReceiver, IpcSender};
use ipc_core::{Process, ProcessError};
use nix::libc::{self, c_int};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{getpid, gettid};
use pipe::{Duplex, duplex};

use crate::children::wait_asleep;
use crate::procfs::signal;
use crate::torture::Round;
use crate::wait::{ONE_SECOND, PATIENCE, SLACK, timed};
use calls::pool_get;
use stage::Stage;

const LIMITS: [Duration; 4] =
    [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(50), Duration::from_secs(1)];
/// 한 차례에 같은 제한 시간을 재는 횟수는, 짧은 시간일수록 많습니다.
const REPEATS: [u32; 4] = [20, 20, 3, 1];

/// 제한 시간을 주어 한 번 호출합니다. 시간이 지나서 반환되었으면 참입니다.
type Call<'a> = Box<dyn Fn(Duration) -> Result<bool> + Send + 'a>;

pub fn round(round: &mut Round) -> Result<()> {
    let (limit, repeats) = (LIMITS[round.number as usize % 4], REPEATS[round.number as usize % 4]);
    install_handler()?;
    let stage = Stage::open(&mut round.random)?;
    let threads = Mutex::new(Vec::new());
    let enter = || {
        threads.lock().map(|mut ids| ids.push(gettid().as_raw())).map_err(|_| anyhow!("중독된 락"))
    };
    let pause = Duration::from_micros(round.random.u64(50..500));
    let stop = AtomicBool::new(false);
    let outcome = scope(|scope| {
        let mut measuring = Vec::new();
        for (name, call) in stage.calls() {
            measuring.push(scope.spawn(move || {
                enter()?;
                (0..repeats).try_for_each(|_| keeps(limit, &call)).context(name)
            }));
        }
        measuring.push(scope.spawn(|| {
            enter()?;
            pool_get(|call| (0..repeats).try_for_each(|_| keeps(limit, call)))
                .context("AsyncResult::get_timeout")
        }));
        let pest = scope.spawn(|| pester(&threads, pause, &stop));
        let outcomes: Vec<_> = measuring.into_iter().map(|thread| thread.join()).collect();
        stop.store(true, SeqCst);
        let _ = pest.join();
        outcomes.into_iter().try_for_each(|outcome| outcome.map_err(|_| anyhow!("패닉했습니다"))?)
    });
    stage.close()?;
    outcome
}

/// 너무 일찍 시간이 지났다고 하지 않고, 어떻게 반환되든 [`SLACK`]보다 늦지 않은지 봅니다.
///
/// 컴퓨터가 바쁘면 깨어나는 것 자체가 늦으므로, 세 번까지 다시 재어 가장 빠른 것으로 판단합니다.
fn keeps(limit: Duration, call: &dyn Fn(Duration) -> Result<bool>) -> Result<()> {
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let (timed_out, took) = timed(|| call(limit));
        ensure!(
            !timed_out? || took >= limit,
            "제한 시간 {limit:?}보다 이른 {took:?}에 그만두었습니다"
        );
        fastest = fastest.min(took);
        if took <= limit + SLACK {
            return Ok(());
        }
    }
    bail!("제한 시간 {limit:?}를 넘겨 {fastest:?} 만에 반환되었습니다")
}

extern "C" fn ignore(_: c_int) {}

/// 시그널이 커널 호출을 끊기만 하고 아무 일도 하지 않게 합니다.
fn install_handler() -> Result<()> {
    let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
    // SAFETY: 처리기는 아무 일도 하지 않습니다.
    unsafe { sigaction(Signal::SIGUSR1, &action) }?;
    Ok(())
}

/// 재는 스레드마다 시그널을 보냅니다. 끝난 스레드에는 닿지 않을 뿐입니다.
fn pester(threads: &Mutex<Vec<i32>>, pause: Duration, stop: &AtomicBool) {
    while !stop.load(SeqCst) {
        for thread in threads.lock().map(|ids| ids.clone()).unwrap_or_default() {
            let (process, number) = (getpid().as_raw(), Signal::SIGUSR1 as c_int);
            // SAFETY: 정수만 주고받는 시스템 호출이고, 처리기는 이미 설치했습니다.
            unsafe { libc::syscall(libc::SYS_tgkill, process, thread, number) };
        }
        sleep(pause);
    }
}

const LARGE: usize = 64 << 20;
/// 상대의 약속이 아니라 우리의 것이므로, 넉넉히 기다립니다.
const STUCK: Duration = Duration::from_secs(1);

type Bootstrap = IpcSender<IpcReceiver<String>>;

fn foreign_sender(server: String) -> Result<()> {
    let (sender, receiver) = ipc::channel::<String>()?;
    Bootstrap::connect(server)?.send(receiver)?;
    Ok(sender.send("x".repeat(LARGE))?)
}

/// 보내는 쪽이 도중에 멈춘 메시지를 50ms만 기다립니다.
fn foreign_receiver(conn: Duplex<String, ()>) -> Result<()> {
    let (server, name) = IpcOneShotServer::<IpcReceiver<String>>::new()?;
    conn.send(&name)?;
    let (_bootstrap, receiver) = server.accept()?;
    conn.send(&"받을 준비".to_string())?;
    conn.recv()?;
    let _ = receiver.try_recv_timeout(Duration::from_millis(50));
    Ok(())
}

pub fn ipc_channel(_: &mut Round) -> Result<()> {
    let (conn, childs) = duplex()?;
    let mut receiver = Process::spawn(foreign_receiver, (childs,))?;
    let sender = Process::spawn(foreign_sender, (conn.recv_timeout(PATIENCE)?,))?;
    conn.recv_timeout(PATIENCE)?;
    wait_asleep(&sender)?;
    signal(sender.id(), Signal::SIGSTOP)?;
    conn.send(&())?;
    match receiver.join_timeout(ONE_SECOND + STUCK) {
        Err(ProcessError::Timeout { .. }) => {
            bail!("제한 시간이 50ms인 try_recv_timeout이 2초 뒤에도 기다립니다")
        }
        ended => Ok(ended?),
    }
}
