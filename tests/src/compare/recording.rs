//! 기록(`IPC_TIMELINE`)을 끈 채로 드는 비용: 구간 하나마다, 언제나 같은 쪽으로 가는 분기 하나.
//!
//! `IPC_TIMELINE=/dev/null`로 실행하면 켠 채로 재므로, 한도를 크게 넘습니다.

use std::hint::black_box;

use anyhow::{Context, Result};
use ipc_core::build::{SpanKind, What, begin};

use super::clock::each;
use super::finding::Finding;
use super::measure::median;
use super::row::Size;
use super::table::duration;
use super::{Machine, Plan, lock};

/// 한 라운드에 되풀이하는 횟수.
const TIMES: u32 = 10_000_000;
/// 기록하는 자리가, 경쟁 없이 락을 획득하고 해제하는 시간의 이만큼(비율)까지 써도 됩니다.
const SHARE: f64 = 0.1;

/// 재고 출력합니다.
pub fn run(plan: &Plan, machine: &Machine) -> Result<()> {
    let size = Size { quick: plan.quick };
    let (mut loops, mut spans, mut locks) = (vec![], vec![], vec![]);
    // 0번은 준비 라운드여서 버립니다.
    for round in 0..=plan.rounds {
        let times = [empty_loop(size)?, span(size)?, lock::ours_alone(size)?];
        if round > 0 {
            loops.push(times[0]);
            spans.push(times[1]);
            locks.push(times[2]);
        }
    }
    let middle = |times| median(times).context("잰 시간이 없습니다");
    let (empty, span, lock) = (middle(loops)?, middle(spans)?, middle(locks)?);
    let finding = Finding {
        name: "recording",
        title: "기록을 끈 자리 하나가 락 한 번에서 차지하는 몫".to_owned(),
        details: vec![
            format!("빈 반복 {}", duration(empty)),
            format!("구간을 시작하고 끝내는 반복 {}", duration(span)),
            format!("락을 획득하고 해제하는 반복 {}", duration(lock)),
        ],
        value: 100.0 * (span - empty).max(0.0) / lock,
        limit: 100.0 * SHARE,
        unit: "%",
        timed: true,
    };
    finding.report(plan, machine);
    Ok(())
}

fn empty_loop(size: Size) -> Result<f64> {
    each(size.of(TIMES), |item| {
        black_box(item);
        Ok(())
    })
}

/// 락이 획득할 때 시작하고 해제할 때 끝내는 것과 같은 구간.
fn span(size: Size) -> Result<f64> {
    each(size.of(TIMES), |item| {
        let open = begin(What::Hold, SpanKind::Lock, 1, || u64::from(item));
        black_box(item);
        drop(open);
        Ok(())
    })
}
