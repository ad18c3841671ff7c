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
