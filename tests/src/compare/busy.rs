//! 컴퓨터가 다른 일로 바빴는지 봅니다. 바빴으면 판정하지 않습니다.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

use super::cores;
use super::measure::{Time, of};
use super::row::Role;

/// 코어 하나에 이만큼의 부하(1분 평균)가 걸려 있으면 바쁜 것으로 봅니다.
const LOAD_PER_CORE: f64 = 0.5;
/// 우리의 시간이 이보다 흩어지면 바쁜 것으로 봅니다.
const SPREAD: f64 = 0.2;
/// 아무것도 하지 않는 동안 이보다 쉬고 있으면, 부하는 이미 끝난 일(빌드)의 것입니다.
const IDLE: f64 = 0.95;
/// 아무것도 하지 않고 지켜보는 시간.
const WATCH: Duration = Duration::from_secs(2);

/// 시작할 때의 컴퓨터.
pub struct Machine {
    /// 1분 평균 부하.
    pub load: f64,
    /// 다른 일로 바쁩니다.
    pub busy: bool,
}

impl Machine {
    /// 재기 전에 봅니다. 부하가 높으면, 지금도 그런지 2초 동안 지켜봅니다.
    ///
    /// 1분 평균에는 `cargo run`이 방금 마친 빌드도 들어 있습니다. 그것은 이 비교가 스스로 일으킨 부하입니다.
    pub fn look() -> Result<Machine> {
        let load = load()?;
        let busy = load > LOAD_PER_CORE * cores() as f64 && idle_share()? < IDLE;
        Ok(Machine { load, busy })
    }

    /// 판정할 수 없는 이유.
    pub fn doubt(&self, times: &[Time]) -> Option<String> {
        if self.busy {
            return Some(format!("시작할 때 바빴음(부하 {:.2})", self.load));
        }
        let ours = of(times, Role::Ours).filter(|ours| ours.spread > SPREAD)?;
        Some(format!("라운드마다 다름(폭 {:.0}%)", ours.spread * 100.0))
    }
}

fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    text.split(' ')
        .next()
        .context("loadavg가 비었습니다")?
        .parse()
        .context("loadavg가 수가 아닙니다")
}

/// [`WATCH`] 동안 코어들이 쉰 비율.
fn idle_share() -> Result<f64> {
    let (idle, all) = ticks()?;
    sleep(WATCH);
    let (later_idle, later_all) = ticks()?;
    Ok((later_idle - idle) / (later_all - all).max(1.0))
}

/// 지금까지 코어들이 쉰 시간과 전체 시간(`/proc/stat`의 첫 줄, 단위는 틱).
fn ticks() -> Result<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat이 비었습니다")?;
    // user nice system idle iowait irq softirq steal. 그 뒤의 guest는 앞의 것에 이미 들어 있습니다.
    let fields: Vec<f64> =
        line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
    let idle = fields.get(3..5).context("/proc/stat의 형식이 다릅니다")?.iter().sum();
    Ok((idle, fields.iter().sum()))
}
