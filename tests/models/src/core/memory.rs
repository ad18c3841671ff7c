//! 공유 메모리의 대역. 모형의 프로세스는 스레드이므로 `Arc` 하나를 함께 봅니다.

use std::io;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::plain::Placed;
use super::words::load_bytes;
use crate::machine::atomic::{AtomicU64, Ordering};

/// [`ipc_core::Shared`]의 자리.
pub struct Shared<T: Placed, E: Placed = ()>(Arc<(T, Vec<E>)>);

impl<T: Placed, E: Placed> Shared<T, E> {
    pub fn with_tail(value: T, count: usize) -> io::Result<Self>
    where
        E: Default,
    {
        let memory = (value, (0..count).map(|_| E::default()).collect::<Vec<E>>());
        let mut outcome = Ok(());
        let mut visit = |mutex: &super::mutex::Mutex| {
            if outcome.is_ok() {
                // SAFETY: 아직 아무도 보지 못하는 뮤텍스입니다. 대역은 옮겨도 됩니다.
                outcome = unsafe { mutex.initialize() };
            }
        };
        T::mutexes_in(std::slice::from_ref(&memory.0), &mut visit);
        E::mutexes_in(&memory.1, &mut visit);
        outcome.map(|()| Shared(Arc::new(memory)))
    }

    pub fn tail(&self) -> &[E] {
        &self.0.1
    }

    pub fn id(&self) -> u64 {
        0
    }

    pub fn discard(&self, _from: usize, _to: usize) {}
}

impl Shared<(), AtomicU64> {
    pub fn read_only(&self) -> ReadOnly {
        ReadOnly(self.clone())
    }
}

impl<T: Placed, E: Placed> Deref for Shared<T, E> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T: Placed, E: Placed> Clone for Shared<T, E> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<T: Placed, E: Placed> std::fmt::Debug for Shared<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

/// 모형에서는 건네지 않고 복제합니다.
impl<T: Placed, E: Placed> Serialize for Shared<T, E> {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("모형의 공유 메모리는 건너가지 않습니다"))
    }
}

impl<'de, T: Placed, E: Placed> Deserialize<'de> for Shared<T, E> {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("모형의 공유 메모리는 건너가지 않습니다"))
    }
}

/// [`ipc_core::build::ReadOnly`]의 자리.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadOnly(Shared<(), AtomicU64>);

impl ReadOnly {
    pub fn load(&self, index: usize, order: Ordering) -> u64 {
        self.0.tail().get(index).map_or(0, |word| word.load(order))
    }

    pub fn load_bytes(&self, start: usize, length: usize, bytes: &mut Vec<u8>) {
        let end = bytes.len() + length;
        load_bytes(&self.0.tail()[start..][..length.div_ceil(8)], bytes);
        bytes.truncate(end);
    }
}
