//! 11.5 Queue: 큐의 약속을 확인합니다.
//!
//! 실행: `cargo test -p tests --test queue`

#[path = "queue/bounds.rs"]
mod bounds;
#[path = "queue/closing.rs"]
mod closing;
#[path = "queue/cpython.rs"]
mod cpython;
#[path = "queue/deaths.rs"]
mod deaths;
#[path = "queue/joinable.rs"]
mod joinable;
#[path = "queue/order.rs"]
mod order;

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        order::first_in_first_out,
        order::each_item_exactly_once,
        order::sizes_wrap_around,
        bounds::put_waits_for_room,
        bounds::get_waits_for_an_item,
        bounds::try_never_waits,
        bounds::too_large_says_the_sizes,
        bounds::too_many_bytes_to_create,
        bounds::handles_are_refused,
        bounds::maxsize_counts_the_items,
        bounds::small_items_do_not_overtake_a_large_one,
        closing::drains_then_disconnects,
        closing::iter_ends,
        closing::put_after_close,
        closing::waiting_getters_are_woken,
        closing::waiting_putters_are_woken,
        deaths::survivors_go_on_after_random_kills,
        cpython::items_from_before_and_after_the_start,
        cpython::len_follows_the_items,
        cpython::failed_put_takes_no_room,
        cpython::queue_made_in_a_child,
        joinable::join_waits_for_every_task,
        joinable::join_timeout_keeps_its_deadline,
        joinable::holder_killed,
        joinable::dropped_task_is_unfinished,
        joinable::join_while_holding_is_an_error,
        joinable::too_many_tasks_at_once,
        joinable::survivors_finish_the_rest,
    ]);
}
