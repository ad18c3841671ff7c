//! 공유 메모리의 바이트를 8바이트 칸(word)으로 쓰고 읽습니다.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// `bytes`를 8바이트씩 나누어 `words`에 차례로 씁니다. 남는 칸은 0으로 채웁니다.
///
/// 공유 메모리의 바이트는 다른 프로세스가 언제든 볼 수 있으므로, 아토믹으로 써야 데이터 경합이 없습니다.
#[inline]
pub fn store_bytes(words: &[AtomicU64], bytes: &[u8]) {
    for (word, bytes) in words.iter().zip(bytes.chunks(8)) {
        word.store(word_of(bytes), Relaxed);
    }
}

/// 8바이트까지의 바이트를 담은 한 칸. 모자란 뒤는 0입니다.
#[inline]
pub fn word_of(bytes: &[u8]) -> u64 {
    match bytes.try_into() {
        Ok(whole) => u64::from_le_bytes(whole),
        Err(_) => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// [`store_bytes`]로 쓴 것을 `bytes` 뒤에 덧붙입니다. 8바이트 단위로 늘어나므로, 필요하면 뒤를 자르십시오.
#[inline]
pub fn load_bytes(words: &[AtomicU64], bytes: &mut Vec<u8>) {
    bytes.reserve(words.len() * 8);
    for word in words {
        bytes.extend_from_slice(&word.load(Relaxed).to_le_bytes());
    }
}
