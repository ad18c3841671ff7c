//! 한 줄에 JSON 하나씩.

use serde_json::json;

use super::measure::{Time, of};
use super::row::{Role, Row};
use super::verdict::Verdict;

/// 시간의 단위는 모두 항목 하나의 나노초입니다. 없는 것과 판정하지 못한 것은 `null`입니다.
pub fn print(row: &Row, times: &[Time], verdict: &Verdict) {
    let time = |role| of(times, role).map(|time| time.median);
    let object = json!({
        "row": row.name,
        "unit": "ns",
        "ours": time(Role::Ours),
        "twin": time(Role::Twin),
        "raw": time(Role::Raw),
        "peer": time(Role::Peer),
        "python": time(Role::Python),
        // ratio_twin과 target_twin이 비교하는 상대. twin, raw, peer 가운데 하나입니다.
        "rival": row.rival.map(|(rival, _)| format!("{rival:?}").to_lowercase()),
        "rival_name": row.rival_name(),
        "ratio_python": verdict.faster_than_python,
        "ratio_twin": verdict.cost_of_rival,
        "target_python": row.target_python,
        "target_twin": row.rival.map(|(_, most)| most),
        "spread": of(times, Role::Ours).map(|ours| ours.spread),
        "met": verdict.met,
        "doubt": verdict.doubt,
    });
    println!("{object}");
}
