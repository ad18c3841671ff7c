//! 값을 바이트로, 바이트를 값으로 바꿉니다. 파일 디스크립터는 바이트 곁에 따로 실립니다.
//!
//! 디스크립터는 숫자일 뿐이어서, 바이트로 옮기면 상대 프로세스에서는 다른 파일을 가리킵니다. 그래서
//! [`Handle`]은 바이트에는 "몇 번째 디스크립터"라는 번호만 쓰고, 진짜 디스크립터는 이 파일의 목록에 올려
//! 커널(`SCM_RIGHTS`)이 옮기게 합니다. 목록은 [`Encoder::push`]와 [`Incoming::with`]가 도는 동안에만 있으므로,
//! 직렬화가 도중에 실패해도 다음 메시지에 섞이지 않고, 파일에 저장하려는 시도는 에러가 됩니다.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use postcard::ser_flavors::Flavor;
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

thread_local! {
    /// 지금 쓰는 메시지에 실을 디스크립터. 쓰는 중이 아니면 `None`.
    static OUTGOING: RefCell<Option<Vec<OwnedFd>>> = const { RefCell::new(None) };
    /// 지금 읽는 메시지에 실려 온 디스크립터. 읽는 중이 아니면 `None`.
    static INCOMING: RefCell<Option<Vec<Option<OwnedFd>>>> = const { RefCell::new(None) };
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
        let index = OUTGOING.with_borrow_mut(|outgoing| {
            let outgoing = outgoing.as_mut().ok_or_else(|| {
                refuse("디스크립터가 든 값은 Process의 인수나 파이프로만 보낼 수 있습니다")
            })?;
            outgoing.push(self.0.try_clone().map_err(refuse)?);
            Ok(outgoing.len() as u64 - 1)
        });
        serializer.serialize_u64(index.map_err(|why: String| ser::Error::custom(why))?)
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = usize::try_from(u64::deserialize(deserializer)?).unwrap_or(usize::MAX);
        INCOMING
            .with_borrow_mut(|incoming| incoming.as_mut()?.get_mut(index)?.take())
            .map(Handle)
            .ok_or_else(|| de::Error::custom(refuse("메시지에 실려 오지 않은 디스크립터입니다")))
    }
}

/// 채널로 온 메시지를 읽는 중인지 봅니다. 다른 곳에서 온 바이트를 믿으면 안 되는 타입이 확인합니다.
pub(crate) fn receiving() -> bool {
    INCOMING.with_borrow(Option::is_some)
}

/// 메시지 하나에 값을 차례로 담습니다.
#[derive(Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Encoder {
    /// 값 하나를 덧붙입니다. 실패하거나 패닉하면 덧붙이기 전으로 돌아갑니다.
    pub fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        let mark = (self.bytes.len(), self.fds.len());
        let outer = OUTGOING.replace(Some(std::mem::take(&mut self.fds)));
        let mut scope = PushScope { encoder: self, outer, mark, done: false };
        encode(value, &mut scope.encoder.bytes)?;
        scope.done = true;
        Ok(())
    }

    /// 지금까지 쓴 바이트. 길이를 나중에 채우는 등 고쳐 쓸 수 있습니다.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// 지금까지 실은 디스크립터의 수.
    pub fn handles(&self) -> usize {
        self.fds.len()
    }

    /// 쓴 바이트와, 함께 보낼 디스크립터.
    pub fn finish(self) -> (Vec<u8>, Vec<OwnedFd>) {
        (self.bytes, self.fds)
    }
}

/// 쓰는 동안만 디스크립터 목록을 열어 둡니다.
struct PushScope<'a> {
    encoder: &'a mut Encoder,
    outer: Option<Vec<OwnedFd>>,
    mark: (usize, usize),
    done: bool,
}

impl Drop for PushScope<'_> {
    fn drop(&mut self) {
        self.encoder.fds = OUTGOING.replace(self.outer.take()).unwrap_or_default();
        if !self.done {
            self.encoder.bytes.truncate(self.mark.0);
            self.encoder.fds.truncate(self.mark.1);
        }
    }
}

/// `value`를 `bytes` 뒤에 씁니다. 디스크립터가 든 값은 에러입니다.
pub fn encode<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    postcard::serialize_with_flavor(value, Tail(bytes))
        .map_err(|error| CodecError::Encode { type_name: type_name::<T>(), reason: reason(error) })
}

/// 버퍼의 뒤에 이어 쓰는 postcard의 쓰기 대상.
struct Tail<'a>(&'a mut Vec<u8>);

impl Flavor for Tail<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

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
pub struct Incoming(Vec<Option<OwnedFd>>);

impl From<Vec<OwnedFd>> for Incoming {
    fn from(fds: Vec<OwnedFd>) -> Incoming {
        Incoming(fds.into_iter().map(Some).collect())
    }
}

impl Incoming {
    /// `read`가 도는 동안 읽는 값이 디스크립터를 가져갈 수 있게 합니다.
    pub fn with<R>(&mut self, read: impl FnOnce() -> R) -> R {
        struct Scope<'a>(&'a mut Incoming, Option<Vec<Option<OwnedFd>>>);
        impl Drop for Scope<'_> {
            fn drop(&mut self) {
                self.0.0 = INCOMING.replace(self.1.take()).unwrap_or_default();
            }
        }
        let outer = INCOMING.replace(Some(std::mem::take(&mut self.0)));
        let _scope = Scope(self, outer);
        read()
    }
}

/// `bytes` 전체를 값 하나로 읽습니다. 남는 바이트도 에러입니다.
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
pub fn decode_first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), CodecError> {
    postcard::take_from_bytes(bytes)
        .map_err(|error| CodecError::Decode { type_name: type_name::<T>(), reason: reason(error) })
}
