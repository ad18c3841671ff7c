//! 풀의 작업자가 죽는 사례.

use crate::torture::Case;

pub fn cases() -> Vec<Case> {
    vec![]
}
