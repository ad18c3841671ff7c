//! 비교: 같은 일을 우리 크레이트, 스레드, 커널의 기본 요소, 파이썬에 차례로 시키고 걸린 시간을 잽니다.
//!
//! 시간은 컴퓨터마다 다르므로 한 번의 실행 안에서 잰 시간의 *비율*만 판정합니다. 결과가 틀리면 시간도 버립니다.
//!
//! | 하는 일 | 파일 |
//! | --- | --- |
//! | 비교 항목 하나: 이름, 목표, 참가자 | `row.rs` |
//! | 항목들 | `process.rs`, `lock.rs`, `semaphore.rs`, `queue.rs`, `pipe.rs`, `pool.rs` |
//! | 커널의 기본 요소 | `raw.rs` |
//! | 파이썬의 참가자 | `python.rs`, `python.py` |
//! | 차례로 재고 가운데 값을 고르기 | `measure.rs`, `clock.rs` |
//! | 컴퓨터가 바쁜지 보기 | `busy.rs` |
//! | 비율과 판정 | `verdict.rs` |
//! | 출력 | `table.rs`, `json.rs` |
//! | 양이 늘 때의 시간과 메모리 | `growth.rs` |
//! | 기록을 끈 채로 드는 비용 | `recording.rs` |
//! | 한도와 비교한 결과 | `finding.rs` |

mod busy;
mod clock;
mod finding;
mod growth;
mod json;
mod lock;
mod measure;
mod pipe;
mod pool;
mod process;
mod python;
mod queue;
mod raw;
mod recording;
mod row;
mod semaphore;
mod table;
mod verdict;

use std::thread::available_parallelism;

use anyhow::Result;

pub use busy::Machine;
pub use raw::BARE;
pub use row::Row;

use measure::in_turn;
use python::Python;
use row::Size;
use verdict::Verdict;

/// 판정에 필요한 라운드의 수. 이보다 적으면 시간만 보여 줍니다.
pub const ENOUGH_ROUNDS: u32 = 7;

/// 어떻게 잴지.
pub struct Plan {
    /// 준비 라운드를 빼고 몇 번 잴지.
    pub rounds: u32,
    /// 양을 줄여 결과만 확인합니다. 판정하지 않습니다.
    pub quick: bool,
    /// 표 대신 한 줄에 JSON 하나씩.
    pub json: bool,
}

impl Plan {
    /// 컴퓨터와 상관없이, 이렇게 재서는 판정할 수 없는 이유.
    fn too_little(&self) -> Option<String> {
        if cfg!(debug_assertions) {
            return Some("릴리스 빌드가 아님".to_owned());
        }
        if self.quick {
            return Some("--quick은 결과만 확인함".to_owned());
        }
        let few = self.rounds < ENOUGH_ROUNDS;
        few.then(|| format!("라운드가 {ENOUGH_ROUNDS}번보다 적음"))
    }
}

/// 모든 비교 항목.
pub fn rows() -> Vec<Row> {
    vec![
        process::start_and_join(),
        lock::uncontended(),
        lock::contended(),
        semaphore::uncontended(),
        queue::one_to_one(),
        queue::two_to_two(),
        queue::one_mebibyte(),
        pipe::one_way(),
        pipe::ping_pong(),
        pool::factorials(),
        pool::squares(),
        pool::one_by_one(),
        pool::there_and_back(),
        pool::start_to_end(),
    ]
}

/// 항목마다 재고 결과를 출력합니다.
pub fn run(rows: &[Row], plan: &Plan, machine: &Machine) -> Result<()> {
    let python = Python::find();
    if !plan.json {
        table::introduce(plan, machine, python.as_ref());
    }
    let size = Size { quick: plan.quick };
    for row in rows {
        let times = in_turn(row, size, plan.rounds, python.as_ref())?;
        let doubt = plan.too_little().or_else(|| machine.doubt(&times));
        let verdict = Verdict::of(row, &times, doubt);
        if plan.json {
            json::print(row, &times, &verdict)
        } else {
            table::line(rows, row, &times, &verdict)
        }
    }
    if !plan.json {
        table::explain();
    }
    Ok(())
}

/// 양이 늘어도 시간과 메모리가 그대로인지 확인하고 출력합니다.
pub fn run_growth(plan: &Plan, machine: &Machine) -> Result<()> {
    growth::run(plan, machine)
}

/// 기록(`IPC_TIMELINE`)을 끈 채로 드는 비용을 재고 출력합니다.
pub fn run_recording(plan: &Plan, machine: &Machine) -> Result<()> {
    recording::run(plan, machine)
}

/// 코어의 수.
fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}
