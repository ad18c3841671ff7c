//! 큐의 두 쪽과 풀의 나누어 주기를, 가능한 모든 순서로 돌려 보는 모형입니다.
//!
//! 실행: `cargo test -p tests --test models`
//!
//! | 모형 | 본뜬 코드 | 약속 |
//! | --- | --- | --- |
//! | `parts.rs` | `futex.rs`의 `EventCount`, `mutex.rs` | |
//! | `ring.rs` | `crates/queue/src/ring.rs`, `queue.rs` | `queue.rs` |
//! | `wire.rs`, `worker.rs`, `dispatch.rs` | `crates/pool/src/worker.rs`, `dispatch.rs`, `seat.rs`, `chunk.rs` | `pool.rs` |
//!
//! loom을 씁니다. 순서를 무작위로 고르는 shuttle과 달리 빠짐없이 돌고, `Relaxed`와 `Release`의 차이까지 봅니다.
//! 그 대신 크기가 작아야 하므로 프로세스는 셋, 항목은 서너 개이고, 빼앗기(preemption)는 두 번까지입니다.
//! 모형의 프로세스는 스레드이며, 어느 단계에서나 영원히 멈출 수 있습니다(`Process::step`). 죽는 단계를 0부터 하나씩
//! 늘려 가며, 더 죽을 단계가 없을 때까지 되풀이합니다.
//!
//! 단계마다 그것이 코드의 어느 줄인지 `// 파일: 줄`로 적었고, 그 줄이 정말 있는지도 시험합니다. 모형이 잘못을 찾을
//! 수 있다는 것은, 일부러 한 단계를 비튼(`Twist`) 모형이 모두 걸리는 것으로 보입니다.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use loom::model::Builder;

#[path = "models/dispatch.rs"]
mod dispatch;
#[path = "models/parts.rs"]
mod parts;
#[path = "models/pool.rs"]
mod pool;
#[path = "models/queue.rs"]
mod queue;
#[path = "models/quotes.rs"]
mod quotes;
#[path = "models/ring.rs"]
mod ring;
#[path = "models/wire.rs"]
mod wire;
#[path = "models/worker.rs"]
mod worker;

/// 한 번의 실행에서 차례를 빼앗는 횟수의 한도. 스스로 기다리며 내주는 것은 세지 않습니다.
const PREEMPTIONS: usize = 2;

/// 가능한 순서를 모두 돌려 봅니다. 멈추거나(교착 상태) 패닉하는 순서가 있으면 패닉합니다.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// 죽는 단계를 0부터 늘려 가며, 죽기 전에 일이 끝날 때까지 돌려 봅니다.
fn at_every_step(
    preemptions: usize,
    model: impl Fn(usize, &Arc<AtomicBool>) + Copy + Send + Sync + 'static,
) {
    let landed = Arc::new(AtomicBool::new(true));
    for steps in 0.. {
        if !landed.swap(false, Relaxed) {
            return;
        }
        let landed = landed.clone();
        explore(preemptions, move || {
            let killed = Arc::default();
            model(steps, &killed);
            landed.fetch_or(killed.load(Relaxed), Relaxed);
        });
    }
}

/// 비튼 모형에서는 잘못을 찾아내야 합니다.
fn must_fail(twist: impl Debug, check: impl FnOnce()) {
    let outcome = catch_unwind(AssertUnwindSafe(check));
    assert!(outcome.is_err(), "{twist:?}: 모형이 잘못을 찾지 못했습니다");
}
