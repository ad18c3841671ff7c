//! 락의 주인이 죽는 사례.

use crate::torture::Case;

pub fn cases() -> Vec<Case> {
    vec![]
}
