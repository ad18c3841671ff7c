//! 11.7 Lock: 락의 약속을 확인합니다.
//!
//! 실행: `cargo test -p tests --test lock`

#[path = "lock/deaths.rs"]
mod deaths;
#[path = "lock/guards.rs"]
mod guards;
#[path = "lock/waiting.rs"]
mod waiting;

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        waiting::try_acquire_never_waits,
        waiting::second_acquire_on_a_thread_is_an_error,
        waiting::waiter_gets_its_turn,
        guards::increments_are_exact,
        guards::released_on_panic,
        guards::released_on_early_return,
        guards::released_at_normal_exit,
        guards::forgotten_guard_does_no_harm,
        guards::values_of_many_shapes,
        deaths::next_is_told_until_repaired,
        deaths::waiter_is_told_at_once,
        deaths::try_and_timeout_are_told_too,
        deaths::told_is_not_holding,
        deaths::repairer_may_die_too,
        deaths::death_of_a_woken_waiter_wakes_the_next,
    ]);
}
