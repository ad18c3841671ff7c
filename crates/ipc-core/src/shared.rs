//! 공유(share): 여러 프로세스가 같은 메모리를 봅니다.
//!
//! 프로세스마다 주소 공간이 따로 있으므로, 한 프로세스가 바꾼 변수를 다른 프로세스는 보지 못합니다. [`Shared`]는 이름 없는
//! 메모리 파일(`memfd_create`)을 양쪽 주소 공간에 함께 매핑합니다. 파일 시스템에 이름이 없으므로, 마지막
//! 프로세스가 죽으면 강제 종료라 해도 아무것도 남지 않습니다.
//!
//! 파일의 크기는 봉인(seal)합니다. 누가 파일을 줄이면 그 메모리를 읽던 프로세스는 모두 `SIGBUS`로 죽기 때문입니다. 봉인되지
//! 않은 파일이나 크기가 다른 파일은 받지 않습니다.

use std::alloc::Layout;
use std::collections::HashMap;
use std::io;
use std::marker::{PhantomData, PhantomPinned};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex as ThreadMutex, PoisonError, Weak};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::codec::fingerprint;
use crate::memory::{FileId, memory_file, memory_name};
use crate::mutex::Mutex;
use crate::parcel::{attach, attached};
use crate::plain::Placed;
use crate::refusal::refuse;
use crate::words::load_bytes;

/// 여러 프로세스가 함께 보는 값 하나와, 그 뒤에 이어지는 원소들입니다.
///
/// `Arc`처럼 복제하면 같은 값을 가리키지만, `Arc`와 달리 [`Process`](crate::Process)의 인수로 다른 프로세스에
/// 건넬 수 있습니다. 값은 `&T`로만 보이므로 바꾸려면 아토믹이나 [`Mutex`](crate::build::Mutex)가 안에 있어야 합니다.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// let counter = ipc_core::Shared::new(AtomicU32::new(7))?;
/// counter.fetch_add(1, Relaxed);
/// assert_eq!(counter.load(Relaxed), 8);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Shared<T: Placed, E: Placed = ()> {
    memory: Arc<Memory>,
    /// 이어지는 원소의 개수.
    tail: usize,
    owns: PhantomData<(T, E)>,
    /// [`Inline`](crate::build::Inline)이 아니라는 표시. 디스크립터가 함께 건너갑니다.
    _not_inline: PhantomPinned,
}

// SAFETY: 매핑은 어느 스레드에서 보아도 같은 메모리이고, 값은 `&T`와 `&[E]`로만 나갑니다.
unsafe impl<T: Placed + Send + Sync, E: Placed + Send + Sync> Send for Shared<T, E> {}
// SAFETY: 위와 같습니다.
unsafe impl<T: Placed + Send + Sync, E: Placed + Send + Sync> Sync for Shared<T, E> {}

impl<T: Placed> Shared<T> {
    /// 새 공유 메모리를 만들고 `value`를 놓습니다.
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라면 운영체제의 에러를 그대로 반환합니다.
    pub fn new(value: T) -> io::Result<Self> {
        Shared::with_tail(value, 0)
    }
}

impl<T: Placed, E: Placed> Shared<T, E> {
    /// `value` 뒤에 0으로 채운 원소를 `count`개 잇습니다.
    ///
    /// 아직 건드리지 않은 원소는 실제 메모리를 차지하지 않습니다. 에러는 [`Shared::new`]와 같습니다.
    pub fn with_tail(value: T, count: usize) -> io::Result<Self> {
        const {
            assert!(
                align_of::<T>() <= PAGE_MIN && align_of::<E>() <= PAGE_MIN,
                "공유 메모리에는 4096바이트보다 크게 정렬해야 하는 타입을 둘 수 없습니다"
            );
        }
        let (size, _) = Self::layout(count).ok_or(io::ErrorKind::OutOfMemory)?;
        let contents = Contents::of::<T, E>(count);
        let shared = Self::over(Arc::new(Memory::create(size, contents)?), count);
        // SAFETY: 방금 만든 매핑에는 `T`가 들어갈 공간이 있고 정렬되어 있으며, 아직 아무도 보지 못합니다. 꼬리는 0이고, 0은 `E`의
        // 올바른 값입니다(`Placed`).
        unsafe { shared.head().write(value) };
        let mut outcome = Ok(());
        shared.mutexes(&mut |mutex| {
            if outcome.is_ok() {
                // SAFETY: 제자리에 놓였고 아직 아무도 보지 못하는 뮤텍스입니다. `shared`는 이 함수가 반환한 뒤에야 다른 곳에서 쓰입니다.
                outcome = unsafe { mutex.initialize() };
            }
        });
        outcome.map(|()| shared)
    }

    /// 이어지는 원소들.
    #[inline]
    pub fn tail(&self) -> &[E] {
        // `layout`의 위치와 같습니다. 원소의 수와 상관이 없으므로 컴파일할 때 구합니다.
        let offset = const { size_of::<T>().next_multiple_of(align_of::<E>()) };
        // SAFETY: 매핑은 만들거나 받을 때 확인했듯이 이만큼의 원소까지 이어지고, `self`보다 오래 삽니다. 어떤 바이트도 `E`의
        // 올바른 값입니다(`Placed`).
        unsafe { std::slice::from_raw_parts(self.head().byte_add(offset).cast(), self.tail) }
    }

    /// 같은 메모리를 보는 프로세스들에서 같은 번호(아이노드). 기록([`Span`](crate::build::Span))에 씁니다.
    pub fn id(&self) -> u64 {
        self.memory.id.inode
    }

    fn over(memory: Arc<Memory>, tail: usize) -> Self {
        Shared { memory, tail, owns: PhantomData, _not_inline: PhantomPinned }
    }

    /// 전체의 크기와, 이어지는 원소가 시작하는 위치(바이트).
    #[inline]
    fn layout(tail: usize) -> Option<(usize, usize)> {
        let (whole, offset) = Layout::new::<T>().extend(Layout::array::<E>(tail).ok()?).ok()?;
        // 매핑의 길이는 0일 수 없습니다.
        Some((whole.size().max(1), offset))
    }

    #[inline]
    fn head(&self) -> *mut T {
        self.memory.start().cast()
    }

    fn mutexes(&self, visit: &mut dyn FnMut(&Mutex)) {
        T::mutexes_in(std::slice::from_ref(self), visit);
        E::mutexes_in(self.tail(), visit);
    }

    fn serialize_with<S: Serializer>(
        &self,
        serializer: S,
        access: Access,
    ) -> Result<S::Ok, S::Error> {
        let index = attach(self.memory.file.as_fd(), Some(self.memory.id));
        let index = index.map_err(|error| ser::Error::custom(refuse(&error)))?;
        (access, self.tail as u64, index).serialize(serializer)
    }

    fn deserialize_with<'de, D: Deserializer<'de>>(
        deserializer: D,
        wanted: Access,
    ) -> Result<Self, D::Error> {
        let (access, tail, index) = <(Access, u64, u64)>::deserialize(deserializer)?;
        let tail = usize::try_from(tail).map_err(de::Error::custom)?;
        let receive = || {
            let size = Self::layout(tail).map(|(size, _)| size).filter(|_| access == wanted);
            let size = size.ok_or_else(other_type)?;
            let contents = Contents::of::<T, E>(tail);
            let get = |fd: &mut Option<OwnedFd>| {
                Some(Memory::receive(fd.as_ref()?.as_fd(), size, contents, access))
            };
            attached(index, get)?
        };
        let memory = receive().map_err(|error| de::Error::custom(refuse(&error)))?;
        Ok(Self::over(memory, tail))
    }
}

impl<T: Placed> Shared<T, AtomicU64> {
    /// `[from, to)`번째 칸이 차지한 메모리를 운영체제에 반납합니다. 다시 읽으면 0입니다.
    pub fn discard(&self, from: usize, to: usize) {
        let offset = Self::layout(self.tail).map_or(0, |(_, offset)| offset);
        let at = |index: usize| (offset + index.min(self.tail) * size_of::<AtomicU64>()) as u64;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // 반납하지 못해도 쓰는 데는 지장이 없습니다.
        let _ = fallocate(&self.memory.file, flags, at(from), at(to).saturating_sub(at(from)));
    }
}

impl Shared<(), AtomicU64> {
    /// 받는 쪽이 읽기만 할 수 있게 건넵니다. 받는 프로세스가 잘못되어도 이 메모리는 바뀌지 않습니다.
    pub fn read_only(&self) -> ReadOnly {
        ReadOnly(self.clone())
    }
}

impl<T: Placed, E: Placed> Deref for Shared<T, E> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: 값은 만들 때 놓였고, 매핑은 `self`가 살아 있는 동안 풀리지도 줄지도 않습니다(봉인). 어떤 바이트도 `T`의 올바른
        // 값입니다(`Placed`).
        unsafe { &*self.head() }
    }
}

impl<T: Placed, E: Placed> Clone for Shared<T, E> {
    fn clone(&self) -> Self {
        Self::over(Arc::clone(&self.memory), self.tail)
    }
}

impl<T: Placed, E: Placed> std::fmt::Debug for Shared<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = Self::layout(self.tail).map_or(0, |(size, _)| size);
        write!(f, "Shared({size}바이트)")
    }
}

/// 파일 디스크립터와 꼬리 길이만 건너갑니다. 값은 이미 양쪽이 함께 보고 있습니다.
impl<T: Placed, E: Placed> Serialize for Shared<T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_with(serializer, Access::Write)
    }
}

impl<'de, T: Placed, E: Placed> Deserialize<'de> for Shared<T, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize_with(deserializer, Access::Write)
    }
}

/// 읽기만 할 수 있는 칸들. 만든 쪽은 [`Shared`]로 쓰고, 받은 쪽은 이것으로 읽습니다.
///
/// 보내기 전에 파일을 봉인하므로(`F_SEAL_FUTURE_WRITE`), 받은 프로세스는 어떤 방법으로도 쓰는 매핑을 만들지 못합니다. 아토믹을
/// 그대로 내주면 안전한 코드가 읽기 전용 메모리에 쓰다 죽을 수 있으므로, 읽은 값만 냅니다.
#[derive(Debug)]
pub struct ReadOnly(Shared<(), AtomicU64>);

impl ReadOnly {
    /// 칸의 수.
    pub fn len(&self) -> usize {
        self.0.tail().len()
    }

    /// 칸이 하나도 없는지 봅니다.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `index`번째 칸의 값. 없는 칸이면 0입니다.
    pub fn load(&self, index: usize, order: Ordering) -> u64 {
        self.0.tail().get(index).map_or(0, |word| word.load(order))
    }

    /// `start`번째 칸부터 [`store_bytes`](crate::build::store_bytes)로 쓴 `length`바이트를 `bytes` 뒤에 덧붙입니다. 칸이 모자라면 있는 만큼입니다.
    pub fn load_bytes(&self, start: usize, length: usize, bytes: &mut Vec<u8>) {
        let end = bytes.len().saturating_add(length);
        let words = self.0.tail().get(start..).unwrap_or_default();
        load_bytes(&words[..length.div_ceil(8).min(words.len())], bytes);
        bytes.truncate(end);
    }
}

impl Serialize for ReadOnly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fcntl_add_seals(&self.0.memory.file, SealFlags::FUTURE_WRITE)
            .map_err(|errno| ser::Error::custom(refuse(&errno.into())))?;
        self.0.serialize_with(serializer, Access::Read)
    }
}

impl<'de> Deserialize<'de> for ReadOnly {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shared::deserialize_with(deserializer, Access::Read).map(ReadOnly)
    }
}

/// 어느 시스템에서나 매핑이 이만큼은 정렬되어 있습니다(바이트).
const PAGE_MIN: usize = 4096;

fn other_type() -> io::Error {
    io::Error::other("다른 타입의 공유 메모리입니다")
}

/// 받은 매핑에 할 수 있는 일.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Access {
    Write,
    Read,
}

/// 메모리에 무엇이 놓여 있는지.
#[derive(Debug, Clone, Copy)]
struct Contents {
    /// 같은 실행 파일 안에서 타입마다 다른 수.
    fingerprint: u64,
    tail: usize,
    /// 안의 뮤텍스를 이 프로세스가 쥐고 있는지 봅니다.
    held: unsafe fn(*const (), usize) -> bool,
}

impl Contents {
    fn of<T: Placed, E: Placed>(tail: usize) -> Contents {
        /// # Safety
        ///
        /// `place`에는 `T` 하나와 `E`가 `tail`개 놓여 있어야 합니다.
        unsafe fn held<T: Placed, E: Placed>(place: *const (), tail: usize) -> bool {
            let offset = Shared::<T, E>::layout(tail).map_or(0, |(_, offset)| offset);
            let mut held = false;
            let mut visit = |mutex: &Mutex| held |= mutex.held_here();
            // SAFETY: 호출한 쪽이 보장하듯이 이 자리에 그 타입들이 놓여 있습니다.
            let (head, tail) = unsafe {
                let tail = std::slice::from_raw_parts(place.byte_add(offset).cast::<E>(), tail);
                (&*place.cast::<T>(), tail)
            };
            T::mutexes_in(std::slice::from_ref(head), &mut visit);
            E::mutexes_in(tail, &mut visit);
            held
        }
        Contents { fingerprint: fingerprint::<(T, E)>(), tail, held: held::<T, E> }
    }

    /// 메모리 파일의 이름. 만들 때 정해지고 바꿀 수 없으므로, 받은 파일에 같은 타입이 놓여 있음을 확인할 수 있습니다.
    fn name(self) -> String {
        format!("ipc-core:{:016x}:{}", self.fingerprint, self.tail)
    }
}

/// 메모리 파일과, 그것을 이 프로세스에 놓은 매핑.
#[derive(Debug)]
struct Memory {
    /// 사라지는 도중에만 비어 있습니다.
    map: Option<MmapRaw>,
    file: OwnedFd,
    id: FileId,
    contents: Contents,
    access: Access,
}

/// 이 프로세스가 받은 메모리들. 같은 파일을 거듭 받아도 매핑은 하나입니다.
static RECEIVED: LazyLock<ThreadMutex<HashMap<(FileId, Access), Received>>> =
    LazyLock::new(Default::default);

#[derive(Debug)]
enum Received {
    /// 쓰고 있는 매핑.
    InUse(Weak<Memory>),
    /// 아무도 쓰지 않지만, 안의 락을 쥐고 있어 풀지 못한 매핑.
    Kept(MmapRaw),
}

impl Memory {
    fn create(size: usize, contents: Contents) -> io::Result<Memory> {
        let file = memory_file(&contents.name(), size)?;
        file.set_len(size as u64)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW)?;
        let map = Some(MmapOptions::new().len(size).map_raw(&file)?);
        let id = FileId::of(&fstat(&file)?);
        Ok(Memory { map, file: file.into(), id, contents, access: Access::Write })
    }

    /// 받은 파일을 매핑합니다. 이미 매핑한 파일이면 그것을 씁니다.
    fn receive(
        fd: BorrowedFd,
        size: usize,
        contents: Contents,
        access: Access,
    ) -> io::Result<Arc<Memory>> {
        let stat = fstat(fd)?;
        let id = FileId::of(&stat);
        let mut received = RECEIVED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Received::InUse(memory)) = received.get(&(id, access)) {
            let memory = memory.upgrade();
            if let Some(memory) = memory {
                drop(received); // `memory`가 마지막이면 사라지면서 이것을 다시 잠급니다.
                let same = memory.contents.name() == contents.name();
                return if same { Ok(memory) } else { Err(other_type()) };
            }
        }
        // 이 크레이트가 같은 타입으로 만들고 크기를 봉인한 파일만 매핑합니다.
        let name = format!("/memfd:{} (deleted)", contents.name());
        let seals = fcntl_get_seals(fd).unwrap_or(SealFlags::empty());
        if memory_name(fd)? != name
            || stat.st_size as u64 != size as u64
            || !seals.contains(SealFlags::SHRINK | SealFlags::GROW)
        {
            return Err(other_type());
        }
        let file = fd.try_clone_to_owned()?;
        let map = match (received.remove(&(id, access)), access) {
            (Some(Received::Kept(map)), _) => map,
            (_, Access::Write) => MmapOptions::new().len(size).map_raw(&file)?,
            (_, Access::Read) => MmapOptions::new().len(size).map_raw_read_only(&file)?,
        };
        let memory = Arc::new(Memory { map: Some(map), file, id, contents, access });
        received.insert((id, access), Received::InUse(Arc::downgrade(&memory)));
        Ok(memory)
    }

    #[inline]
    fn start(&self) -> *mut u8 {
        self.map.as_ref().map_or(std::ptr::null_mut(), MmapRaw::as_mut_ptr)
    }
}

impl Drop for Memory {
    /// 매핑을 풉니다. 안의 락을 이 프로세스가 아직 쥐고 있으면 풀지 않습니다.
    ///
    /// 빌린 가드는 이미 없습니다. 그래도 쥐고 있다면 누군가 가드를 `mem::forget`한 것이고, 로버스트 목록이 이 메모리를
    /// 가리킵니다. 그런 매핑은 남겨 두었다가, 같은 파일을 다시 받으면 씁니다.
    fn drop(&mut self) {
        let mut received = RECEIVED.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(map) = self.map.take() else { return };
        let key = (self.id, self.access);
        // SAFETY: 만들거나 받을 때 그 타입과 길이임을 확인한 매핑이고, 아직 풀리지 않았습니다.
        let held = self.access == Access::Write
            && unsafe { (self.contents.held)(map.as_ptr().cast(), self.contents.tail) };
        // 그사이 같은 파일을 다시 받은 쪽이 있으면 그 기록은 건드리지 않습니다. 남겨 둔 매핑이 있으면 로버스트 목록이 어느 쪽을
        // 가리키는지 알 수 없으므로, 쥐고 있는 동안은 둘 다 남깁니다.
        let others = match received.get(&key) {
            Some(Received::InUse(memory)) => memory.strong_count() > 0,
            Some(Received::Kept(_)) => held,
            None => false,
        };
        match (held, others) {
            (true, false) => drop(received.insert(key, Received::Kept(map))),
            (true, true) => std::mem::forget(map),
            (false, false) => drop(received.remove(&key)),
            (false, true) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;
    use crate::parcel::Parcel;

    /// 다른 프로세스가 받는 것처럼, 소포에 담았다가 꺼냅니다.
    fn received<T: Serialize + 'static, U: serde::de::DeserializeOwned + 'static>(
        sent: &T,
    ) -> Option<U> {
        let mut parcel = Parcel::default();
        parcel.push(sent).ok()?;
        parcel.pop().and_then(Result::ok)
    }

    #[test]
    fn a_file_received_again_is_mapped_once() -> io::Result<()> {
        let shared = Shared::new(AtomicU32::new(7))?;
        let first: Shared<AtomicU32> = received(&shared).ok_or_else(other_type)?;
        let second: Shared<AtomicU32> = received(&shared).ok_or_else(other_type)?;
        assert!(Arc::ptr_eq(&first.memory, &second.memory));
        first.store(8, Relaxed);
        assert_eq!((shared.load(Relaxed), second.load(Relaxed)), (8, 8));
        Ok(())
    }

    #[test]
    fn another_type_or_length_is_refused_even_if_the_bytes_claim_it() -> io::Result<()> {
        let shared = Shared::<(), AtomicU64>::with_tail((), 4)?;
        assert!(received::<_, Shared<AtomicU64>>(&shared).is_none());
        assert!(received::<_, ReadOnly>(&shared).is_none());
        // 앞에 꾸며 낸 꼬리 길이를 두어, 뒤의 디스크립터를 다른 타입으로 읽게 해 봅니다.
        type Forged = (Shared<(), AtomicU32>, Access, u64, u64);
        assert!(received::<_, Forged>(&(Access::Write, 8_u64, 0_u64, shared)).is_none());
        Ok(())
    }

    #[test]
    fn memory_keeps_its_size_and_a_reader_cannot_write() -> io::Result<()> {
        let shared = Shared::<(), AtomicU64>::with_tail((), 4)?;
        assert!(File::from(shared.memory.file.try_clone()?).set_len(0).is_err());
        shared.tail()[1].store(5, Relaxed);
        let reader: ReadOnly = received(&shared.read_only()).ok_or_else(other_type)?;
        assert_eq!(reader.load(1, Relaxed), 5);
        // 봉인한 뒤에는 쓰는 매핑을 만들 수 없습니다.
        assert!(MmapRaw::map_raw(&reader.0.memory.file).is_err());
        // 이미 쓰던 쪽은 계속 씁니다.
        shared.tail()[1].store(6, Relaxed);
        assert_eq!(reader.load(1, Relaxed), 6);
        Ok(())
    }

    #[test]
    fn a_guard_forgotten_keeps_the_mapping_and_it_is_used_again() -> io::Result<()> {
        let (shared, another) = (Shared::new(Mutex::new())?, Shared::new(Mutex::new())?);
        for _ in 0..3 {
            let theirs: Shared<Mutex> = received(&shared).ok_or_else(other_type)?;
            if let Ok(guard) = theirs.try_lock() {
                std::mem::forget(guard);
            }
            let start = theirs.memory.start();
            drop(theirs);
            let again: Shared<Mutex> = received(&shared).ok_or_else(other_type)?;
            assert_eq!(again.memory.start(), start);
        }
        // 처음의 매핑이 사라져도 남겨 둔 것은 그대로입니다. 획득하면 로버스트 목록의 앞을 고치므로, 풀렸다면 여기서 죽습니다.
        drop(shared);
        assert!(another.try_lock().is_ok());
        Ok(())
    }
}
