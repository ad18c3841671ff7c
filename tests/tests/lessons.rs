//! 수업의 여섯 프로그램(11.3–11.8): 출력은 수업과 같고, 도중에 죽어도 멈추지 않고 아무것도 남기지 않습니다.
//!
//! 실행: `cargo test -p tests --test lessons`

#[path = "lessons/lock.rs"]
mod lock;
#[path = "lessons/pipe.rs"]
mod pipe;
#[path = "lessons/pool.rs"]
mod pool;
#[path = "lessons/process.rs"]
mod process;
#[path = "lessons/queue.rs"]
mod queue;
#[path = "lessons/semaphore.rs"]
mod semaphore;

use anyhow::{Result, ensure};
use tests::breaking::{first_child_killed, group_interrupted, main_killed};
use tests::lesson::Lesson;

/// 프로그램마다, 한창 일하고 있음을 알리는 줄의 끝과, 첫 자식이 죽으면 출력하지 않아야 하는 말.
const MOMENTS: [(&str, &str, &str); 5] = [
    ("lock", "카운터 증가 시작", "예제 종료"),
    // 송신자가 죽은 것을 모른 채 둘째 부분으로 넘어가면 안 됩니다.
    ("pipe", "메시지 받음: 안녕", "양방향"),
    ("process", "Task 1 진행 중... (1/3)", "종료"),
    // 생산자가 죽으면 종료 신호가 오지 않습니다. 그래도 예제는 멈추지 않고 이유를 알립니다.
    ("queue", " 소비", "예제 종료"),
    ("semaphore", "(동시 실행 가능 수: 2)", "예제 종료"),
];

type Test = Box<dyn FnOnce() -> Result<()> + Send>;

fn main() {
    ipc_core::init();
    let outputs = tests::trials![
        lock::output_keeps_the_contract,
        pipe::output_keeps_the_contract,
        pool::output_keeps_the_contract,
        process::output_keeps_the_contract,
        queue::output_keeps_the_contract,
        semaphore::output_keeps_the_contract,
    ];
    let mut trials: Vec<(&'static str, Test)> = Vec::new();
    trials.extend(outputs.map(|(name, test)| (name, Box::new(test) as Test)));
    for (name, moment, never) in MOMENTS {
        let lesson = Lesson::new(name);
        let tests: [(&str, Test); 3] = [
            ("main_killed", Box::new(move || main_killed(lesson, moment))),
            ("interrupted", Box::new(move || group_interrupted(lesson, moment))),
            ("child_killed", Box::new(move || child_killed(lesson, moment, never))),
        ];
        let named = |(what, test)| (&*format!("{name}::{what}").leak(), test);
        trials.extend(tests.map(named));
    }
    tests::lesson::build_for_children();
    tests::harness::run(trials);
}

fn child_killed(lesson: Lesson, moment: &str, never: &str) -> Result<()> {
    let finished = first_child_killed(lesson, moment)?;
    ensure!(!finished.lines.iter().any(|line| line.text.contains(never)), "{finished:?}");
    Ok(())
}
