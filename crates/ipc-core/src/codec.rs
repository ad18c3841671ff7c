//! 값을 바이트로, 바이트를 값으로 바꿉니다. 파일 디스크립터는 바이트 곁에 따로 실립니다.
//!
//! 디스크립터는 숫자일 뿐이어서, 바이트로 옮기면 상대 프로세스에서는 다른 파일을 가리킵니다. 그래서
//! [`Handle`]은 바이트에는 "몇 번째 디스크립터"라는 번호만 쓰고, 진짜 디스크립터는 이 파일의 목록에 올려
//! 커널(`SCM_RIGHTS`)이 옮기게 합니다. 목록은 [`Encoder`]와 [`Incoming`]이 쓰고 읽는 동안에만 있으므로,
//! 직렬화가 도중에 실패해도 다음 메시지에 섞이지 않고, 파일에 저장하려는 시도는 에러가 됩니다.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use postcard::ser_flavors::Flavor;
use scoped_tls::scoped_thread_local;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

/// 직렬화나 역직렬화가 실패한 까닭입니다.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// `Serialize` 구현이 실패했습니다.
    #[error(
        "`{type_name}` 값을 직렬화하지 못했습니다({reason}). 이 타입의 Serialize 구현을 확인하십시오"
    )]
    Encode { type_name: &'static str, reason: String },
    /// 바이트가 타입과 맞지 않거나 `Deserialize` 구현이 실패했습니다.
    #[error(
        "받은 바이트를 `{type_name}` 값으로 읽지 못했습니다({reason}). 이 타입의 Deserialize 구현을 확인하십시오"
    )]
    Decode { type_name: &'static str, reason: String },
}

scoped_thread_local! {
    /// 지금 쓰는 메시지에 실을 디스크립터. 쓰는 동안에만 있습니다.
    static OUTGOING: RefCell<Vec<OwnedFd>>
}
scoped_thread_local! {
    /// 지금 읽는 메시지에 실려 온 디스크립터. 읽는 동안에만 있습니다.
    static INCOMING: RefCell<Vec<Option<OwnedFd>>>
}
thread_local! {
    /// 우리 타입이 거절한 까닭. postcard는 사용자 정의 메시지를 버리므로 여기에 따로 적어 둡니다.
    static REASON: Cell<Option<String>> = const { Cell::new(None) };
}

/// 거절하는 까닭을 적어 두고, 직렬화 에러에 담을 말로 돌려줍니다.
pub(crate) fn refuse(reason: impl Display) -> String {
    REASON.set(Some(reason.to_string()));
    reason.to_string()
}

fn reason(error: postcard::Error) -> String {
    REASON.take().unwrap_or_else(|| error.to_string())
}

/// 다른 프로세스로 함께 건너가는 파일 디스크립터입니다.
#[derive(Debug)]
pub struct Handle(OwnedFd);

impl Handle {
    pub fn new(fd: OwnedFd) -> Handle {
        Handle(fd)
    }

    pub fn into_fd(self) -> OwnedFd {
        self.0
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Serialize for Handle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !OUTGOING.is_set() {
            let why = "디스크립터가 든 값은 Process의 인수나 파이프로만 보낼 수 있습니다";
            return Err(ser::Error::custom(refuse(why)));
        }
        let copy = self.0.try_clone().map_err(|error| ser::Error::custom(refuse(error)))?;
        let index = OUTGOING.with(|outgoing| {
            outgoing.borrow_mut().push(copy);
            outgoing.borrow().len() as u64 - 1
        });
        serializer.serialize_u64(index)
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = usize::try_from(u64::deserialize(deserializer)?).unwrap_or(usize::MAX);
        let take = || INCOMING.with(|incoming| incoming.borrow_mut().get_mut(index)?.take());
        let handle = if receiving() { take() } else { None };
        let why = "메시지에 실려 오지 않은 디스크립터입니다";
        handle.map(Handle).ok_or_else(|| de::Error::custom(refuse(why)))
    }
}

/// 채널로 온 메시지를 읽는 중인지 봅니다. 다른 곳에서 온 바이트를 믿으면 안 되는 타입이 확인합니다.
pub(crate) fn receiving() -> bool {
    INCOMING.is_set()
}

/// 메시지 하나에 값을 차례로 담습니다.
#[derive(Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    fds: RefCell<Vec<OwnedFd>>,
}

impl Encoder {
    /// 값 하나를 덧붙입니다.
    ///
    /// # Errors
    ///
    /// 직렬화하지 못하면 [`CodecError::Encode`]이며, 그 값의 바이트는 남지 않습니다.
    #[inline]
    pub fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        let start = self.bytes.len();
        OUTGOING
            .set(&self.fds, || encode(value, &mut self.bytes))
            .inspect_err(|_| self.bytes.truncate(start))
    }

    /// 지금까지 쓴 바이트. 길이를 나중에 채우는 등 고쳐 쓸 수 있습니다.
    #[inline]
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// 지금까지 실은 디스크립터의 수.
    pub fn handles(&self) -> usize {
        self.fds.borrow().len()
    }

    /// 쓴 바이트와, 함께 보낼 디스크립터.
    pub fn finish(self) -> (Vec<u8>, Vec<OwnedFd>) {
        (self.bytes, self.fds.into_inner())
    }
}

/// `value`를 `bytes` 뒤에 씁니다. 디스크립터가 든 값은 에러입니다.
#[inline]
pub fn encode<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    postcard::serialize_with_flavor(value, Tail(bytes))
        .map_err(|error| CodecError::Encode { type_name: type_name::<T>(), reason: reason(error) })
}

/// 버퍼의 뒤에 이어 쓰는 postcard의 쓰기 대상.
struct Tail<'a>(&'a mut Vec<u8>);

impl Flavor for Tail<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// 메시지에 실려 온 디스크립터들. 값이 가져가지 않은 것은 사라질 때 닫힙니다.
#[derive(Debug, Default)]
pub struct Incoming(RefCell<Vec<Option<OwnedFd>>>);

impl From<Vec<OwnedFd>> for Incoming {
    fn from(fds: Vec<OwnedFd>) -> Incoming {
        Incoming(RefCell::new(fds.into_iter().map(Some).collect()))
    }
}

impl Incoming {
    /// `bytes` 전체를 값 하나로 읽습니다. 값은 실려 온 디스크립터를 가져갈 수 있습니다.
    ///
    /// # Errors
    ///
    /// [`decode_first`]와 같고, 바이트가 남아도 에러입니다.
    #[inline]
    pub fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, CodecError> {
        INCOMING.set(&self.0, || decode(bytes))
    }

    /// [`Incoming::decode`]와 같지만 앞에서 값 하나만 읽고 나머지를 돌려줍니다.
    ///
    /// # Errors
    ///
    /// [`decode_first`]와 같습니다.
    pub fn decode_first<'b, T: DeserializeOwned>(
        &self,
        bytes: &'b [u8],
    ) -> Result<(T, &'b [u8]), CodecError> {
        INCOMING.set(&self.0, || decode_first(bytes))
    }
}

/// `bytes` 전체를 값 하나로 읽습니다. 디스크립터가 든 값은 에러입니다.
///
/// # Errors
///
/// [`decode_first`]와 같고, 바이트가 남아도 에러입니다.
#[inline]
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match decode_first(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(CodecError::Decode {
            type_name: type_name::<T>(),
            reason: format!("{}바이트가 남았습니다", rest.len()),
        }),
    }
}

/// `bytes`의 앞에서 값 하나를 읽고 나머지를 돌려줍니다.
///
/// # Errors
///
/// 바이트가 타입과 맞지 않으면 [`CodecError::Decode`].
#[inline]
pub fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), CodecError> {
    postcard::take_from_bytes(bytes)
        .map_err(|error| CodecError::Decode { type_name: type_name::<T>(), reason: reason(error) })
}
