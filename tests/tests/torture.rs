//! 고문의 짧은 되풀이. 긴 되풀이는 `just torture`입니다.
//!
//! 실행: `cargo test -p tests --test torture`

use tests::torture::{cases, short};

fn main() {
    ipc_core::init();
    tests::harness::run(cases().into_iter().map(|case| (case.name, move || short(&case))));
}
