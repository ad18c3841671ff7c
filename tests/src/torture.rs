//! 스트레스 테스트(torture): 일부러 죽이고 막고 넘치게 한 뒤, 아무것도 멈추거나 잃거나 남지 않는지 거듭 확인합니다.
//!
//! [`Case`] 하나가 약속 하나이고, [`Case::round`]가 한 차례입니다. `cargo test`는 짧게([`Case::short`]), `just
//! torture`는 길게([`Case::long`]) 되풀이합니다. 차례마다 시드가 다르며, 같은 시드는 같은 차례를 되풀이합니다.
//! 약속을 지키지 못하는 것으로 알려진 상대([`Case::control`])도 같은 테스트에 세워, 테스트가 실패할 줄 아는지 봅니다.

mod lock;
mod pipe;
mod pool;
mod process;
mod queue;
mod resources;
mod semaphore;
mod twins;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::harness;

/// 약속 하나.
pub struct Case {
    pub number: u32,
    pub name: &'static str,
    /// 무엇을 약속하는지, 한 문장으로.
    pub promise: &'static str,
    /// `cargo test`에서 되풀이하는 횟수.
    pub short: u32,
    /// `just torture`에서 되풀이하는 횟수.
    pub long: u32,
    pub round: fn(&mut Round) -> Result<()>,
    /// 같은 약속을 지키지 못하는 상대. 반드시 실패해야 합니다.
    pub control: Option<Control>,
}

/// 약속을 지키지 못하는 것으로 알려진 상대입니다.
pub struct Control {
    /// 무엇이 약속을 지키지 못하는지.
    pub name: &'static str,
    /// 약속을 확인합니다. 상대가 약속을 어기므로 `Err`가 나와야 합니다. 멈추는 상대는 자식에 두고 시간을 재십시오.
    pub round: fn(&mut Round) -> Result<()>,
}

/// 한 차례에 주어지는 것.
pub struct Round {
    /// 몇 번째 차례인지. 0부터.
    pub number: u32,
    /// 긴 되풀이(`just torture`)이면 참. 짧을 때는 한 차례의 양을 줄여도 됩니다.
    pub long: bool,
    pub random: fastrand::Rng,
    landed: u32,
}

impl Round {
    fn new(case: &Case, number: u32, long: bool, seed: u64) -> Round {
        // 사례와 차례마다 다른, 그러나 시드에서 정해지는 난수.
        let mixed = seed ^ (u64::from(case.number) << 32) ^ u64::from(number);
        Round { number, long, random: fastrand::Rng::with_seed(mixed), landed: 0 }
    }

    /// 일이 끝나기 전에 죽임이 닿았음을 셉니다. 일이 끝난 뒤의 죽임은 세지 않습니다.
    pub fn landed(&mut self) {
        self.landed += 1;
    }
}

/// 사례 하나를 되풀이한 결과.
pub struct Report {
    pub rounds: u32,
    pub landed: u32,
    /// 실패한 차례와 이유.
    pub failures: Vec<(u32, String)>,
    pub took: Duration,
}

/// 모든 사례를 번호 순서로.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        pool::cases(),
        process::cases(),
        queue::cases(),
        pipe::cases(),
        lock::cases(),
        semaphore::cases(),
        resources::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    cases.sort_by_key(|case| case.number);
    cases
}

/// `case`를 길게 또는 짧게 되풀이합니다. 처음 실패한 차례에서 멈춥니다.
pub fn run(case: &Case, long: bool, seed: u64) -> Report {
    let rounds = if long { case.long } else { case.short };
    let start = Instant::now();
    let mut report = Report { rounds: 0, landed: 0, failures: Vec::new(), took: Duration::ZERO };
    for number in 0..rounds {
        let mut round = Round::new(case, number, long, seed);
        let outcome = guarded(case.name, || (case.round)(&mut round));
        report.rounds += 1;
        report.landed += round.landed;
        if let Err(error) = outcome {
            report.failures.push((number, format!("{error:#}")));
            break;
        }
    }
    report.took = start.elapsed();
    report
}

/// 약속을 어기는 상대가 정말로 테스트에 걸리는지 봅니다. 걸린 이유를 반환합니다.
pub fn run_control(case: &Case, control: &Control, seed: u64) -> Result<String> {
    let mut round = Round::new(case, 0, false, seed);
    match guarded(control.name, || (control.round)(&mut round)) {
        Err(error) => Ok(format!("{error:#}")),
        Ok(()) => {
            Err(anyhow!("{}: 약속을 지켰습니다. 테스트가 아무것도 가려내지 못합니다", control.name))
        }
    }
}

/// 제한 시간과 남은 것의 검사를 둘러 한 차례를 실행합니다. 패닉은 에러로 바꿉니다.
fn guarded(name: &'static str, round: impl FnOnce() -> Result<()>) -> Result<()> {
    harness::guarded(name, round).unwrap_or_else(|payload| {
        Err(anyhow!("패닉했습니다: {}", ipc_core::build::panic_message(&*payload)))
    })
}

/// 짧은 되풀이 하나를 테스트 하나로 봅니다. 시드는 `IPC_TEST_SEED`에서, 없으면 새로 고릅니다.
pub fn short(case: &Case) -> Result<()> {
    let seed = harness::seed()?;
    let report = run(case, false, seed);
    if let Some((round, why)) = report.failures.first() {
        return Err(anyhow!("시드 {seed}, {round}번째 차례: {why}"));
    }
    ensure!(
        report.rounds == case.short,
        "{}번 가운데 {}번만 실행했습니다",
        case.short,
        report.rounds
    );
    Ok(())
}
