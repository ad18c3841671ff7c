//! [`Verdict`]: 시간의 비율과 판정.

use super::measure::{Time, of};
use super::row::{Role, Row};

/// 한 항목의 비율과 판정.
pub struct Verdict {
    /// 파이썬의 시간 ÷ 우리의 시간. 클수록 우리가 빠릅니다.
    pub faster_than_python: Option<f64>,
    /// 우리의 시간 ÷ 상대의 시간. 작을수록 우리가 빠릅니다.
    pub cost_of_rival: Option<f64>,
    /// 목표를 모두 채웠는지. 판정하지 못하면 `None`입니다.
    pub met: Option<bool>,
    /// 판정하지 못한 이유.
    pub doubt: Option<String>,
}

impl Verdict {
    /// `doubt`가 있으면 비율만 내고 판정하지 않습니다.
    pub fn of(row: &Row, times: &[Time], doubt: Option<String>) -> Verdict {
        let time = |role| of(times, role).map(|time| time.median);
        let divide = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
        let ours = time(Role::Ours);
        let faster_than_python = divide(time(Role::Python), ours);
        let cost_of_rival = row.rival.and_then(|(rival, _)| divide(ours, time(rival)));
        let met = both(
            faster_than_python.map(|ratio| ratio >= row.target_python),
            row.rival.map_or(Some(true), |(_, most)| cost_of_rival.map(|ratio| ratio <= most)),
        );
        let unknown = met.is_none().then(|| "파이썬이 없음".to_owned());
        let doubt = doubt.or(unknown);
        Verdict { faster_than_python, cost_of_rival, met: met.filter(|_| doubt.is_none()), doubt }
    }
}

/// 둘 다 참인지. 하나가 거짓이면 다른 하나는 몰라도 거짓입니다.
fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(ours: f64, raw: f64, python: Option<f64>) -> Vec<Time> {
        let time = |role, median| Time { role, name: String::new(), median, spread: 0.0 };
        let python = python.map(|python| time(Role::Python, python));
        [time(Role::Ours, ours), time(Role::Raw, raw)].into_iter().chain(python).collect()
    }

    #[test]
    fn both_targets_must_be_met() {
        let row = Row::new("x", "x").faster_than_python(4.0).within(1.5, Role::Raw);
        let met = |times: Vec<Time>| Verdict::of(&row, &times, None).met;
        assert_eq!(met(times(10.0, 8.0, Some(50.0))), Some(true));
        assert_eq!(met(times(10.0, 8.0, Some(30.0))), Some(false));
        assert_eq!(met(times(10.0, 4.0, Some(50.0))), Some(false));
        assert_eq!(met(times(10.0, 8.0, None)), None);
        assert_eq!(met(times(10.0, 4.0, None)), Some(false));
    }

    #[test]
    fn a_doubt_keeps_the_verdict_back() {
        let row = Row::new("x", "x").faster_than_python(4.0);
        let verdict = Verdict::of(&row, &times(10.0, 8.0, Some(50.0)), Some("바쁨".to_owned()));
        assert_eq!((verdict.met, verdict.faster_than_python), (None, Some(5.0)));
    }
}
