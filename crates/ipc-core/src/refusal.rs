//! 직렬화를 거절한 이유를, serde를 지나는 동안 잃지 않게 적어 둡니다.
//!
//! postcard는 `Serialize`와 `Deserialize`가 준 에러 메시지를 버립니다. 그래서 우리 타입은 거절하기 전에 이유를 스레드의 변수에
//! 적어 두고([`refuse`]), 에러를 받은 쪽이 그것을 꺼냅니다([`explain`]).

use std::any::type_name;
use std::cell::Cell;
use std::io;

use crate::error::CodecError;

/// 디스크립터를 옮길 수 없는 곳이라 거절한 이유.
pub const NOT_INLINE: &str = "디스크립터를 옮길 수 없는 곳입니다";
/// 필드를 건너뛰려 한 이유.
pub const VARYING: &str = "skip_serializing_if가 필드를 건너뛰었습니다";

thread_local! {
    /// 우리 타입이 거절한 이유.
    static REFUSAL: Cell<Option<Refusal>> = const { Cell::new(None) };
    /// [`REFUSAL`]에 적힌 것이 있는지. 이쪽은 정리할 것이 없어 확인이 빠릅니다.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

enum Refusal {
    Reason(String),
    Os(i32),
}

/// 거절하는 이유를 적어 두고, 직렬화 에러에 담을 말을 반환합니다.
pub fn refuse(error: &io::Error) -> String {
    REFUSED.set(true);
    REFUSAL.set(Some(match error.raw_os_error() {
        Some(errno) => Refusal::Os(errno),
        None => Refusal::Reason(error.to_string()),
    }));
    error.to_string()
}

/// 누군가 에러를 삼켜 남아 있는 이유를 지웁니다. 다음 에러의 이유로 보이지 않게 합니다.
#[inline]
pub fn forget_refusal() {
    if REFUSED.replace(false) {
        REFUSAL.take();
    }
}

/// postcard의 에러를, 적어 둔 이유가 있으면 그것으로 바꿉니다.
pub fn explain<T: ?Sized>(
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
