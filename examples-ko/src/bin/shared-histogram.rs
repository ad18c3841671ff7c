//! 11.7 공유 히스토그램: 직접 만든 구조체를 락에 넣습니다
//!
//! 네 프로세스가 1부터 20000까지의 수가 각각 몇 걸음 만에 1이 되는지 셉니다(짝수면 반으로, 홀수면 세 배에 1을 더합니다). 걸음
//! 수를 히스토그램 하나에 함께 모읍니다. 히스토그램은 직접 만든 구조체이고, `plain!`으로 정의해 락에 넣습니다.
//!
//! 실행: `cargo run -p examples-ko --bin shared-histogram` 또는 `just run-shared-histogram`
//! 마지막 줄: `--- 공유 히스토그램 예제 종료 ---`
//! 함께 보기: `plain!`은 `crates/ipc-core/src/own.rs`, 카운터 하나를 지키는 락은 11.7 `crates/lock`

#![forbid(unsafe_code)]

use anyhow::{Result, bail, ensure};
use ipc_core::Process;
use lock::{Lock, plain};

const NUM_PROCESSES: u32 = 4;
const LAST: u32 = 20_000;
const BINS: usize = 6;
/// 칸 하나의 폭(걸음).
const WIDTH: u32 = 50;
/// `#` 하나가 나타내는 수. 나머지는 올립니다.
const SCALE: u32 = 500;

// ANCHOR: plain
plain! {
    #[derive(Debug, Default, Clone, Copy)]
    struct Histogram {
        seen: u32,
        bins: [u32; BINS],
        longest: Longest,
    }

    // 표준 라이브러리의 Option은 배치가 정해져 있지 않아 락에 둘 수 없습니다.
    #[derive(Debug, Default, Clone, Copy)]
    enum Longest {
        #[default]
        None,
        Walk { start: u32, steps: u32 },
    }
}
// ANCHOR_END: plain

fn main() -> Result<()> {
    ipc_core::init();
    ipc_core::help(include_str!("shared-histogram.rs"));

    println!("--- 공유 히스토그램 예제 시작 ---");

    // ANCHOR: share
    let histogram = Lock::new(Histogram::default())?;
    let processes = (0..NUM_PROCESSES)
        .map(|nth| Process::spawn(walk_every_fourth, (histogram.clone(), nth)))
        .collect::<Result<Vec<_>, _>>()?;
    for process in processes {
        process.join()?;
    }
    let total = *histogram.acquire()?;
    // ANCHOR_END: share

    ensure!(total.seen == LAST, "{total:?}: 잃은 결과가 있습니다");
    for (bin, count) in (0..).zip(total.bins) {
        let bar = "#".repeat(count.div_ceil(SCALE) as usize);
        println!("{:>4}걸음부터 {count:>5}개 {bar}", bin * WIDTH);
    }
    let Longest::Walk { start, steps } = total.longest else { bail!("모은 것이 없습니다") };
    println!("모두 {}개, 가장 먼 수는 {start}: {steps}걸음", total.seen);
    println!("--- 공유 히스토그램 예제 종료 ---");
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

// ANCHOR: add
fn walk_every_fourth(histogram: Lock<Histogram>, nth: u32) -> Result<()> {
    for start in (1..=LAST).filter(|start| start % NUM_PROCESSES == nth) {
        let steps = steps_to_one(start);
        // 계산은 락 밖에서 하고, 가드가 있는 이 줄에서만 구조체를 고칩니다.
        histogram.acquire()?.add(start, steps);
    }
    Ok(())
}

impl Histogram {
    fn add(&mut self, start: u32, steps: u32) {
        self.seen += 1;
        self.bins[((steps / WIDTH) as usize).min(BINS - 1)] += 1;
        let farther = match self.longest {
            Longest::None => true,
            // 걸음 수가 같으면 작은 수를 남깁니다. 누가 먼저 넣었든 결과가 같습니다.
            Longest::Walk { start: other, steps: most } => (most, start) < (steps, other),
        };
        if farther {
            self.longest = Longest::Walk { start, steps };
        }
    }
}
// ANCHOR_END: add

/// `start`가 1이 될 때까지의 걸음 수.
fn steps_to_one(start: u32) -> u32 {
    let next = |n: &u64| Some(if n % 2 == 0 { n / 2 } else { 3 * n + 1 });
    let walk = std::iter::successors(Some(u64::from(start)), next);
    walk.take_while(|n| *n != 1).fold(0, |steps, _| steps + 1)
}
