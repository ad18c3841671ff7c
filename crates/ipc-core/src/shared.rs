//! 공유(share): 여러 프로세스가 같은 메모리를 봅니다.
//!
//! 프로세스마다 주소 공간이 따로 있으므로, 한쪽이 바꾼 변수를 다른 쪽은 보지 못합니다. [`Shared`]는 이름 없는
//! 메모리 파일(`memfd_create`)을 양쪽 주소 공간에 함께 매핑합니다. 파일 시스템에 이름이 없으므로, 마지막
//! 프로세스가 죽으면 강제 종료라 해도 아무것도 남지 않습니다.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::resource::{Resource, getrlimit};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::channel::fingerprint;
use crate::codec::Handle;
use crate::plain::{Plain, Zeroed};

/// 여러 프로세스가 함께 보는 값 하나와, 그 뒤에 이어지는 원소들입니다.
///
/// `Arc`처럼 복제하면 같은 값을 가리키지만, `Arc`와 달리 [`crate::Process`]의 인수로 다른 프로세스에
/// 건넬 수 있습니다. 값은 `&T`로만 보이므로 바꾸려면 아토믹이나 [`crate::Mutex`]가 안에 있어야 합니다.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// let counter = ipc_core::Shared::new(AtomicU32::new(7))?;
/// counter.fetch_add(1, Relaxed);
/// assert_eq!(counter.load(Relaxed), 8);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Shared<T: Plain, E: Plain = ()> {
    map: Arc<Mapping<T, E>>,
}

struct Mapping<T: Plain, E: Plain> {
    address: NonNull<T>,
    /// 이어지는 원소의 개수.
    tail: usize,
    /// 다른 프로세스에 건넬 때 쓰는 메모리 파일.
    file: Handle,
    owns: PhantomData<(T, E)>,
}

// SAFETY: 매핑은 어느 스레드에서 보아도 같은 메모리이고, 값은 `&T`와 `&[E]`로만 나갑니다.
unsafe impl<T: Plain + Send + Sync, E: Plain + Send + Sync> Send for Mapping<T, E> {}
// SAFETY: 위와 같습니다.
unsafe impl<T: Plain + Send + Sync, E: Plain + Send + Sync> Sync for Mapping<T, E> {}

impl<T: Plain> Shared<T> {
    /// 새 공유 메모리를 만들고 `value`를 놓습니다.
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라면 운영체제의 에러를 그대로 돌려줍니다.
    pub fn new(value: T) -> io::Result<Self> {
        Shared::with_tail(value, 0)
    }
}

impl<T: Plain, E: Zeroed> Shared<T, E> {
    /// `value` 뒤에 0으로 채운 원소를 `count`개 잇습니다.
    ///
    /// 아직 건드리지 않은 원소는 실제 메모리를 차지하지 않습니다. 에러는 [`Shared::new`]와 같습니다.
    pub fn with_tail(value: T, count: usize) -> io::Result<Self> {
        let shared = Shared { map: Arc::new(Mapping::<T, E>::create(value, count)?) };
        if T::LOCKS {
            shared.placed()?;
        }
        if E::LOCKS {
            shared.tail().iter().try_for_each(E::placed)?;
        }
        Ok(shared)
    }

    /// 이어지는 원소들.
    pub fn tail(&self) -> &[E] {
        // SAFETY: 만들 때 이만큼의 원소를 초기화했고, 매핑은 `self`보다 오래 삽니다.
        unsafe { std::slice::from_raw_parts(self.map.tail_start(), self.map.tail) }
    }
}

impl<T: Plain, E: Plain> Mapping<T, E> {
    fn size(tail: usize) -> Option<NonZeroUsize> {
        let bytes = Self::tail_offset().checked_add(tail.checked_mul(size_of::<E>())?)?;
        // 매핑은 쪽(page) 단위이고 길이 0은 허락되지 않습니다.
        NonZeroUsize::new(bytes.max(1)).filter(|size| isize::try_from(size.get()).is_ok())
    }

    const fn tail_offset() -> usize {
        size_of::<T>().next_multiple_of(align_of::<E>())
    }

    fn tail_start(&self) -> *mut E {
        self.address.as_ptr().wrapping_byte_add(Self::tail_offset()).cast()
    }

    fn create(value: T, tail: usize) -> io::Result<Self> {
        let size = Self::size(tail).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = memory_file(c"ipc-core", size.get())?;
        file.set_len(size.get() as u64)?;
        let mapping = Self::map(file.into(), tail)?;
        // SAFETY: 방금 만든 매핑에는 `T`가 들어갈 자리가 있고, 아직 아무도 보지 못합니다.
        unsafe { mapping.address.write(value) };
        Ok(mapping)
    }

    fn map(file: OwnedFd, tail: usize) -> io::Result<Self> {
        let size = Self::size(tail).ok_or(io::ErrorKind::OutOfMemory)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: 주소를 커널이 고르므로 남의 메모리를 덮지 않습니다. 파일의 길이는 `size` 이상입니다.
        let address = unsafe { mmap(None, size, access, MapFlags::MAP_SHARED, &file, 0)? };
        Ok(Mapping { address: address.cast(), tail, file: Handle::new(file), owns: PhantomData })
    }

    /// 이 프로세스의 스레드가 안의 락을 아직 쥐고 있는지 봅니다.
    fn pinned(&self) -> bool {
        // SAFETY: 머리는 만들 때 초기화되었고 매핑은 아직 풀리지 않았습니다.
        let head = unsafe { self.address.as_ref() };
        // SAFETY: 위와 같습니다. 꼬리도 만들 때 초기화되었습니다.
        let tail = unsafe { std::slice::from_raw_parts(self.tail_start(), self.tail) };
        (T::LOCKS && head.pinned()) || (E::LOCKS && tail.iter().any(E::pinned))
    }
}

impl<T: Plain, E: Plain> Drop for Mapping<T, E> {
    fn drop(&mut self) {
        // 빌린 가드는 이미 없습니다. 그래도 쥐고 있다면 누군가 가드를 `mem::forget`한 것이고, 커널의 로버스트
        // 목록이 이 메모리를 가리킵니다. 그때는 매핑을 남겨 둡니다.
        if self.pinned() {
            return;
        }
        if let Some(size) = Self::size(self.tail) {
            // SAFETY: `map`에서 만든 바로 그 범위이고, 빌린 참조는 `Arc`가 사라지며 모두 끝났습니다.
            let _ = unsafe { munmap(self.address.cast(), size.get()) };
        }
    }
}

impl<T: Plain, E: Plain> Deref for Shared<T, E> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: 값은 만들 때 초기화되었고, 매핑은 `self.map`이 살아 있는 동안 풀리지 않습니다.
        unsafe { self.map.address.as_ref() }
    }
}

impl<T: Plain, E: Plain> Clone for Shared<T, E> {
    fn clone(&self) -> Self {
        Shared { map: Arc::clone(&self.map) }
    }
}

/// 파일 디스크립터와 꼬리 길이만 건너갑니다. 값은 이미 양쪽이 함께 보고 있습니다.
impl<T: Plain, E: Plain> Serialize for Shared<T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tail = u64::try_from(self.map.tail).map_err(ser::Error::custom)?;
        (fingerprint::<(T, E)>(), tail, &self.map.file).serialize(serializer)
    }
}

impl<'de, T: Plain, E: Plain> Deserialize<'de> for Shared<T, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (sent, tail, file) = <(u64, u64, Handle)>::deserialize(deserializer)?;
        let tail = usize::try_from(tail).map_err(de::Error::custom)?;
        let file = File::from(file.into_fd());
        // 꼬리 길이가 만들 때와 다르면 파일의 길이와 어긋납니다.
        let same_size =
            |size: NonZeroUsize| file.metadata().is_ok_and(|m| m.len() == size.get() as u64);
        if sent != fingerprint::<(T, E)>() || !Mapping::<T, E>::size(tail).is_some_and(same_size) {
            return Err(de::Error::custom("다른 타입의 공유 메모리입니다"));
        }
        let map = Mapping::map(file.into(), tail).map_err(de::Error::custom)?;
        Ok(Shared { map: Arc::new(map) })
    }
}

/// 이름 없는 메모리 파일. `size`바이트까지 쓸 수 있어야 합니다.
///
/// 파일 크기의 한도를 넘겨 쓰면 커널은 에러를 돌려주는 대신 `SIGXFSZ`로 프로세스를 죽입니다. 그래서 먼저 봅니다.
pub(crate) fn memory_file(name: &CStr, size: usize) -> io::Result<File> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if size as u64 > limit {
        let why = format!("파일 크기의 한도(ulimit -f)인 {limit}바이트를 넘습니다");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?))
}

/// `bytes`를 8바이트씩 나누어 `words`에 차례로 씁니다. 남는 자리는 0으로 채웁니다.
///
/// 공유 메모리의 바이트는 다른 프로세스가 언제든 볼 수 있으므로, 아토믹으로 써야 데이터 경합이 없습니다.
pub fn store_bytes<'a>(words: impl IntoIterator<Item = &'a AtomicU64>, bytes: &[u8]) {
    for (word, chunk) in words.into_iter().zip(bytes.chunks(8)) {
        let mut padded = [0; 8];
        padded[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_ne_bytes(padded), Relaxed);
    }
}

/// [`store_bytes`]로 쓴 `length`바이트를 `bytes` 뒤에 덧붙입니다.
pub fn load_bytes<'a>(
    words: impl IntoIterator<Item = &'a AtomicU64>,
    length: usize,
    bytes: &mut Vec<u8>,
) {
    let end = bytes.len() + length;
    bytes.reserve(length.next_multiple_of(8));
    for word in words.into_iter().take(length.div_ceil(8)) {
        bytes.extend_from_slice(&word.load(Relaxed).to_ne_bytes());
    }
    bytes.truncate(end);
}
