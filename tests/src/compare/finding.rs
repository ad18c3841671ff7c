//! [`Finding`]: 한도와 비교하는 확인 하나의 결과.

use anstream::println;
use serde_json::json;

use super::table::{details, left};
use super::{Machine, Plan};

/// 제목이 드는 칸.
const TITLE: usize = 62;

/// 확인 하나의 결과.
pub struct Finding {
    pub name: &'static str,
    pub title: String,
    /// 재어 본 것. 예: `10,000개에서 80 ns`.
    pub details: Vec<String>,
    /// 잰 값과 한도.
    pub value: f64,
    pub limit: f64,
    pub unit: &'static str,
    /// 시간이면 참. 컴퓨터가 바쁘면 판정하지 않습니다.
    pub timed: bool,
}

impl Finding {
    /// 판정해 출력합니다.
    pub fn report(&self, plan: &Plan, machine: &Machine) {
        let busy = machine.busy.then(|| "다른 일로 바쁨".to_owned());
        let doubt = plan.too_little().or(busy).filter(|_| self.timed);
        if plan.json { self.print_json(doubt) } else { self.print(doubt) }
    }

    fn met(&self) -> bool {
        self.value <= self.limit
    }

    fn print(&self, doubt: Option<String>) {
        let verdict = match doubt {
            Some(why) => format!("– {why}"),
            None if self.met() => "충족".to_owned(),
            None => "미달".to_owned(),
        };
        println!("{}  {verdict}", left(&self.title, TITLE));
        println!("    {:.1}{unit} (≤ {:.0}{unit})", self.value, self.limit, unit = self.unit);
        details(self.details.clone());
    }

    fn print_json(&self, doubt: Option<String>) {
        let met = doubt.is_none().then(|| self.met());
        let object = json!({
            "check": self.name, "unit": self.unit, "value": self.value, "limit": self.limit,
            "details": self.details, "met": met, "doubt": doubt,
        });
        println!("{object}");
    }
}
