//! 소포(parcel): 값들을 담은 바이트와, 함께 건너갈 파일 디스크립터.
//!
//! 디스크립터는 숫자일 뿐이어서, 바이트로 옮기면 상대 프로세스에서는 다른 파일을 가리킵니다. 그래서 [`Descriptor`]는
//! 바이트에는 "몇 번째 디스크립터"라는 번호만 쓰고, 진짜 디스크립터는 소포의 목록에 올려 커널(`SCM_RIGHTS`)이 옮기게
//! 합니다. 목록은 쓰거나 읽는 동안에만 있으므로, 직렬화가 도중에 실패해도 다음 메시지에 섞이지 않고, 파일에 저장하려는
//! 시도는 에러가 됩니다.
//!
//! 바이트의 형식은 [postcard](https://docs.rs/postcard)입니다. 타입의 이름이나 모양을 적지 않아 작고 빠릅니다. 그 대신 값에
//! 따라 모양이 달라지는 타입은 읽을 수 없으므로 거절하며, 그런 값은 [`Json`]으로 감쌉니다. 흔하고 postcard로는 느린 두 가지,
//! 정수 하나와 바이트의 목록(`Vec<u8>`)은 따로 다룹니다.

use std::any::{Any, TypeId, type_name};
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::marker::PhantomPinned;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use postcard::de_flavors::Flavor;
use rustix::fs::{FileType, Stat, fstat};
use scoped_tls::scoped_thread_local;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use crate::accepts::Accepts;
use crate::error::CodecError;
use crate::shared::{FileId, MEMORY_PREFIX, memory_name, word_of};
use crate::strict::{Strict, VARYING};

/// 메시지 하나에 실을 수 있는 디스크립터의 최대 개수(커널의 `SCM_MAX_FD`는 253이고, 둘은 큰 내용의 몫).
pub const DESCRIPTORS_MAX: usize = 251;
/// 디스크립터를 옮길 수 없는 곳이라 거절한 이유.
const NOT_INLINE: &str = "디스크립터를 옮길 수 없는 곳입니다";
/// 값 하나를 읽는 데 쓸 수 있는 스택(바이트). 겹겹이 든 값이 읽는 쪽의 스택을 넘치게 하지 못합니다.
const STACK_MAX: usize = 512 * 1024;

/// 다른 프로세스로 보낼 수 있는 값: serde로 직렬화할 수 있고 아무것도 빌리지 않은 값입니다.
///
/// `Serialize`와 `Deserialize`를 derive하면 저절로 구현됩니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}` 값은 다른 프로세스로 보낼 수 없습니다",
    label = "직렬화할 수 없거나, 무엇인가를 빌린 값입니다",
    note = "직접 만든 타입이라면 정의 위에 #[derive(serde::Serialize, serde::Deserialize)]를 적으십시오",
    note = "`!`로 나오면 무엇을 나를지 컴파일러가 모르는 것입니다. `pipe::<String>()`처럼 타입을 적으십시오",
    note = "빌린 값이라면 소유한 값으로 바꾸십시오. 예: &str은 to_string()으로, &T는 clone()으로, 빌린 항목들은 iter().cloned()로",
    note = "열린 파일이나 소켓이라면 OwnedFd로 바꾸어 ipc_core::build::Descriptor::from(fd)로 감싸십시오"
)]
pub trait Message: Serialize + DeserializeOwned + 'static {}

#[diagnostic::do_not_recommend]
impl<T> Message for T where
    T: Serialize
        + for<'de> 빌린_값은_보낼_수_없습니다_String처럼_소유한_값을_쓰십시오<
            'de,
        > + 'static
{
}

/// `Deserialize<'de>`와 같습니다. 이름이 곧 에러 메시지입니다.
///
/// `&str`은 어떤 라이프타임에서는 `Deserialize`라서, `on_unimplemented`의 글 대신 "implementation of `…` is not general enough"라는
/// 에러가 납니다. 거기에 보이는 것은 트레이트의 이름뿐입니다.
#[doc(hidden)]
#[allow(non_camel_case_types, reason = "컴파일 에러에 보일 문장입니다")]
pub trait 빌린_값은_보낼_수_없습니다_String처럼_소유한_값을_쓰십시오<'de>:
    Deserialize<'de>
{
}

#[diagnostic::do_not_recommend]
impl<'de, T: Deserialize<'de>>
    빌린_값은_보낼_수_없습니다_String처럼_소유한_값을_쓰십시오<'de> for T
{
}

/// 바이트만으로 온전한 값입니다. 큐처럼 디스크립터를 옮길 수 없는 곳에 넣을 수 있습니다.
///
/// 파이프, 락, 큐, 세마포어에는 디스크립터가 들어 있습니다. 그런 타입은 `Unpin`이 아니게 해 두었고, 여기서 그 표시로 가려냅니다.
/// `Box` 안에 숨긴 것은 가려내지 못하며, 그때는 실행 중에 에러가 됩니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}` 값은 큐에 넣을 수 없습니다",
    label = "직렬화할 수 없거나, 빌린 값이거나, 디스크립터가 든 값입니다",
    note = "직접 만든 타입이라면 정의 위에 #[derive(serde::Serialize, serde::Deserialize)]를 적으십시오",
    note = "`!`로 나오면 무엇을 담을지 컴파일러가 모르는 것입니다. `Queue::<u32>::new()`처럼 타입을 적으십시오",
    note = "빌린 값이라면 소유한 값으로 바꾸십시오. 예: &str은 to_string()으로",
    note = "파이프, 락, 큐, 세마포어에는 디스크립터가 들어 있습니다. 큐 대신 Process의 인수나 파이프로 보내십시오"
)]
pub trait Inline: Message {}

#[diagnostic::do_not_recommend]
impl<T: Message + Unpin> Inline for T {}

scoped_thread_local! {
    /// 지금 쓰거나 읽는 소포의 디스크립터들. 쓰거나 읽는 동안에만 있습니다.
    static FDS: RefCell<Vec<Attached>>
}
thread_local! {
    /// [`FDS`]가 있는지. 이쪽은 확인이 빠릅니다. 패닉으로 남아 있어도 느린 길로 갈 뿐입니다.
    static CARRYING: Cell<bool> = const { Cell::new(false) };
    /// 우리 타입이 거절한 이유. postcard는 사용자 정의 메시지를 버리므로 여기에 따로 적어 둡니다.
    static REFUSAL: Cell<Option<Refusal>> = const { Cell::new(None) };
    /// [`REFUSAL`]에 적힌 것이 있는지. 이쪽은 정리할 것이 없어 확인이 빠릅니다.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
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

enum Refusal {
    Reason(String),
    Os(i32),
}

/// 거절하는 이유를 적어 두고, 직렬화 에러에 담을 말을 반환합니다.
pub(crate) fn refuse(error: &io::Error) -> String {
    REFUSED.set(true);
    REFUSAL.set(Some(match error.raw_os_error() {
        Some(errno) => Refusal::Os(errno),
        None => Refusal::Reason(error.to_string()),
    }));
    error.to_string()
}

/// 누군가 에러를 삼켜 남아 있는 이유를 지웁니다. 다음 에러의 이유로 보이지 않게 합니다.
#[inline]
fn forget_refusal() {
    if REFUSED.replace(false) {
        REFUSAL.take();
    }
}

/// postcard의 에러를, 적어 둔 이유가 있으면 그것으로 바꿉니다.
fn explain<T: ?Sized>(
    error: &postcard::Error,
    plain: fn(&'static str, String) -> CodecError,
) -> CodecError {
    let type_name = type_name::<T>();
    REFUSED.set(false);
    match (REFUSAL.take(), error) {
        (Some(Refusal::Os(errno)), _) => CodecError::Descriptor { type_name, errno },
        (Some(Refusal::Reason(reason)), _) if reason == VARYING => {
            CodecError::NeedsJson { type_name, reason }
        }
        (Some(Refusal::Reason(reason)), _) if reason == NOT_INLINE => {
            CodecError::NotInline { type_name }
        }
        (Some(Refusal::Reason(reason)), _) => plain(type_name, reason),
        (None, postcard::Error::WontImplement | postcard::Error::SerializeSeqLengthUnknown) => {
            let reason = "모양이나 길이를 스스로 밝히는 형식이 필요합니다".into();
            CodecError::NeedsJson { type_name, reason }
        }
        (None, error) => plain(type_name, error.to_string()),
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

/// 같은 실행 파일 안에서 타입마다 다른 수입니다.
pub(crate) fn fingerprint<T: 'static>() -> u64 {
    let mut hasher = DefaultHasher::new();
    TypeId::of::<T>().hash(&mut hasher);
    hasher.finish()
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

/// `value`를 `bytes` 뒤에 씁니다. 실패하면 `bytes`는 그대로입니다. 디스크립터가 든 값은 에러입니다.
///
/// # Errors
///
/// 직렬화하지 못하면 [`CodecError`].
#[inline]
pub fn encode<T: Serialize + 'static>(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    if let Some(number) = number_of(value) {
        bytes.extend_from_slice(&number.to_le_bytes());
        return Ok(());
    }
    // 바이트의 목록은 통째로 옮깁니다. 한 바이트씩 쓴 것과 결과가 같습니다.
    match (value as &dyn Any).downcast_ref::<Vec<u8>>() {
        Some(list) => encode_with::<T>(bytes, |serializer| serializer.serialize_bytes(list)),
        None => encode_like::<T>(value, bytes),
    }
}

/// `T`와 똑같이 직렬화되는 `value`를 `bytes` 뒤에 씁니다. 나머지는 [`encode`]와 같습니다.
#[inline]
pub(crate) fn encode_like<T>(
    value: &(impl Serialize + ?Sized),
    bytes: &mut Vec<u8>,
) -> Result<(), CodecError> {
    encode_with::<T>(bytes, |serializer| value.serialize(Strict(serializer)))
}

#[inline]
fn encode_with<T>(
    bytes: &mut Vec<u8>,
    write: impl FnOnce(&mut postcard::Serializer<Tail>) -> postcard::Result<()>,
) -> Result<(), CodecError> {
    forget_refusal();
    let start = bytes.len();
    let mut serializer = postcard::Serializer { output: Tail(bytes) };
    write(&mut serializer).map_err(|error| {
        bytes.truncate(start);
        explain::<T>(&error, |type_name, reason| CodecError::Encode { type_name, reason })
    })
}

/// `bytes` 전체를 값 하나로 읽습니다. 디스크립터가 든 값은 에러입니다.
///
/// # Errors
///
/// 바이트가 타입과 맞지 않거나 바이트가 남으면 [`CodecError`].
#[inline]
pub fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, CodecError> {
    if let Some(value) = bytes.try_into().ok().and_then(|word| number_to(u64::from_le_bytes(word)))
    {
        return Ok(value);
    }
    forget_refusal();
    let bytes = Shallow { bytes, floor: stack_address().saturating_sub(STACK_MAX) };
    let mut deserializer = postcard::Deserializer::from_flavor(bytes);
    let value = if TypeId::of::<T>() == TypeId::of::<Vec<u8>>() {
        let list = serde_bytes::ByteBuf::deserialize(&mut deserializer);
        list.and_then(|list| same_type(list.into_vec()).ok_or(postcard::Error::WontImplement))
    } else {
        T::deserialize(&mut deserializer)
    };
    match value.and_then(|value| Ok((value, deserializer.finalize()?))) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(CodecError::Decode {
            type_name: type_name::<T>(),
            reason: format!("{}바이트가 남았습니다", rest.len()),
        }),
        Err(error) => {
            Err(explain::<T>(&error, |type_name, reason| CodecError::Decode { type_name, reason }))
        }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        /// `value`가 정수 하나이면 그 값. postcard는 작은 수를 짧게 줄이지만, 수 하나만 보낼 때는 8바이트를 그대로 옮기는 쪽이 빠릅니다.
        /// 어느 쪽인지는 타입만으로 정해지므로 컴파일할 때 갈립니다.
        #[inline]
        fn number_of<T: 'static>(value: &T) -> Option<u64> {
            let value: &dyn Any = value;
            None$(.or(value.downcast_ref::<$number>().map(|number| *number as u64)))*
        }

        /// [`number_of`]의 반대.
        #[inline]
        fn number_to<T: 'static>(number: u64) -> Option<T> {
            None$(.or_else(|| same_type(number as $number)))*
        }
    };
}
numbers!(u64, i64, usize, isize, u32, i32);

/// `A`와 `B`가 같은 타입이면 그 값.
fn same_type<A: 'static, B: 'static>(value: A) -> Option<B> {
    (&mut Some(value) as &mut dyn Any).downcast_mut::<Option<B>>()?.take()
}

/// 버퍼의 뒤에 이어 쓰는 postcard의 쓰기 대상.
struct Tail<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Tail<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() <= 8 {
            // 수 하나를 쓴 것. 길이가 정해진 한 칸을 쓰고 뒤를 자르는 쪽이, 몇 바이트를 위해 memcpy를 호출하는 것보다 빠릅니다.
            let end = self.0.len() + bytes.len();
            self.0.extend_from_slice(&word_of(bytes).to_le_bytes());
            self.0.truncate(end);
        } else {
            self.0.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// 스택이 너무 깊어지면 그만 읽는 postcard의 읽기 대상.
struct Shallow<'de> {
    bytes: &'de [u8],
    /// 스택이 이 주소보다 아래로 내려가면 그만둡니다.
    floor: usize,
}

impl<'de> Flavor<'de> for Shallow<'de> {
    type Remainder = &'de [u8];
    type Source = &'de [u8];

    #[inline]
    fn pop(&mut self) -> postcard::Result<u8> {
        if stack_address() < self.floor {
            refuse(&io::Error::other("값이 너무 깊이 겹쳐 있습니다"));
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        let (&byte, rest) =
            self.bytes.split_first().ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.bytes = rest;
        Ok(byte)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }

    #[inline]
    fn try_take_n(&mut self, count: usize) -> postcard::Result<&'de [u8]> {
        let (taken, rest) =
            self.bytes.split_at_checked(count).ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn finalize(self) -> postcard::Result<&'de [u8]> {
        Ok(self.bytes)
    }
}

/// 지금 스택의 대략의 위치. 스택은 아래로 자랍니다.
#[inline]
fn stack_address() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}

/// 값에 따라 모양이 달라지는 타입을 보낼 때 감싸는 것입니다. 안의 값을 JSON으로 옮깁니다.
///
/// `serde_json::Value`, `#[serde(untagged)]`, `#[serde(flatten)]`, `#[serde(skip_serializing_if)]`처럼 읽는 쪽이 모양을 미리
/// 알 수 없는 타입은 그대로 보내면 [`CodecError::NeedsJson`]이 됩니다.
///
/// ```
/// let (left, right) = ipc_core::build::Channel::pair()?;
/// left.send(&ipc_core::Json(vec![Some(1), None]), None)?;
/// assert_eq!(right.recv::<ipc_core::Json<Vec<Option<i32>>>>(None)?.0, [Some(1), None]);
/// # Ok::<(), ipc_core::ChannelError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Display> Display for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::to_string(&self.0) {
            Ok(text) => serializer.serialize_str(&text),
            Err(error) => Err(ser::Error::custom(refuse(&io::Error::other(error)))),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = serde_json::from_str(&text);
        value.map(Json).map_err(|error| de::Error::custom(refuse(&io::Error::other(error))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Row {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        level: u8,
    }

    fn round<T: Message>(value: &T) -> Result<T, CodecError> {
        let mut bytes = Vec::new();
        encode(value, &mut bytes)?;
        decode(&bytes)
    }

    #[test]
    fn a_skipped_field_is_an_error_and_json_carries_it() -> Result<(), CodecError> {
        let row = || Row { note: None, level: 7 };
        assert!(matches!(round(&vec![row()]), Err(CodecError::NeedsJson { .. })));
        assert_eq!(round(&Json(row()))?.0, row());
        let whole = Row { note: Some("메모".into()), level: 7 };
        assert_eq!(round(&whole)?, whole);
        Ok(())
    }

    #[test]
    fn a_type_that_describes_itself_is_an_error_and_json_carries_it() -> Result<(), CodecError> {
        let value = serde_json::json!({ "n": [1, null] });
        assert!(matches!(round(&value), Err(CodecError::NeedsJson { .. })));
        assert_eq!(round(&Json(value.clone()))?.0, value);
        Ok(())
    }

    #[test]
    fn a_list_of_bytes_is_the_same_in_bulk_and_one_by_one() -> Result<(), CodecError> {
        let list: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let (mut bulk, mut nested) = (Vec::new(), Vec::new());
        encode(&list, &mut bulk)?;
        encode(&(list.clone(),), &mut nested)?; // 튜플 안의 것은 한 바이트씩 씁니다.
        assert_eq!(bulk, nested);
        assert_eq!(decode::<Vec<u8>>(&bulk)?, list);
        assert!(decode::<Vec<u8>>(&bulk[..900]).is_err());
        Ok(())
    }

    #[test]
    fn a_single_integer_keeps_its_value() -> Result<(), CodecError> {
        fn same<T: Message + Copy + PartialEq + fmt::Debug>(numbers: &[T]) {
            numbers.iter().for_each(|number| assert_eq!(round(number).unwrap(), *number));
        }
        same(&[0, 1, 300, u64::MAX]);
        same(&[0, -1, i64::MIN, i64::MAX]);
        same(&[0, 300, u32::MAX]);
        same(&[0, -1, i32::MIN, i32::MAX]);
        same(&[0, usize::MAX]);
        same(&[-1, isize::MIN]);
        same(&[0_u8, 255]);
        same(&[-1_i128, i128::MIN]);
        let mut bytes = Vec::new();
        encode(&7_u64, &mut bytes)?;
        bytes.push(0);
        assert!(decode::<u64>(&bytes).is_err(), "바이트가 남았습니다");
        Ok(())
    }

    #[test]
    fn a_value_nested_too_deep_is_an_error() {
        #[derive(Serialize, Deserialize, Debug)]
        struct Nest(Option<Box<Nest>>);
        let mut bytes = vec![1; 1_000_000];
        bytes.push(0);
        assert!(matches!(decode::<Nest>(&bytes), Err(CodecError::Decode { .. })));
        assert!(decode::<Nest>(&[1, 1, 1, 0]).is_ok());
    }

    #[test]
    fn a_failed_push_leaves_neither_bytes_nor_descriptors() {
        let mut parcel = Parcel::default();
        let file = Descriptor::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
        let value = (file, Row { note: None, level: 1 });
        assert!(parcel.push(&value).is_err());
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
                assert!(
                    self.0
                        .serialize(Strict(&mut postcard::Serializer {
                            output: Tail(&mut Vec::new())
                        }))
                        .is_err()
                );
                serializer.serialize_unit()
            }
        }
        let file = Descriptor::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
        assert_eq!(encode(&Swallows(file), &mut Vec::new()), Ok(()));
        let error = decode::<String>(&[5]).unwrap_err().to_string();
        assert!(!error.contains("디스크립터"), "{error}");
    }
}
