//! 파이프의 한쪽이 죽거나 엉뚱한 것을 보내는 사례.

use crate::torture::Case;

pub fn cases() -> Vec<Case> {
    vec![]
}
