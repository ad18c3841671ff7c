//! 사례 7: 항목 하나가 {쓰기, 읽기, 계산, 결과 쓰기, 결과 읽기}에서 {실패, 패닉, 중단}합니다.

use std::panic::{set_hook, take_hook};

use anyhow::{Result, bail, ensure};
use ipc_core::{Process, ProcessError};
use nix::libc;
use pipe::{Sender, pipe};
use pool::{Cause, Pool};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::naive::{self, Misfortune};
use super::still_usable;
use crate::children::quiet_panic;
use crate::procfs::all_gone;
use crate::torture::{Case, Control, Round};
use crate::wait::{ONE_SECOND, PATIENCE};
use crate::{ensure_eq, ensure_matches};

pub fn each_place() -> Case {
    Case {
        number: 7,
        name: "pool_item_in_trouble",
        promise: "항목 하나를 쓰거나 읽거나 계산하지 못해도 그 항목만 실패합니다",
        short: 15,
        long: 15 * 20,
        round: trouble,
        control: Some(Control {
            name: "작업자의 죽음을 모르는 풀: 항목을 읽다 패닉함",
            round: |_| naive::must_end(Misfortune::CannotRead),
        }),
    }
}

/// 항목이나 결과가 지나는 단계.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    WriteItem,
    ReadItem,
    Run,
    WriteResult,
    ReadResult,
}

/// 그 단계에서 벌이는 일.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Act {
    Fail,
    Panic,
    Abort,
}

const STEPS: [Step; 5] =
    [Step::WriteItem, Step::ReadItem, Step::Run, Step::WriteResult, Step::ReadResult];
const ACTS: [Act; 3] = [Act::Fail, Act::Panic, Act::Abort];
const ITEMS: usize = 10;
const FAILS: &str = "일부러 실패합니다";
const PANICS: &str = "일부러 패닉합니다";

fn act(act: Act) -> Result<(), &'static str> {
    match act {
        Act::Fail => Err(FAILS),
        Act::Panic => quiet_panic(PANICS),
        Act::Abort => std::process::abort(),
    }
}

/// 정해진 단계에서 말썽을 부리는 값. `RESULT`는 결과로 돌아가는 길인지입니다.
#[derive(Debug, Clone, Copy)]
struct Trouble<const RESULT: bool>(Option<(Step, Act)>);

impl<const RESULT: bool> Trouble<RESULT> {
    fn at(&self, outward: Step, back: Step) -> Result<(), &'static str> {
        match self.0 {
            Some((step, what)) if step == if RESULT { back } else { outward } => act(what),
            _ => Ok(()),
        }
    }
}

impl<const RESULT: bool> Serialize for Trouble<RESULT> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.at(Step::WriteItem, Step::WriteResult).map_err(ser::Error::custom)?;
        self.0.serialize(serializer)
    }
}

impl<'de, const RESULT: bool> Deserialize<'de> for Trouble<RESULT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let trouble = Trouble(Option::deserialize(deserializer)?);
        trouble.at(Step::ReadItem, Step::ReadResult).map_err(de::Error::custom)?;
        Ok(trouble)
    }
}

fn pass(trouble: Trouble<false>) -> Result<Trouble<true>> {
    if let Some((Step::Run, what)) = trouble.0 {
        act(what).map_err(anyhow::Error::msg)?;
    }
    Ok(Trouble(trouble.0))
}

fn trouble(round: &mut Round) -> Result<()> {
    let number = round.number as usize;
    let (step, what) = (STEPS[number % 5], ACTS[number / 5 % 3]);
    let (chunk_size, place) = (round.random.usize(1..6), round.random.usize(0..ITEMS));
    if what == Act::Abort {
        round.landed();
    }
    // 부모가 쓰고 읽는 자리에서 중단하면 부모가 죽습니다.
    if what == Act::Abort && matches!(step, Step::WriteItem | Step::ReadResult) {
        return parent_aborts(step, chunk_size, place);
    }
    let hook = take_hook(); // 부모가 하는 패닉도 조용히 합니다.
    set_hook(Box::new(|_| {}));
    let outcome = fails_alone(step, what, chunk_size, place);
    set_hook(hook);
    outcome
}

fn items(step: Step, what: Act, place: usize) -> impl Iterator<Item = Trouble<false>> {
    (0..ITEMS).map(move |n| Trouble((n == place).then_some((step, what))))
}

fn fails_alone(step: Step, what: Act, chunk_size: usize, place: usize) -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(chunk_size).build()?;
    let results = pool.try_map(pass, items(step, what, place))?;
    ensure_eq!(results.len(), ITEMS);
    for (n, result) in results.iter().enumerate() {
        ensure!(
            result.is_ok() == (n != place),
            "{step:?}에서 {what:?}: {n}번째가 {result:?}입니다({place}번째만 실패해야 합니다)"
        );
    }
    let Err(error) = &results[place] else { bail!("실패하지 않았습니다") };
    ensure_eq!(error.index, place);
    // serde의 에러에 담은 말은 postcard가 버리므로, 무엇을 못 했는지만 봅니다.
    let told = match step {
        Step::Run => FAILS,
        Step::WriteItem | Step::WriteResult => "직렬화하지 못했습니다",
        Step::ReadItem | Step::ReadResult => "읽지 못했습니다",
    };
    match what {
        Act::Fail => ensure_matches!(&error.cause, Cause::Failed(why) if why.contains(told)),
        Act::Panic => ensure_eq!(error.cause, Cause::Panicked(PANICS.into())),
        Act::Abort => {
            ensure_matches!(&error.cause, Cause::WorkerDied(how) if how.contains("SIGABRT(6)"));
        }
    }
    still_usable(&pool)
}

fn abort_in_map(
    step: Step,
    chunk_size: usize,
    place: usize,
    outbox: Sender<Vec<u32>>,
) -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(chunk_size).build()?;
    outbox.send(&pool.worker_ids())?;
    pool.try_map(pass, items(step, Act::Abort, place))?;
    bail!("중단하지 않았습니다")
}

/// 부모가 죽으면 작업자들도 1초 안에 끝납니다.
fn parent_aborts(step: Step, chunk_size: usize, place: usize) -> Result<()> {
    let (inbox, outbox) = pipe()?;
    let mut parent = Process::spawn(abort_in_map, (step, chunk_size, place, outbox))?;
    let workers = inbox.recv_timeout(PATIENCE)?;
    ensure_matches!(
        parent.join_timeout(PATIENCE),
        Err(ProcessError::Killed { signal: libc::SIGABRT, .. })
    );
    all_gone(&workers, ONE_SECOND)
}
