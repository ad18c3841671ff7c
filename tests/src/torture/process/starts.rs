//! 사례 8: `initializer`가 언제나 실패하거나, 자식이 작업을 받기 전에 죽거나 말이 없습니다.

use std::process::{abort, exit};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use ipc_channel::ipc::{IpcOneShotServer, IpcSender};
use ipc_core::{Process, ProcessError};
use nix::sys::signal::Signal;
use pipe::{ChannelError, Sender, pipe};
use pool::{Pool, PoolError};

use crate::children::{die_by, expect_killed, quiet_panic, sleep_forever};
use crate::procfs::{signal, wait_state};
use crate::torture::{Case, Control, Round};
use crate::wait::{ONE_SECOND, keeps_deadline, timed};
use crate::{Counter, counter, ensure_eq, ensure_matches};

pub fn never() -> Case {
    Case {
        number: 8,
        name: "child_never_starts",
        promise: "준비하지 못하는 자식은 1초 안에 에러가 되고, 끝없이 다시 띄우지 않습니다",
        short: 16,
        long: 80,
        round: |round| match round.number % 8 {
            // 여덟 번 가운데 2, 5, 1번: 길게는 20, 50, 10번입니다.
            0 | 1 => initializer_fails(round),
            7 => silent(round),
            _ => dies_early(round),
        },
        control: Some(Control {
            name: "ipc-channel의 IpcOneShotServer::accept: 연결하기 전에 죽는 자식",
            round: accept_must_end,
        }),
    }
}

const WORKERS: usize = 2;
/// 준비하지 못하는 방법과, 에러에 있어야 하는 말.
const WAYS: [(u32, &str); 5] = [
    (0, "일부러 준비하지 못합니다"),
    (1, "일부러 준비하다 패닉합니다"),
    (2, "종료 코드 3"),
    (3, "SIGABRT(6)"),
    (4, "SIGKILL(9)"),
];

fn refuse(way: u32, tries: Counter) -> Result<()> {
    tries.fetch_add(1, SeqCst);
    match way {
        0 => bail!("일부러 준비하지 못합니다"),
        1 => quiet_panic("일부러 준비하다 패닉합니다"),
        2 => exit(3),
        3 => abort(),
        _ => die_by(Signal::SIGKILL),
    }
    Ok(())
}

fn initializer_fails(round: &mut Round) -> Result<()> {
    let (way, named) = WAYS[(round.number / 8 * 2 + round.number % 2) as usize % WAYS.len()];
    let by_signal = named.starts_with("SIG");
    let tries = counter()?;
    let pool =
        Pool::builder().workers(WORKERS).initializer(refuse, (way, tries.clone())).build()?;
    // 작업자마다 풀을 만들 때 세 번, 호출마다 세 번까지만 해 봅니다.
    for call in 1..=2 {
        let (result, took) = timed(|| pool.map(|n: u32| n, 0..100));
        match result {
            Err(PoolError::Initializer { attempts: 1..=3, message })
                if !by_signal && message.contains(named) => {}
            // 시그널은 밖에서 왔을 수도 있어 initializer의 탓으로 돌리지 않습니다.
            Err(PoolError::NotReady { attempts: 1..=3, message })
                if by_signal && message.contains(named) => {}
            other => bail!("{named}: 다르게 끝났습니다: {other:?}"),
        }
        ensure!(took < ONE_SECOND, "{took:?} 만에 에러가 되었습니다");
        let (tried, most) = (tries.load(SeqCst), 3 * WORKERS as u32 * (call + 1));
        ensure!(tried <= most, "{call}번째 호출까지 {tried}번이나 해 보았습니다(최대 {most}번)");
    }
    if round.random.bool() {
        pool.close();
        let ((), took) = timed(|| pool.join());
        ensure!(took < ONE_SECOND, "join이 {took:?} 만에 반환되었습니다");
    }
    Ok(())
}

/// 인수로 받은 끝을 쥐고 잡니다.
fn hold(_outbox: Sender<u32>, _ballast: String) {
    sleep_forever();
}

/// 띄우자마자, 또는 시작하는 동안의 아무 때나 죽입니다. 가던 인수에 실린 파이프의 끝도 닫혀야 합니다.
fn dies_early(round: &mut Round) -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let ballast = "x".repeat([0, 8 << 20][round.number as usize % 2]);
    let process = Process::spawn(hold, (outbox, ballast))?;
    if round.random.bool() {
        sleep(Duration::from_micros(round.random.u64(0..4000)));
    }
    process.kill();
    let (result, took) = timed(|| process.join());
    expect_killed(result)?;
    ensure!(took < ONE_SECOND, "join이 {took:?} 만에 반환되었습니다");
    ensure_matches!(inbox.recv_timeout(ONE_SECOND), Err(ChannelError::Disconnected));
    round.landed();
    // 풀의 작업자가 그렇게 죽으면 소리 없이 바뀝니다.
    let pool = Pool::new(WORKERS)?;
    signal(pool.worker_ids()[round.random.usize(0..WORKERS)], Signal::SIGKILL)?;
    let (results, took) = timed(|| pool.map(u32::pow, [(2, 3), (3, 2)]));
    ensure_eq!(results?, [8, 9]);
    ensure!(took < ONE_SECOND, "바꾸고 일하는 데 {took:?}가 걸렸습니다");
    Ok(())
}

/// 자식은 소켓을 물려받으므로 "연결하고 말이 없는" 단계가 없습니다. 가장 가까운 것은, 시작하다 멈춘 자식입니다.
fn silent(round: &mut Round) -> Result<()> {
    let mut process = Process::spawn(sleep_forever, ())?;
    signal(process.id(), Signal::SIGSTOP)?;
    wait_state(process.id(), 'T')?;
    for limit in [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(50)] {
        keeps_deadline(limit, || {
            ensure_matches!(process.join_timeout(limit), Err(ProcessError::Timeout { .. }));
            Ok(())
        })?;
    }
    ensure!(process.is_running(), "멈춘 자식은 아직 실행 중입니다");
    round.landed();
    let (result, took) = timed(|| {
        process.kill();
        process.join()
    });
    expect_killed(result)?;
    ensure!(took < ONE_SECOND, "끝내고 회수하는 데 {took:?}가 걸렸습니다");
    Ok(())
}

/// 연결할 이름을 받았지만, 연결하기 전에 죽임을 당합니다.
fn never_connects(_name: String) {
    sleep_forever();
}

fn accept_must_end(_: &mut Round) -> Result<()> {
    let (server, name) = IpcOneShotServer::<u32>::new()?;
    let child = Process::spawn(never_connects, (name.clone(),))?;
    let (done, outcome) = channel();
    let acceptor = thread::spawn(move || {
        let _ = done.send(server.accept().map(drop).is_ok());
    });
    child.kill();
    expect_killed(child.join())?;
    let stuck = outcome.recv_timeout(ONE_SECOND) == Err(RecvTimeoutError::Timeout);
    if stuck {
        // 스스로 연결했다가 끊어, 기다리는 스레드를 풀어 줍니다.
        drop(IpcSender::<u32>::connect(name)?);
    }
    acceptor.join().map_err(|_| anyhow!("기다리는 스레드가 패닉했습니다"))?;
    ensure!(!stuck, "accept가 {ONE_SECOND:?} 안에 반환되지 않았습니다");
    Ok(())
}
