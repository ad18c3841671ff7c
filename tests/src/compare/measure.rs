//! 참가자들을 차례로 재고, 가운데 값(median)을 고릅니다.

use anyhow::{Context, Result};

use super::python::Python;
use super::row::{Role, Row, Size};

/// 파이썬은 느리므로 이만큼만 잽니다.
const PYTHON_ROUNDS: u32 = 3;

/// 참가자 하나의 시간.
pub struct Time {
    pub role: Role,
    pub name: String,
    /// 가운데 값(나노초).
    pub median: f64,
    /// 라운드 가운데 절반이 흩어진 폭을 가운데 값으로 나눈 것. 라운드가 하나면 0입니다.
    pub spread: f64,
}

impl Time {
    fn of(role: Role, name: &str, mut rounds: Vec<f64>) -> Option<Time> {
        rounds.sort_by(f64::total_cmp);
        let median = quantile(&rounds, 0.5)?;
        let spread = (quantile(&rounds, 0.75)? - quantile(&rounds, 0.25)?) / median;
        Some(Time { role, name: name.to_owned(), median, spread })
    }
}

/// 역할이 `role`인 참가자의 시간.
pub fn of(times: &[Time], role: Role) -> Option<&Time> {
    times.iter().find(|time| time.role == role)
}

/// 라운드마다 모든 참가자를 한 번씩 차례로 잽니다. 컴퓨터가 느려지는 때가 있어도 모두가 함께 겪습니다.
pub fn in_turn(row: &Row, size: Size, rounds: u32, python: Option<&Python>) -> Result<Vec<Time>> {
    let mut ours = vec![Vec::new(); row.contestants.len()];
    let mut pythons = Vec::new();
    // 0번은 준비 라운드여서 버립니다.
    for round in 0..=rounds {
        for (contestant, times) in row.contestants.iter().zip(&mut ours) {
            let time = (contestant.run)(size)
                .with_context(|| format!("{}: {}", row.name, contestant.name))?;
            times.extend((round > 0).then_some(time));
        }
        if let Some(python) = python.filter(|_| round <= PYTHON_ROUNDS) {
            let time = python.run(row.name, size)?;
            pythons.extend((round > 0).then_some(time));
        }
    }
    let times = row.contestants.iter().zip(ours);
    let times = times.filter_map(|(one, rounds)| Time::of(one.role, one.name, rounds));
    let python = python.and_then(|python| Time::of(Role::Python, &python.version, pythons));
    Ok(times.chain(python).collect())
}

/// 작은 것부터 늘어놓은 값에서 `at`(0에서 1 사이)번째. 사이에 있으면 비례로 나눕니다.
pub fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let place = at * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

/// 가운데 값.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_spread_ignore_one_outlier() {
        let rounds = vec![10.0, 11.0, 9.0, 10.0, 900.0, 10.0, 10.0];
        let time = Time::of(Role::Ours, "우리", rounds).expect("라운드가 일곱입니다");
        assert_eq!(time.median, 10.0);
        assert!(time.spread < 0.1);
        assert!(Time::of(Role::Ours, "우리", vec![]).is_none());
    }
}
