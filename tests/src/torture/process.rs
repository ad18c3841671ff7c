//! 프로세스가 시작하지 못하거나, 부모가 죽는 사례.
//!
//! | 사례 | 파일 |
//! | --- | --- |
//! | 8 시작하지 못하는 자식 | `process/starts.rs` |
//! | 17 부모의 죽음 | `process/parents.rs` |
//! | 18 Ctrl-C | `process/interrupts.rs` |
//!
//! `process/plain.rs`는 약속을 지키지 못하는 평범한 자식입니다.

mod interrupts;
mod parents;
mod plain;
mod starts;

use crate::torture::Case;

pub fn cases() -> Vec<Case> {
    vec![starts::never(), parents::killed(), interrupts::interrupted()]
}
