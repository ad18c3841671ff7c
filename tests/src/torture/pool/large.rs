//! 사례 3과 4: 큰 결과를 쓰는 동안, 또는 큰 인수가 가는 동안 작업자가 죽습니다.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use nix::sys::signal::Signal;
use pool::{Cause, ItemError, Pool, PoolError};
use serde::{Deserialize, Serialize, Serializer};

use super::desk::Desk;
use super::naive::{self, Misfortune};
use super::{TRIES, call_and_kill, still_usable, strike};
use crate::ensure_eq;
use crate::procfs::{signal, wait_state};
use crate::torture::{Case, Control, Round};
use crate::wait::ONE_SECOND;

const RESULT: usize = 64 << 20;
const ARGUMENT: usize = 8 << 20;
const ARGUMENTS: u32 = 4;
/// 결과를 쓰기 시작하거나 인수를 보내기 시작한 뒤 죽이기까지의 가장 긴 시간. 놓칠 때마다 반으로 줄입니다.
const LATEST: Duration = Duration::from_millis(50);

pub fn results() -> Case {
    Case {
        number: 3,
        name: "pool_killed_while_writing_a_large_result",
        promise: "64MiB 결과를 쓰다 죽으면 1초 안에 에러가 되고, 재시도하면 온전한 결과를 얻습니다",
        short: 4,
        long: 100,
        round: kill_while_writing,
        control: Some(Control {
            name: "작업자의 죽음을 모르는 풀: 큰 결과를 쓰다 죽음",
            round: |_| naive::must_end(Misfortune::KilledWriting),
        }),
    }
}

pub fn arguments() -> Case {
    Case {
        number: 4,
        name: "pool_killed_with_large_arguments_on_the_way",
        promise: "8MiB 인수가 가는 동안 받을 작업자가 죽어도 보내는 쪽이 막히지 않습니다",
        short: 4,
        long: 50,
        round: kill_before_reading,
        control: Some(Control {
            name: "ipc-channel의 큰 메시지: 받는 쪽이 죽음",
            round: |_| naive::ipc_channel_send_must_end(),
        }),
    }
}

/// 첫 글자가 'a'이면 쓰기 시작할 때 도착을 알립니다.
#[derive(Deserialize)]
struct Large(String);

impl Serialize for Large {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.starts_with('a') {
            Desk::arrive();
        }
        self.0.serialize(serializer)
    }
}

fn enlarge(word: String) -> Large {
    Desk::called();
    Large(word.repeat(RESULT))
}

fn kill_while_writing(round: &mut Round) -> Result<()> {
    let retries = round.number % 2;
    until_landed(round, |delay| {
        let desk = Desk::new()?;
        let pool = build(&desk, retries)?;
        let kill = || {
            let victim = desk.victim()?;
            sleep(delay); // 쓰는 동안의 아무 때나.
            Ok((victim, strike(victim)?))
        };
        let words = ["a", "b"];
        let (outcome, victim, took) =
            call_and_kill(kill, || pool.map(enlarge, words.map(String::from)))?;
        let landed = match outcome {
            Ok(results) => {
                for (word, Large(text)) in words.into_iter().zip(results) {
                    let whole =
                        text.len() == RESULT && text.bytes().all(|b| b == word.as_bytes()[0]);
                    ensure!(whole, "{word:?}의 결과가 온전하지 않습니다({}바이트)", text.len());
                }
                // 다시 계산했다면 결과가 오기 전에 죽은 것입니다.
                desk.calls() > 2
            }
            Err(PoolError::Item(ItemError { index: 0, cause: Cause::WorkerDied(how) }))
                if retries == 0 =>
            {
                ensure_eq!(how, format!("PID {victim}, SIGKILL(9)"));
                ensure!(took < ONE_SECOND, "죽은 뒤 {took:?} 만에 에러가 되었습니다");
                true
            }
            Err(error) => return Err(error.into()),
        };
        still_usable(&pool)?;
        Ok(landed)
    })
}

fn measure(text: String) -> usize {
    Desk::called();
    text.len()
}

fn large_arguments() -> Vec<String> {
    vec!["x".repeat(ARGUMENT); ARGUMENTS as usize]
}

fn kill_before_reading(round: &mut Round) -> Result<()> {
    if round.number % 2 == 0 { kill_stopped(round) } else { kill_running(round) }
}

/// 멈춘 작업자는 제 몫을 읽지 못합니다. 죽으면 그 몫은 다른 작업자가 처음부터 하므로 잃는 것이 없습니다.
fn kill_stopped(round: &mut Round) -> Result<()> {
    let desk = Desk::new()?;
    let pool = build(&desk, 0)?;
    let victim = pool.worker_ids()[round.random.usize(0..2)];
    signal(victim, Signal::SIGSTOP)?;
    wait_state(victim, 'T')?;
    // 반은 멈춘 작업자의 몫만 남았을 때, 반은 보내는 동안의 아무 때나 죽입니다.
    let delay = round.random.bool().then(|| up_to(LATEST, &mut round.random));
    let kill = || {
        match delay {
            Some(delay) => sleep(delay),
            None => desk.wait_calls(ARGUMENTS - 1)?,
        }
        Ok(((), strike(victim)?))
    };
    let arguments = large_arguments();
    let (results, (), took) = call_and_kill(kill, || pool.map(measure, arguments))?;
    ensure_eq!(results?, [ARGUMENT; ARGUMENTS as usize]);
    ensure_eq!(desk.calls(), ARGUMENTS);
    // 일찍 죽였으면 네 인수를 모두 나르는 시간이 들어 있으므로, 약속은 그 몫만 남았을 때 잽니다.
    ensure!(delay.is_some() || took < ONE_SECOND, "죽은 뒤 {took:?} 만에 마쳤습니다");
    round.landed(); // 멈춘 작업자의 몫이 있으므로, 죽이기 전에는 끝날 수 없습니다.
    still_usable(&pool)
}

/// 인수를 받거나 읽고 있는 작업자를 아무 때나 죽입니다.
fn kill_running(round: &mut Round) -> Result<()> {
    let who = round.random.usize(0..2);
    until_landed(round, |delay| {
        let desk = Desk::new()?;
        let pool = build(&desk, 0)?;
        let victim = pool.worker_ids()[who];
        let kill = || {
            sleep(delay); // 인수를 보내고 읽는 동안의 아무 때나.
            let at = strike(victim)?;
            Ok((desk.calls() < ARGUMENTS, at))
        };
        let (outcome, landed, took) = call_and_kill(kill, || pool.map(measure, large_arguments()))?;
        match outcome {
            Ok(results) => ensure_eq!(results, [ARGUMENT; ARGUMENTS as usize]),
            Err(PoolError::Item(ItemError { cause: Cause::WorkerDied(how), .. })) => {
                ensure_eq!(how, format!("PID {victim}, SIGKILL(9)"));
                ensure!(took < ONE_SECOND, "죽은 뒤 {took:?} 만에 에러가 되었습니다");
            }
            Err(error) => return Err(error.into()),
        }
        still_usable(&pool)?;
        Ok(landed)
    })
}

/// 죽임이 일의 도중에 닿을 때까지, 기다리는 시간을 줄여 가며 `attempt`를 합니다.
fn until_landed(
    round: &mut Round,
    mut attempt: impl FnMut(Duration) -> Result<bool>,
) -> Result<()> {
    let mut latest = LATEST;
    let start = Instant::now();
    for _ in 0..TRIES {
        if attempt(up_to(latest, &mut round.random))? {
            round.landed();
            return Ok(());
        }
        latest /= 2;
    }
    bail!("{TRIES}번, {:?} 동안 해 보아도 도중에 죽이지 못했습니다", start.elapsed())
}

fn up_to(limit: Duration, random: &mut fastrand::Rng) -> Duration {
    Duration::from_micros(random.u64(0..=limit.as_micros() as u64))
}

fn build(desk: &Desk, retries: u32) -> Result<Pool> {
    let builder = Pool::builder().workers(2).chunk_size(1).retries(retries);
    Ok(builder.initializer(Desk::sit, desk.clone()).build()?)
}
