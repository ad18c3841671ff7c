//! 사례 2: 작업자가 묶음을 받아 답하기까지의 단계마다 죽습니다.
//!
//! 풀에 테스트용 장치를 넣지 않고, 사용자의 코드가 불리는 자리에서 작업자가 멈추어 죽임을 기다립니다.
//! 그 자리는 항목의 `Deserialize`, 함수, 결과의 `Serialize`이며, 나머지는 밖에서 멈추거나 부모가 읽지 않게 하여 만듭니다.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use pool::{Cause, ItemError, Pool};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::desk::Desk;
use super::naive::{self, Misfortune};
use super::{call_and_kill, sending, still_usable, strike};
use crate::ensure_eq;
use crate::procfs::{signal, wait_state};
use crate::torture::{Case, Control, Round};
use crate::wait::ONE_SECOND;

pub fn at_each_step() -> Case {
    Case {
        number: 2,
        name: "pool_worker_killed_at_each_step",
        promise: "어느 단계에서 죽어도 계산하던 항목만 잃고, 낸 결과는 다시 계산하지 않습니다",
        short: 2 * STEPS.len() as u32,
        long: 50 * STEPS.len() as u32,
        round: kill_at_step,
        control: Some(Control {
            name: "작업자의 죽음을 모르는 풀: 답하다 죽음",
            round: |_| naive::must_end(Misfortune::KilledWriting),
        }),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// 묶음이 소켓에 있지만 아직 받지 않았습니다.
    BeforeReceiving,
    /// 묶음을 받았고 항목을 읽는 중입니다.
    ReadingItem,
    /// 함수 안입니다.
    Running,
    /// 결과를 직렬화하는 중입니다.
    WritingResult,
    /// 앞 항목의 결과를 적어 두었고 아직 보내지 않았습니다.
    HoldingResult,
    /// 결과를 보내는 중에, 부모가 읽지 않아 막혔습니다.
    Sending,
    /// 앞 묶음의 결과를 보냈고 다음 묶음을 시작했습니다.
    AfterSending,
}

const STEPS: [Step; 7] = [
    Step::BeforeReceiving,
    Step::ReadingItem,
    Step::Running,
    Step::WritingResult,
    Step::HoldingResult,
    Step::Sending,
    Step::AfterSending,
];

/// 항목의 수와 묶음의 크기.
const ITEMS: u32 = 12;
const CHUNK: u32 = 3;

/// 작업자가 멈추어 죽임을 기다리는 자리.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stop {
    Reading,
    Running,
    Writing,
}

#[derive(Serialize)]
struct Item(u32, Option<Stop>);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (n, stop) = Deserialize::deserialize(deserializer)?;
        if stop == Some(Stop::Reading) {
            Desk::wait_for_death();
        }
        Ok(Item(n, stop))
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Answer(u32, Option<Stop>);

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.1 == Some(Stop::Writing) {
            Desk::wait_for_death();
        }
        (self.0, self.1).serialize(serializer)
    }
}

fn answer(item: Item) -> Answer {
    Desk::called();
    if item.1 == Some(Stop::Running) {
        Desk::wait_for_death();
    }
    Answer(item.0, item.1)
}

fn kill_at_step(round: &mut Round) -> Result<()> {
    let step = STEPS[round.number as usize % STEPS.len()];
    let retries = round.number / STEPS.len() as u32 % 2;
    match step {
        Step::BeforeReceiving => before_receiving(round, retries),
        Step::ReadingItem => stopped_at(2, CHUNK, Stop::Reading, retries),
        Step::Running => stopped_at(2, CHUNK, Stop::Running, retries),
        Step::WritingResult => stopped_at(2, CHUNK, Stop::Writing, retries),
        Step::HoldingResult => stopped_at(2, CHUNK + 1, Stop::Running, retries),
        Step::Sending => sending::blocked(retries),
        Step::AfterSending => stopped_at(1, CHUNK, Stop::Reading, retries),
    }
    .with_context(|| format!("{step:?}, 재시도 {retries}번"))?;
    round.landed();
    Ok(())
}

/// 묶음이 오기 전부터 멈춰 있던 작업자를, 그 묶음만 남았을 때 죽입니다. 시작하지 않았으므로 잃는 것이 없습니다.
fn before_receiving(round: &mut Round, retries: u32) -> Result<()> {
    let desk = Desk::new()?;
    let pool = build(&desk, 2, retries)?;
    if round.random.bool() {
        still_usable(&pool)?; // 아니면 작업자가 아직 시작하는 중입니다.
    }
    let victim = pool.worker_ids()[round.random.usize(0..2)];
    signal(victim, Signal::SIGSTOP)?;
    wait_state(victim, 'T')?;
    let kill = || {
        desk.wait_calls(ITEMS - CHUNK)?;
        Ok(((), strike(victim)?))
    };
    let call = || pool.map(answer, (0..ITEMS).map(|n| Item(n, None)));
    let (results, (), took) = call_and_kill(kill, call)?;
    ensure_eq!(results?, (0..ITEMS).map(|n| Answer(n, None)).collect::<Vec<_>>());
    ensure_eq!(desk.calls(), ITEMS);
    within_a_second(took)?;
    still_usable(&pool)
}

/// `special`번째 항목을 맡은 작업자를 `stop`에서 죽입니다.
fn stopped_at(workers: usize, special: u32, stop: Stop, retries: u32) -> Result<()> {
    let desk = Desk::new()?;
    let pool = build(&desk, workers, retries)?;
    let kill = || {
        let victim = desk.victim()?;
        Ok((victim, strike(victim)?))
    };
    let stop_of = |n| (n == special).then_some(stop);
    let call = || pool.try_map(answer, (0..ITEMS).map(|n| Item(n, stop_of(n))));
    let (results, victim, took) = call_and_kill(kill, call)?;
    let results = results?;
    within_a_second(took)?;
    ensure_eq!(results.len(), ITEMS as usize);
    for (n, result) in (0..ITEMS).zip(&results) {
        let expected = if n == special && retries == 0 {
            Err(ItemError { index: n as usize, cause: death(victim) })
        } else {
            Ok(Answer(n, stop_of(n)))
        };
        ensure_eq!(*result, expected);
    }
    // 죽을 때 하던 항목 말고는 함수가 꼭 한 번씩 불립니다.
    let before_death = u32::from(stop != Stop::Reading);
    ensure_eq!(desk.calls(), ITEMS - 1 + before_death + retries);
    still_usable(&pool)
}

fn build(desk: &Desk, workers: usize, retries: u32) -> Result<Pool> {
    let builder = Pool::builder().workers(workers).chunk_size(CHUNK as usize).retries(retries);
    Ok(builder.initializer(Desk::sit, desk.clone()).build()?)
}

/// `SIGKILL`로 죽은 작업자가 남기는 이유.
pub fn death(victim: u32) -> Cause {
    Cause::WorkerDied(format!("PID {victim}, SIGKILL(9)"))
}

pub fn within_a_second(took: Duration) -> Result<()> {
    ensure!(took < ONE_SECOND, "죽은 뒤 {took:?} 만에 반환되었습니다");
    Ok(())
}
