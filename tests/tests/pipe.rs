//! 11.6 Pipe: 파이프와 그 밑의 채널의 약속을 확인합니다.
//!
//! 실행: `cargo test -p tests --test pipe`

#[path = "pipe/contrast.rs"]
mod contrast;
#[path = "pipe/cpython.rs"]
mod cpython;
#[path = "pipe/ends.rs"]
mod ends;
#[path = "pipe/messages.rs"]
mod messages;
#[path = "pipe/shortage.rs"]
mod shortage;
#[path = "pipe/together.rs"]
mod together;

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        messages::one_way_in_order,
        messages::both_ways,
        messages::sizes_around_the_limit,
        messages::sixty_four_mebibytes,
        messages::one_large_value_waits_unread,
        messages::refused_sends_leave_nothing,
        messages::poll_sees_values_and_the_end,
        messages::type_mismatch_loses_one_message,
        messages::unreadable_value_loses_one_message,
        ends::end_comes_after_drop,
        ends::end_comes_after_exit,
        ends::end_comes_after_kill_among_siblings,
        ends::sender_learns_of_a_dead_receiver,
        ends::ends_travel_through_pipes,
        ends::unread_end_is_closed,
        shortage::descriptor_lost_on_the_way_is_an_error,
        shortage::missing_descriptor_is_an_error,
        shortage::too_many_descriptors_in_flight_is_an_error,
        shortage::file_limit_is_an_error,
        contrast::ipc_channel_sender_stays_stuck,
        cpython::empty_value_is_a_message,
        cpython::polling_receives_every_string,
        cpython::messages_do_not_merge,
        cpython::end_with_a_large_number,
        together::ends_are_waited_for_together,
        together::slow_ends_are_waited_for_together,
        together::ends_and_processes_mix,
    ]);
}
