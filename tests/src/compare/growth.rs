//! 양이 늘어도 항목 하나의 시간과 메모리가 그대로인지 확인합니다.

use std::fs;

use anyhow::{Context, Result, ensure};
use ipc_core::Process;
use pool::Pool;

use super::clock::Span;
use super::finding::Finding;
use super::measure::median;
use super::pool::{square, warm_pool};
use super::table::duration;
use super::{Machine, Plan};

/// 항목 하나의 시간이 이보다 달라지면 안 됩니다(비율).
const FLAT: f64 = 0.2;
/// 시작한 자식의 개인 메모리(KiB).
const CHILD_KIB: u64 = 4 * 1024;
/// 많은 항목이 지나가는 동안 부모의 메모리(KiB).
const PARENT_KIB: u64 = 64 * 1024;
/// 되풀이해 시작한 뒤에 늘어도 되는 메모리(KiB). 할당자가 잡아 두는 만큼입니다.
const LEFT_KIB: u64 = 256;
/// 지나가는 항목의 묶음. 가장 적은 항목(10^4개)도 작업자마다 여러 묶음이 되게 합니다.
const CHUNK: usize = 250;
const WORKERS: usize = 4;
/// 매핑을 모두 세어 더한 것. `status`의 VmRSS는 코어마다 따로 센 것을 늦게 더하므로 조금 다릅니다.
const ROLLUP: &str = "/proc/self/smaps_rollup";

type Check = fn(&Plan) -> Result<Finding>;

const CHECKS: [Check; 5] =
    [flat_items, flat_workers, child_at_start, parent_while_passing, nothing_left];

/// 차례로 확인하고 출력합니다.
pub fn run(plan: &Plan, machine: &Machine) -> Result<()> {
    for check in CHECKS {
        check(plan)?.report(plan, machine);
    }
    Ok(())
}

/// 항목이 10^4개에서 10^7개까지 늘어도 항목 하나의 시간이 같은지.
fn flat_items(plan: &Plan) -> Result<Finding> {
    let counts: &[u64] =
        if plan.quick { &[10_000, 100_000] } else { &[10_000, 100_000, 1_000_000, 10_000_000] };
    let pool = warm_pool(WORKERS)?;
    // 준비로 한 번 보냅니다.
    pass(&pool, CHUNK, counts[0])?;
    let mut times = Vec::new();
    for &count in counts {
        // 적은 항목은 금세 지나가므로 여러 번 잽니다.
        let rounds = if count > 1_000_000 { 1 } else { plan.rounds.max(1) };
        let rounds = (0..rounds).map(|_| pass(&pool, CHUNK, count)).collect::<Result<_>>()?;
        times.push(median(rounds).context("잰 시간이 없습니다")?);
    }
    let middle = median(times.clone()).context("잰 시간이 없습니다")?;
    let worst = times.iter().map(|time| (time / middle - 1.0).abs()).fold(0.0, f64::max);
    Ok(Finding {
        name: "items",
        title: "항목의 수가 늘 때 항목 하나의 시간이 달라지는 폭".to_owned(),
        details: series(counts.iter().map(|count| format!("{}개", grouped(*count))), &times),
        value: 100.0 * worst,
        limit: 100.0 * FLAT,
        unit: "%",
        timed: true,
    })
}

/// 작업자가 하나에서 예순넷까지 늘어도 하나씩 맡기는 비용이 늘지 않는지.
fn flat_workers(plan: &Plan) -> Result<Finding> {
    let workers: &[usize] = if plan.quick { &[1, 4, 16] } else { &[1, 2, 4, 8, 16, 32, 64] };
    let count = if plan.quick { 2_000 } else { 20_000 };
    let mut times = Vec::new();
    for &workers in workers {
        let pool = warm_pool(workers)?;
        pass(&pool, 1, count / 10)?;
        let rounds = (0..plan.rounds.max(1)).map(|_| pass(&pool, 1, count));
        times.push(median(rounds.collect::<Result<_>>()?).context("잰 시간이 없습니다")?);
    }
    let most = times.iter().copied().fold(0.0, f64::max);
    Ok(Finding {
        name: "workers",
        title: "작업자가 늘 때, 하나일 때보다 늘어나는 비용".to_owned(),
        details: series(workers.iter().map(|workers| format!("{workers}명")), &times),
        value: 100.0 * (most / times[0] - 1.0),
        limit: 100.0 * FLAT,
        unit: "%",
        timed: true,
    })
}

/// 시작한 자식이 혼자 쓰는 메모리.
fn child_at_start(_: &Plan) -> Result<Finding> {
    let private = Process::spawn(private_memory, ())?.join()?;
    Ok(Finding {
        name: "child",
        title: "시작한 자식의 개인 메모리".to_owned(),
        details: vec!["/proc/self/smaps_rollup의 Private_Clean + Private_Dirty".to_owned()],
        value: private as f64,
        limit: CHILD_KIB as f64,
        unit: "KiB",
        timed: false,
    })
}

/// 많은 항목이 지나가는 동안 부모의 메모리가 가장 컸을 때.
fn parent_while_passing(plan: &Plan) -> Result<Finding> {
    let count: u64 = if plan.quick { 1_000_000 } else { 10_000_000 };
    // 앞의 확인이 쓴 메모리가 섞이지 않게, 새 프로세스가 풀의 부모가 됩니다.
    let peak = Process::spawn(peak_while_passing, (count,))?.join()?;
    Ok(Finding {
        name: "parent",
        title: format!("항목 {}개가 imap_unordered를 지나는 동안 부모의 메모리", grouped(count)),
        details: vec!["풀을 만든 프로세스의 VmHWM".to_owned()],
        value: peak as f64,
        limit: PARENT_KIB as f64,
        unit: "KiB",
        timed: false,
    })
}

/// 되풀이해 시작하고 조인한 뒤에 디스크립터와 메모리가 그대로인지.
fn nothing_left(plan: &Plan) -> Result<Finding> {
    let starts = if plan.quick { 100 } else { 1_000 };
    // 처음 몇 번은 할당자가 메모리를 잡는 준비입니다.
    start_and_join(20)?;
    let (fds, resident) = (descriptors()?, resident_memory()?);
    start_and_join(starts)?;
    let (later_fds, later_resident) = (descriptors()?, resident_memory()?);
    ensure!(later_fds == fds, "디스크립터가 {fds}개에서 {later_fds}개로 달라졌습니다");
    Ok(Finding {
        name: "starts",
        title: format!("프로세스를 {}번 시작한 뒤에 늘어난 메모리", grouped(starts.into())),
        details: vec![
            format!("디스크립터 {fds}개 그대로"),
            format!("Rss {resident} KiB에서 {later_resident} KiB"),
        ],
        value: later_resident.saturating_sub(resident) as f64,
        limit: LEFT_KIB as f64,
        unit: "KiB",
        timed: false,
    })
}

fn series(names: impl Iterator<Item = String>, times: &[f64]) -> Vec<String> {
    names.zip(times).map(|(name, time)| format!("{name} {}", duration(*time))).collect()
}

/// 세 자리마다 쉼표를 찍은 수.
fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}

fn start_and_join(starts: u32) -> Result<()> {
    (0..starts).try_for_each(|_| Ok(Process::spawn(nothing, ())?.join()?))
}

// 여기부터는 자식 프로세스에서도 실행됩니다.

fn nothing() {}

/// 수 `count`개의 제곱을 구해 합을 확인하고, 항목 하나의 나노초를 반환합니다.
fn pass(pool: &Pool, chunk: usize, count: u64) -> Result<f64> {
    let (sum, span) = Span::of(|| {
        let mut squares = pool.imap_unordered(square, 0..count).chunk_size(chunk);
        squares.try_fold(0u64, |sum, square| Ok(sum.wrapping_add(square?)))
    })?;
    let expected = (0..count).map(square).fold(0, u64::wrapping_add);
    ensure!(sum == expected, "제곱의 합이 {expected}이어야 하는데 {sum}입니다");
    Ok(span.each(u32::try_from(count)?))
}

fn peak_while_passing(count: u64) -> Result<u64> {
    pass(&Pool::new(WORKERS)?, CHUNK, count)?;
    peak_memory()
}

/// 이 프로세스만 쓰는 메모리(KiB).
fn private_memory() -> Result<u64> {
    let rollup = fs::read_to_string(ROLLUP)?;
    Ok(kib(&rollup, "Private_Clean:")? + kib(&rollup, "Private_Dirty:")?)
}

/// 지금 실제 메모리에 있는 양(KiB).
fn resident_memory() -> Result<u64> {
    kib(&fs::read_to_string(ROLLUP)?, "Rss:")
}

/// 메모리가 가장 컸을 때의 양(KiB).
fn peak_memory() -> Result<u64> {
    kib(&fs::read_to_string("/proc/self/status")?, "VmHWM:")
}

/// `name: 수 kB` 줄의 수.
fn kib(text: &str, field: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let line = line.with_context(|| format!("{field} 줄이 없습니다"))?;
    let number = line.split_whitespace().next().context("수가 없습니다")?;
    number.parse().context("수가 아닙니다")
}

fn descriptors() -> Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}
