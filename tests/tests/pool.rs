//! 11.3 Pool: 풀의 약속을 확인합니다.
//!
//! 실행: `cargo test -p tests --test pool`

#[path = "pool/calls.rs"]
mod calls;
#[path = "pool/cpython.rs"]
mod cpython;
#[path = "pool/failures.rs"]
mod failures;
#[path = "pool/hidden.rs"]
mod hidden;
#[path = "pool/options.rs"]
mod options;
#[path = "pool/supervised.rs"]
mod supervised;

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        calls::map_keeps_the_input_order,
        calls::empty_input,
        calls::tuples_become_arguments,
        calls::large_items_and_results,
        calls::imap_reads_only_what_is_taken,
        calls::imap_unordered_gives_each_once,
        calls::dropped_imap_leaves_the_pool_usable,
        calls::apply_async_in_any_order,
        calls::one_worker_keeps_the_order,
        calls::map_async_collects_in_order,
        calls::map_async_fails_after_the_rest,
        calls::idle_worker_takes_back_a_waiting_chunk,
        calls::handles_travel_both_ways,
        calls::pool_inside_a_worker,
        failures::error_names_the_first_item,
        failures::pool_from_zero_workers,
        failures::unsendable_chunk_disturbs_nobody,
        options::initializer_runs_in_every_worker,
        options::failing_initializer_ends_the_call,
        options::workers_are_renewed,
        options::renewal_leaves_nobody_for_a_moment,
        options::closed_pool_refuses,
        options::join_and_terminate_leave_nothing,
        cpython::panicking_input_leaves_the_pool_usable,
        cpython::imap_in_chunks_ends_once,
        cpython::terminate_among_long_tasks,
        cpython::large_errors_from_every_worker,
        cpython::early_close_with_short_lives,
        cpython::forgotten_pool_ends_with_the_process,
        cpython::started_workers_do_not_leak,
        cpython::large_pool,
        cpython::default_worker_count,
        supervised::work_goes_on_while_nobody_waits,
        supervised::dropped_handles_let_the_work_go_on,
        supervised::join_timeout_keeps_its_deadline,
        supervised::threads_share_a_pool,
        supervised::handles_outlive_the_pool,
        supervised::join_returns_when_the_rest_is_cancelled,
        supervised::join_ends_though_nobody_can_start,
        supervised::many_retries_of_one_item,
        supervised::long_errors_arrive_whole,
        supervised::workers_that_cannot_be_replaced,
        supervised::slow_starters_are_ended_together,
        hidden::grandchild_keeps_the_channel_open,
        hidden::worker_that_closed_its_channel_is_ended,
    ]);
}
