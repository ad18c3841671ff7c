//! [`SharedSlice`]: 한 번 채워 두고 여러 프로세스가 읽기만 하는 슬라이스.
//!
//! 채운 다음 메모리 파일에 쓰기를 봉인합니다(`F_SEAL_WRITE`). 봉인은 풀 수 없고, 커널은 쓰는 매핑이 하나라도 남아 있으면 봉인을
//! 거절합니다. 그러므로 봉인된 파일의 바이트는 누구도 바꾸지 못합니다. 받은 쪽은 올바른 값인지 한 번만 확인하면 됩니다.

use std::fmt;
use std::io;
use std::marker::{PhantomData, PhantomPinned};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use memmap2::{Mmap, MmapOptions, MmapRaw};
use rustix::fs::{SealFlags, fcntl_add_seals, fcntl_get_seals, fstat};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::codec::fingerprint;
use crate::memory::{memory_file, memory_name};
use crate::parcel::{attach, attached};
use crate::plain::Plain;
use crate::refusal::refuse;

/// 여러 프로세스가 함께 읽는 슬라이스입니다. 복제하거나 [`Process`](crate::Process)의 인수로 건네도 원소는 복사되지 않습니다.
///
/// `Arc<[T]>`처럼 읽기만 합니다. 함께 고치려면 락 안에 두십시오.
///
/// ```
/// let table = ipc_core::SharedSlice::new((0..1_000_000).map(|n| n as f64))?;
/// assert_eq!((table.len(), table[10]), (1_000_000, 10.0));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct SharedSlice<T: Plain> {
    map: Arc<Mmap>,
    file: Arc<OwnedFd>,
    len: usize,
    owns: PhantomData<T>,
    /// [`Inline`](crate::build::Inline)이 아니라는 표시. 디스크립터가 함께 건너갑니다.
    _not_inline: PhantomPinned,
}

/// 누구도 크기와 내용을 바꾸지 못하게 하는 봉인.
const SEALED: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::WRITE);

impl<T: Plain> SharedSlice<T> {
    /// `items`를 차례로 담습니다. `Vec`, 배열, 범위처럼 길이를 아는 것이면 됩니다. 원소를 하나씩 공유 메모리에 바로 씁니다.
    ///
    /// # Errors
    ///
    /// 디스크립터나 메모리가 모자라면 운영체제의 에러를, 반복자가 스스로 알린 길이보다 일찍 끝나면 [`io::ErrorKind::Other`]를
    /// 반환합니다.
    pub fn new<I>(items: I) -> io::Result<SharedSlice<T>>
    where
        I: IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    {
        let mut items = items.into_iter();
        let len = items.len();
        let size = Self::size(len).ok_or(io::ErrorKind::OutOfMemory)?;
        let file = memory_file(&Self::name(len), size)?;
        file.set_len(size as u64)?;
        let filling = MmapRaw::map_raw(&file)?;
        for index in 0..len {
            let ended = || io::Error::other("반복자가 알린 길이보다 일찍 끝났습니다");
            let item = items.next().ok_or_else(ended)?;
            // SAFETY: 매핑은 `len`개가 들어가는 크기이고 페이지에 맞추어 정렬되어 있으며, 아직 이 함수만 압니다.
            unsafe { filling.as_mut_ptr().cast::<T>().add(index).write(item) };
        }
        drop(filling); // 쓰는 매핑이 남아 있으면 봉인할 수 없습니다.
        fcntl_add_seals(&file, SEALED)?;
        Self::over(file.into(), len)
    }

    /// 봉인한 파일을 매핑하고, 올바른 값들인지 확인합니다.
    fn over(file: OwnedFd, len: usize) -> io::Result<Self> {
        const {
            assert!(align_of::<T>() <= 4096, "4096바이트보다 크게 정렬할 수 없습니다")
        }
        let other_type = || io::Error::other("다른 타입의 공유 메모리입니다");
        let size = Self::size(len).ok_or_else(other_type)?;
        let seals = fcntl_get_seals(&file).unwrap_or(SealFlags::empty());
        if memory_name(file.as_fd())? != format!("/memfd:{} (deleted)", Self::name(len))
            || fstat(&file)?.st_size as u64 != size as u64
            || !seals.contains(SEALED)
        {
            return Err(other_type());
        }
        // SAFETY: 크기와 내용이 봉인되어 누구도 바꾸거나 줄이지 못하는 파일입니다. 봉인된 파일의 공유 매핑은 거절하는 커널이 있어,
        // 사본 매핑(MAP_PRIVATE)으로 읽습니다. 쓰지 않으므로 사본은 생기지 않습니다.
        let map = unsafe { MmapOptions::new().len(size).map_copy_read_only(&file)? };
        let start = map.as_ptr().cast::<T>();
        // SAFETY: `index`번째 원소는 매핑 안에 정렬되어 있고, 아무도 쓰지 못합니다.
        let valid = |index| unsafe { T::is_valid(start.add(index)) };
        if !T::ANY_BYTES && !(0..len).all(valid) {
            return Err(other_type());
        }
        let (map, file) = (Arc::new(map), Arc::new(file));
        Ok(SharedSlice { map, file, len, owns: PhantomData, _not_inline: PhantomPinned })
    }

    /// 매핑의 크기(바이트). 0일 수 없습니다.
    fn size(len: usize) -> Option<usize> {
        Some(size_of::<T>().checked_mul(len)?.max(1))
    }

    /// 메모리 파일의 이름. 받은 쪽이 같은 타입과 길이임을 확인합니다.
    fn name(len: usize) -> String {
        format!("ipc-core:slice:{:016x}:{len}", fingerprint::<T>())
    }
}

impl<T: Plain> Deref for SharedSlice<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: 매핑에는 확인을 마친 `T`가 `len`개 있고, 봉인되어 바뀌지 않으며, `self`보다 오래 삽니다.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }
}

impl<T: Plain> Clone for SharedSlice<T> {
    /// 같은 원소들을 가리키는 핸들을 하나 더 만듭니다.
    fn clone(&self) -> Self {
        SharedSlice {
            map: Arc::clone(&self.map),
            file: Arc::clone(&self.file),
            len: self.len,
            owns: PhantomData,
            _not_inline: PhantomPinned,
        }
    }
}

impl<T: Plain> fmt::Debug for SharedSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedSlice(원소 {}개)", self.len)
    }
}

/// 파일 디스크립터와 길이만 건너갑니다.
impl<T: Plain> Serialize for SharedSlice<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let index = attach(self.file.as_fd(), None);
        let index = index.map_err(|error| ser::Error::custom(refuse(&error)))?;
        (self.len as u64, index).serialize(serializer)
    }
}

impl<'de, T: Plain> Deserialize<'de> for SharedSlice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (len, index) = <(u64, u64)>::deserialize(deserializer)?;
        let receive = |fd: BorrowedFd| Self::over(fd.try_clone_to_owned()?, len as usize);
        let received = attached(index, |fd| Some(receive(fd.as_ref()?.as_fd())));
        received.and_then(|slice| slice).map_err(|error| de::Error::custom(refuse(&error)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::parcel::Parcel;

    fn received<T: Plain, U: Plain>(sent: &SharedSlice<T>) -> Option<SharedSlice<U>> {
        let mut parcel = Parcel::default();
        parcel.push(sent).ok()?;
        parcel.pop().and_then(Result::ok)
    }

    #[test]
    fn the_same_elements_are_seen_and_another_type_is_refused() -> io::Result<()> {
        let letters = SharedSlice::new(vec!['가', '나', '다'])?;
        assert_eq!(received::<_, char>(&letters).as_deref(), Some(&['가', '나', '다'][..]));
        assert!(received::<char, u32>(&letters).is_none());
        assert_eq!(received::<u8, u8>(&SharedSlice::new([])?).as_deref(), Some(&[][..]));
        Ok(())
    }

    #[test]
    fn nobody_can_write_or_resize() -> io::Result<()> {
        let numbers = SharedSlice::new(0..4_u32)?;
        let file = File::from(numbers.file.try_clone()?);
        assert!(MmapRaw::map_raw(&file).is_err());
        assert!(std::os::unix::fs::FileExt::write_at(&file, &[1], 0).is_err());
        assert!(file.set_len(0).is_err());
        assert_eq!(numbers[..], [0, 1, 2, 3]);
        Ok(())
    }

    /// 이름과 봉인이 맞아도, 그 타입의 값이 아닌 바이트는 거절합니다.
    #[test]
    fn bytes_that_are_no_value_are_refused() -> io::Result<()> {
        let file = memory_file(&SharedSlice::<bool>::name(2), 2)?;
        std::os::unix::fs::FileExt::write_all_at(&file, &[1, 2], 0)?;
        fcntl_add_seals(&file, SEALED)?;
        assert!(SharedSlice::<bool>::over(file.into(), 2).is_err());
        Ok(())
    }
}
