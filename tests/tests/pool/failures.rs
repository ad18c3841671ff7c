//! 항목 하나의 실패는 그 항목에서 끝납니다.

use anyhow::{Result, bail, ensure};
use ipc_core::Process;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pool::{Cause, ItemError, Pool, PoolError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use tests::children::quiet_panic;
use tests::{ensure_eq, ensure_matches};

fn odd_only(n: u32) -> Result<u32> {
    if n % 2 == 0 {
        bail!("{n}은(는) 짝수입니다");
    }
    Ok(n)
}

pub fn error_names_the_first_item() -> Result<()> {
    let pool = Pool::builder().workers(2).chunk_size(2).build()?;
    ensure_matches!(
        pool.map(odd_only, [1, 3, 5, 8, 7, 2]),
        Err(PoolError::Item(ItemError { index: 3, cause: Cause::Failed(message) })) if message == "8은(는) 짝수입니다"
    );
    let each = pool.try_map(odd_only, [1, 2, 3])?;
    ensure_eq!((&each[0], &each[2]), (&Ok(1), &Ok(3)));
    ensure_eq!(each[1].clone().map_err(|error| error.index), Err(1));
    ensure_eq!(pool.map(odd_only, [9])?, [9]);
    Ok(())
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

fn act(act: Act) -> Result<(), &'static str> {
    match act {
        Act::Fail => Err("일부러 실패합니다"),
        Act::Panic => quiet_panic("일부러 패닉합니다"),
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

pub fn each_step_fails_alone() -> Result<()> {
    let hook = std::panic::take_hook(); // 부모가 결과를 읽다 하는 패닉도 조용히 합니다.
    std::panic::set_hook(Box::new(|_| {}));
    let pool = Pool::builder().workers(2).chunk_size(3).build()?;
    for step in [Step::WriteItem, Step::ReadItem, Step::Run, Step::WriteResult, Step::ReadResult] {
        for what in [Act::Fail, Act::Panic, Act::Abort] {
            let in_parent = matches!(step, Step::WriteItem | Step::ReadResult);
            if in_parent && what == Act::Abort {
                continue; // 부모 자신이 죽는 일입니다.
            }
            let items = (0..10).map(|n| Trouble::<false>((n == 4).then_some((step, what))));
            let results = pool.try_map(pass, items)?;
            ensure_eq!(results.len(), 10);
            for (n, result) in results.iter().enumerate() {
                ensure!(
                    result.is_ok() == (n != 4),
                    "{step:?}에서 {what:?}: {n}번째가 {result:?}입니다"
                );
            }
            let Err(error) = &results[4] else { bail!("실패하지 않았습니다") };
            ensure_eq!(error.index, 4);
            match what {
                Act::Fail => ensure_matches!(&error.cause, Cause::Failed(_)),
                Act::Panic => ensure_eq!(error.cause, Cause::Panicked("일부러 패닉합니다".into())),
                Act::Abort => {
                    ensure_matches!(&error.cause, Cause::WorkerDied(how) if how.contains("SIGABRT(6)"));
                }
            }
        }
    }
    std::panic::set_hook(hook);
    Ok(())
}

pub fn pool_from_zero_workers() -> Result<()> {
    ensure_matches!(Pool::new(0).map(drop), Err(PoolError::NoWorkers));
    Ok(())
}

/// 보내지 못한 묶음 하나는 앞뒤의 묶음을 건드리지 않습니다. 디스크립터가 없으면 큰 묶음만 보내지 못합니다.
fn unsendable_between_two() -> Result<()> {
    let pool = Pool::builder().workers(1).chunk_size(1).build()?;
    ensure_eq!(pool.apply(|text: String| text.len(), "a".to_owned())?, 1);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard)?;
    let handles: Vec<_> = [2, 1 << 20, 3]
        .map(|length| pool.apply_async(|text: String| text.len(), "a".repeat(length)))
        .into_iter()
        .collect::<Result<_, _>>()?;
    // 큰 묶음은 작업자가 가져갈 때 관리 스레드가 보냅니다.
    let lengths: Vec<_> = handles.into_iter().map(|handle| handle.get().ok()).collect();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    ensure_eq!(lengths, [Some(2), None, Some(3)]);
    Ok(())
}

pub fn unsendable_chunk_disturbs_nobody() -> Result<()> {
    for _ in 0..20 {
        Process::spawn(unsendable_between_two, ())?.join()?;
    }
    Ok(())
}
