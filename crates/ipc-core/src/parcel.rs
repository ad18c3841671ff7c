//! 소포(parcel): 값들을 담은 바이트와, 함께 건너갈 파일 디스크립터.
//!
//! 디스크립터는 숫자일 뿐이어서, 바이트로 옮기면 상대 프로세스에서는 다른 파일을 가리킵니다. 그래서 [`Descriptor`]는
//! 바이트에는 "몇 번째 디스크립터"라는 번호만 쓰고, 진짜 디스크립터는 소포의 목록에 올려 커널(`SCM_RIGHTS`)이 옮기게
//! 합니다. 목록은 쓰거나 읽는 동안에만 있으므로, 직렬화가 도중에 실패해도 다음 메시지에 섞이지 않고, 파일에 저장하려는
//! 시도는 에러가 됩니다.
//!
//! 바이트의 형식은 `codec.rs`가 정합니다.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::io;
use std::marker::PhantomPinned;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Stat, fstat};
use scoped_tls::scoped_thread_local;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use crate::codec::{decode, encode, number_of};
use crate::error::CodecError;
use crate::memory::{FileId, MEMORY_PREFIX, memory_name};
use crate::message::Accepts;
use crate::refusal::{NOT_INLINE, refuse};

scoped_thread_local! {
    /// 지금 쓰거나 읽는 소포의 디스크립터들. 쓰거나 읽는 동안에만 있습니다.
    static FDS: RefCell<Vec<Attached>>
}
thread_local! {
    /// [`FDS`]가 있는지. 이쪽은 확인이 빠릅니다. 패닉으로 남아 있어도 느린 길로 갈 뿐입니다.
    static CARRYING: Cell<bool> = const { Cell::new(false) };
}

/// `fds`에 디스크립터를 싣거나 거기서 꺼내며 `work`를 합니다.
fn carrying<R>(fds: &RefCell<Vec<Attached>>, work: impl FnOnce() -> R) -> R {
    let before = CARRYING.replace(true);
    let done = FDS.set(fds, work);
    CARRYING.set(before);
    done
}

/// 소포에 실린 디스크립터 하나. 값이 가져가면 비고, 같은 파일을 두 번 싣지 않게 파일의 정체를 함께 적습니다.
#[derive(Debug)]
struct Attached {
    fd: Option<OwnedFd>,
    id: Option<FileId>,
}

impl From<OwnedFd> for Attached {
    fn from(fd: OwnedFd) -> Attached {
        Attached { fd: Some(fd), id: None }
    }
}

/// 다른 프로세스로 함께 건너가는 파일 디스크립터입니다. 받는 쪽은 한 번만 꺼낼 수 있습니다.
///
/// 열린 파일이나 소켓을 자식에게 줄 때 씁니다. 이 크레이트의 공유 메모리는 이것으로 보낼 수 없습니다([`Shared`](crate::Shared)를
/// 보내십시오). 받는 쪽이 그 안의 타입을 믿을 수 있는 것은, 다른 파일이 그 행세를 할 수 없기 때문입니다.
#[derive(Debug)]
pub struct Descriptor {
    fd: OwnedFd,
    /// [`Inline`]이 아니라는 표시.
    _not_inline: PhantomPinned,
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Descriptor {
        Descriptor { fd, _not_inline: PhantomPinned }
    }
}

impl From<Descriptor> for OwnedFd {
    fn from(descriptor: Descriptor) -> OwnedFd {
        descriptor.fd
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Serialize for Descriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let attached = if is_memory(self.as_fd()) {
            Err(io::Error::other(
                "공유 메모리는 디스크립터로 보낼 수 없습니다. Shared로 보내십시오",
            ))
        } else {
            attach(self.as_fd(), None)
        };
        serializer.serialize_u64(attached.map_err(|error| ser::Error::custom(refuse(&error)))?)
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let get = |fd: &mut Option<OwnedFd>| fd.take_if(|fd| !is_memory(fd.as_fd()));
        let fd = attached(u64::deserialize(deserializer)?, get);
        fd.map(Descriptor::from).map_err(|error| de::Error::custom(refuse(&error)))
    }
}

/// 이 크레이트의 공유 메모리인지 봅니다. 이름을 묻는 데는 시간이 들므로, 소켓처럼 파일이 아닌 것은 종류만 봅니다.
fn is_memory(fd: BorrowedFd) -> bool {
    let not_a_file = |stat: Stat| !FileType::from_raw_mode(stat.st_mode).is_file();
    let another_file = |name: String| !name.starts_with(MEMORY_PREFIX);
    !(fstat(fd).is_ok_and(not_a_file) || memory_name(fd).is_ok_and(another_file))
}

/// 소포에 실려 건너가는 디스크립터. [`Descriptor`]와 달리 밖으로 나가지 않으므로 공유 메모리도 싣습니다.
struct Carried(OwnedFd);

impl Serialize for Carried {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let index = attach(self.0.as_fd(), None);
        serializer.serialize_u64(index.map_err(|error| ser::Error::custom(refuse(&error)))?)
    }
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fd = attached(u64::deserialize(deserializer)?, Option::take);
        fd.map(Carried).map_err(|error| de::Error::custom(refuse(&error)))
    }
}

/// `fd`의 복사본을 지금 쓰는 소포에 싣고 그 번호를 반환합니다. `id`가 같은 것이 이미 실렸으면 그 번호입니다.
pub(crate) fn attach(fd: BorrowedFd, id: Option<FileId>) -> io::Result<u64> {
    if !FDS.is_set() {
        return Err(io::Error::other(NOT_INLINE));
    }
    FDS.with(|fds| {
        let mut fds = fds.borrow_mut();
        let there = fds.iter().position(|there| id.is_some() && there.id == id);
        if there.is_none() {
            fds.push(Attached { fd: Some(fd.try_clone_to_owned()?), id });
        }
        Ok(there.unwrap_or(fds.len() - 1) as u64)
    })
}

/// 지금 읽는 소포에 실려 온 `index`번째 디스크립터를 `get`으로 얻습니다.
pub(crate) fn attached<R>(
    index: u64,
    get: impl FnOnce(&mut Option<OwnedFd>) -> Option<R>,
) -> io::Result<R> {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let get = || FDS.with(|fds| get(&mut fds.borrow_mut().get_mut(index)?.fd));
    let got = if FDS.is_set() { get() } else { None };
    got.ok_or_else(|| io::Error::other("메시지에 실려 오지 않은 디스크립터입니다"))
}

/// 값들을 차례로 담은 소포. 그 자체도 값이므로 다른 메시지에 담아 보낼 수 있습니다.
///
/// 값마다 길이(4바이트)를 앞에 적으므로, 하나를 쓰거나 읽는 데 실패해도 나머지는 온전합니다.
#[derive(Debug, Default)]
pub struct Parcel {
    bytes: Vec<u8>,
    /// 다음에 꺼낼 위치.
    next: usize,
    fds: RefCell<Vec<Attached>>,
}

impl Parcel {
    /// 값 하나를 덧붙입니다. 실패하면 아무것도 덧붙이지 않은 것과 같습니다.
    ///
    /// # Errors
    ///
    /// 직렬화하지 못하거나 값 하나가 4GiB를 넘으면 [`CodecError`].
    #[inline]
    pub fn push<T: Serialize + 'static>(&mut self, value: &T) -> Result<(), CodecError> {
        if let Some(number) = number_of(value) {
            // 수 하나는 길이와 함께 한 번에 씁니다.
            let mut entry = [0; 12];
            entry[..4].copy_from_slice(&8_u32.to_ne_bytes());
            entry[4..].copy_from_slice(&number.to_le_bytes());
            self.bytes.extend_from_slice(&entry);
            return Ok(());
        }
        let (start, descriptors) = (self.bytes.len(), self.fds.get_mut().len());
        self.bytes.extend_from_slice(&[0; 4]);
        let written = self.write(value).and_then(|()| {
            u32::try_from(self.bytes.len() - start - 4).map_err(|_| CodecError::Encode {
                type_name: type_name::<T>(),
                reason: "값 하나가 4GiB를 넘습니다. 나누어 보내십시오".into(),
            })
        });
        match written {
            Ok(length) => self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes()),
            Err(_) => {
                self.bytes.truncate(start);
                self.fds.get_mut().truncate(descriptors);
            }
        }
        written.map(drop)
    }

    /// 값 하나를 씁니다. 디스크립터가 든 값은 드물므로 없는 것으로 보고 쓰고, 있어서 거절되면 목록을 준비해 다시 씁니다.
    #[inline]
    fn write<T: Serialize + 'static>(&mut self, value: &T) -> Result<(), CodecError> {
        if self.fds.get_mut().is_empty() && !CARRYING.get() {
            let written = encode(value, &mut self.bytes);
            if !matches!(written, Err(CodecError::NotInline { .. })) {
                return written;
            }
        }
        carrying(&self.fds, || encode(value, &mut self.bytes))
    }

    /// 값 하나를 꺼냅니다. 더 없으면 `None`입니다.
    ///
    /// # Errors
    ///
    /// 값을 읽지 못하면 [`CodecError`]이며, 다음 값은 읽을 수 있습니다.
    #[inline]
    pub fn pop<T: DeserializeOwned + 'static>(&mut self) -> Option<Result<T, CodecError>> {
        let (length, rest) = self.bytes.get(self.next..)?.split_first_chunk::<4>()?;
        let value = rest.get(..u32::from_ne_bytes(*length) as usize)?;
        self.next += 4 + value.len();
        if self.fds.get_mut().is_empty() && !CARRYING.get() {
            return Some(decode(value)); // 실려 온 디스크립터가 없으므로 목록도 필요 없습니다.
        }
        Some(carrying(&self.fds, || decode(value)))
    }

    /// 값 하나를 읽지 않고 지나갑니다. 더 없으면 `false`입니다.
    pub fn skip(&mut self) -> bool {
        let length = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk::<4>());
        let Some(length) = length else { return false };
        self.next =
            self.next.saturating_add(4).saturating_add(u32::from_ne_bytes(*length) as usize);
        true
    }

    /// 같은 값들과 복제한 디스크립터를 담은 소포.
    ///
    /// # Errors
    ///
    /// 디스크립터가 모자라면 운영체제의 에러입니다.
    pub fn try_clone(&self) -> io::Result<Parcel> {
        let fds = self.fds.borrow();
        let copy = |attached: &Attached| attached.fd.as_ref().map(OwnedFd::try_clone).transpose();
        let fds = fds.iter().map(|attached| Ok(Attached { fd: copy(attached)?, id: attached.id }));
        let fds = RefCell::new(fds.collect::<io::Result<_>>()?);
        Ok(Parcel { bytes: self.bytes.clone(), next: self.next, fds })
    }

    /// 비웁니다.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fds.get_mut().clear();
        self.next = 0;
    }

    /// 뒤에 0을 8바이트 덧붙입니다. 바이트를 8바이트씩 옮기는 쪽이 나머지를 따로 다루지 않아도 됩니다.
    #[inline]
    pub fn pad(&mut self) {
        self.bytes.extend_from_slice(&[0; 8]);
    }

    /// 담은 바이트.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// 실은 디스크립터의 수.
    #[inline]
    pub fn descriptors(&self) -> usize {
        self.fds.borrow().len()
    }
}

impl From<Vec<u8>> for Parcel {
    /// 다른 소포의 [`Parcel::bytes`]에서 만듭니다.
    fn from(bytes: Vec<u8>) -> Parcel {
        Parcel { bytes, ..Parcel::default() }
    }
}

impl Serialize for Parcel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fds = self.fds.borrow();
        // 이미 꺼낸 것의 번호도 그대로 둡니다. 바이트에는 몇 번째인지가 적혀 있습니다.
        let copy = |attached: &Attached| attached.fd.as_ref().map(OwnedFd::try_clone).transpose();
        let fds = fds.iter().map(|attached| Ok(copy(attached)?.map(Carried)));
        let fds: Vec<Option<Carried>> =
            fds.collect::<io::Result<_>>().map_err(|error| ser::Error::custom(refuse(&error)))?;
        (serde_bytes::Bytes::new(&self.bytes), fds).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Parcel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (bytes, fds) =
            <(serde_bytes::ByteBuf, Vec<Option<Carried>>)>::deserialize(deserializer)?;
        let fds = fds.into_iter().map(|carried| Attached { fd: carried.map(|c| c.0), id: None });
        Ok(Parcel { bytes: bytes.into_vec(), next: 0, fds: RefCell::new(fds.collect()) })
    }
}

/// 값 하나를 메시지의 내용과, 함께 보낼 디스크립터로 바꿉니다.
pub(crate) fn seal<T: Accepts<V>, V: ?Sized>(
    value: &V,
) -> Result<(Vec<u8>, Vec<OwnedFd>), CodecError> {
    let (mut bytes, fds) = (Vec::new(), RefCell::default());
    carrying(&fds, || T::encode(value, &mut bytes))?;
    let fds = fds.into_inner().into_iter().filter_map(|attached| attached.fd).collect();
    Ok((bytes, fds))
}

/// [`seal`]한 것을 다시 값으로 읽습니다. 값이 가져가지 않은 디스크립터는 닫힙니다.
pub(crate) fn open<T: DeserializeOwned + 'static>(
    bytes: &[u8],
    fds: Vec<OwnedFd>,
) -> Result<T, CodecError> {
    carrying(&RefCell::new(fds.into_iter().map(Attached::from).collect()), || decode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_push_leaves_neither_bytes_nor_descriptors() {
        /// 직렬화에 언제나 실패하는 값.
        struct Fails;
        impl Serialize for Fails {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(ser::Error::custom("실패"))
            }
        }
        let mut parcel = Parcel::default();
        let file = Descriptor::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
        assert!(parcel.push(&(file, Fails)).is_err());
        assert_eq!((parcel.bytes().len(), parcel.descriptors()), (0, 0));
    }

    #[test]
    fn shared_memory_inside_a_parcel_crosses_a_channel() {
        use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
        let shared = crate::Shared::new(AtomicU32::new(1)).unwrap();
        let mut parcel = Parcel::default();
        parcel.push(&shared).unwrap();
        let (left, right) = crate::channel::Channel::pair().unwrap();
        left.send(&parcel, None).unwrap();
        let mut received = right.recv::<Parcel>(None).unwrap();
        let same = received.pop::<crate::Shared<AtomicU32>>().unwrap().unwrap();
        same.store(7, SeqCst);
        assert_eq!(shared.load(SeqCst), 7);
    }

    #[test]
    fn the_reason_of_one_refusal_does_not_appear_in_another() {
        /// 안의 에러를 삼키는 `Serialize`.
        struct Swallows(Descriptor);
        impl Serialize for Swallows {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                assert!(postcard::to_slice(&self.0, &mut [0; 8]).is_err());
                serializer.serialize_unit()
            }
        }
        let file = Descriptor::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
        assert_eq!(encode(&Swallows(file), &mut Vec::new()), Ok(()));
        let error = decode::<String>(&[5]).unwrap_err().to_string();
        assert!(!error.contains("디스크립터"), "{error}");
    }
}
