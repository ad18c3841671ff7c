//! 큐와 풀의 게시판이 지키는 약속들을, 가능한 모든 순서로 확인합니다.
//!
//! 실행: `cargo test -p models`. 무엇을 실행하는지는 `models`의 `lib.rs`에 있습니다.
//!
//! loom은 순서를 무작위로 고르지 않고 빠짐없이 돌며, `Relaxed`와 `Release`의 차이까지 봅니다. 그 대신 크기가 작아야 하므로
//! 프로세스는 셋이나 넷, 항목은 두엇이고, 빼앗기(preemption)는 두 번까지입니다.

mod joinable;
mod pool;
mod queue;
mod twists;
mod wait;

/// 모형마다 프로세스를 하나씩 띄웁니다. loom은 실행할 때마다 스택을 새로 매핑하므로, 한 프로세스에서 함께 실행하면 서로 기다립니다.
fn main() {
    let models: &[(&str, fn())] = &[
        (
            "joinable::finished_work_is_never_unfinished",
            joinable::finished_work_is_never_unfinished,
        ),
        ("joinable::abandoned_work_is_told", joinable::abandoned_work_is_told),
        ("joinable::worker_killed_at_any_step", joinable::worker_killed_at_any_step),
        ("pool::chunks_are_taken_once", pool::chunks_are_taken_once),
        ("pool::no_wake_is_lost", pool::no_wake_is_lost),
        ("pool::worker_killed_at_any_step", pool::worker_killed_at_any_step),
        ("queue::no_wake_is_lost", queue::no_wake_is_lost),
        ("queue::writers_keep_order", queue::writers_keep_order),
        ("queue::what_was_put_is_seen_before_the_end", queue::what_was_put_is_seen_before_the_end),
        ("queue::writer_killed_at_any_step", queue::writer_killed_at_any_step),
        ("queue::reader_killed_at_any_step", queue::reader_killed_at_any_step),
        ("queue::closer_killed_at_any_step", queue::closer_killed_at_any_step),
        ("twists::rechecking_is_needed_after_a_kill", twists::rechecking_is_needed_after_a_kill),
        ("wait::no_wake_is_lost", wait::no_wake_is_lost),
        ("twists::every_twist_is_caught", twists::every_twist_is_caught),
    ];
    let trial = |(name, model): &(&'static str, fn())| {
        let model = *model;
        (*name, move || {
            model();
            anyhow::Ok(())
        })
    };
    tests::harness::run(models.iter().map(trial));
}
