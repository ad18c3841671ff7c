//! 프로세스가 시작하지 못하거나, 부모가 죽는 사례.

use crate::torture::Case;

pub fn cases() -> Vec<Case> {
    vec![]
}
