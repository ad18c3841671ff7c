//! 한도에 닿거나 오래 되풀이하는 사례.

use crate::torture::Case;

pub fn cases() -> Vec<Case> {
    vec![]
}
