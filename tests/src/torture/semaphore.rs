//! 허가를 쥔 프로세스가 죽는 사례.

use crate::torture::Case;

pub fn cases() -> Vec<Case> {
    vec![]
}
