//! 11.4 Process: 예제의 출력과, 프로세스를 시작하고 끝내는 일의 약속을 확인합니다.
//!
//! 실행: `cargo test -p tests --test process`

#[path = "process/arguments.rs"]
mod arguments;
#[path = "process/cpython.rs"]
mod cpython;
#[path = "process/endings.rs"]
mod endings;
#[path = "process/handles.rs"]
mod handles;
#[path = "process/lesson.rs"]
mod lesson;
#[path = "process/orphans.rs"]
mod orphans;
#[path = "process/values.rs"]
mod values;

fn main() {
    ipc_core::init();
    tests::harness::run(tests::trials![
        lesson::output_keeps_the_contract,
        lesson::usage,
        lesson::main_killed,
        lesson::interrupted,
        lesson::child_killed,
        values::come_back_from_join,
        values::large_value_comes_back,
        values::results_come_back,
        values::zero_to_six_arguments,
        values::closures_that_capture_nothing,
        values::child_spawns_grandchild,
        values::spawn_from_many_threads,
        values::stdin_is_empty,
        values::same_command_line,
        values::mark_is_not_taken_by_other_programs,
        endings::panics_keep_their_message,
        endings::errors_keep_their_chain,
        endings::exit_codes,
        endings::signals_are_named,
        endings::stack_overflow_is_reported,
        endings::ignored_sigchld_is_not_inherited,
        endings::reaped_by_others,
        handles::join_timeout_then_success,
        handles::join_twice_is_an_error,
        handles::join_timeout_keeps_its_deadline,
        handles::is_running_follows_the_child,
        handles::terminate_and_kill,
        handles::signals_after_the_end_do_nothing,
        handles::drop_kills_and_reaps,
        handles::dropping_a_running_process_says_so,
        handles::wait_any_finds_the_first_to_end,
        handles::wait_any_keeps_its_deadline,
        arguments::failing_to_serialise,
        arguments::failing_to_read,
        arguments::large_arguments_to_a_dying_child,
        orphans::stopped,
        cpython::many_at_once,
        cpython::child_knows_its_parent,
        cpython::task_runs_on_the_main_thread,
        cpython::later_children_inherit_no_more,
        cpython::open_file_is_not_inherited,
        cpython::closed_output_does_no_harm,
        cpython::arguments_leave_the_parent,
    ]);
}
