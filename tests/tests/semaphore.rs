//! 11.8 Semaphore: 세마포어의 약속을 확인합니다.
//!
//! 실행: `cargo test -p tests --test semaphore`

#[path = "semaphore/deaths.rs"]
mod deaths;
#[path = "semaphore/permits.rs"]
mod permits;

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        permits::zero_places_is_an_error,
        permits::counts_are_shown,
        permits::places_are_shared_between_processes,
        permits::never_more_inside_than_places,
        permits::waiter_is_woken,
        permits::released_on_panic,
        deaths::permit_comes_back_after_a_kill,
        deaths::waiter_takes_over,
        deaths::all_permits_of_a_process_come_back,
    ]);
}
