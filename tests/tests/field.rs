//! 현장: 작은 프로그램들이 실제로 하는 일을 그대로 해 봅니다.
//!
//! 실행: `cargo test -p tests --test field`

#[path = "field/output.rs"]
mod output;
#[path = "field/pools.rs"]
mod pools;
#[path = "field/processes.rs"]
mod processes;
#[path = "field/shared.rs"]
mod shared;
#[path = "field/values.rs"]
mod values;

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        processes::arguments_are_the_same,
        processes::reading_before_init_ends_at_once,
        processes::value_survives_another_reaper,
        processes::drop_never_signals_a_stranger,
        values::handles_go_where_threads_go,
        values::changing_shapes_need_json,
        values::failed_encoding_leaves_the_buffer,
        values::deep_value_is_an_error,
        values::large_backlog_is_bounded,
        shared::lock_received_again_and_again,
        shared::large_queue_stays_small,
        shared::too_many_held,
        pools::fire_and_forget,
        pools::shared_by_threads_and_static,
        pools::work_goes_on_while_the_parent_sleeps,
        pools::workers_killed_between_results,
        pools::given_up_pool_tries_again,
        pools::retries_are_used_up,
        pools::many_small_calls,
        pools::locks_in_every_item,
        pools::large_results_for_an_ordinary_user,
        output::text_without_newline_arrives,
        output::closed_output_ends_quietly,
    ]);
}
