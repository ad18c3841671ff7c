//! [`Accepts`]: 보낼 값과 *같은 바이트*가 되는 것이면 그대로 받습니다.

use serde::Serialize;

use crate::error::CodecError;
use crate::parcel::{encode, encode_like};

/// `Self`를 보내는 자리에 `&V`를 주어도 됩니다. 받는 쪽에는 `Self`로 옵니다.
///
/// `String` 자리에 `"글"`을, `Vec<T>` 자리에 슬라이스를, `Option<T>` 자리에 값을 줄 수 있습니다. 표준 라이브러리의 `Borrow`로는
/// 부족합니다. `[T; N]`도 `[T]`로 빌릴 수 있지만, 슬라이스는 길이를 앞에 적고 배열은 적지 않아 바이트가 다릅니다. 그래서 바이트가
/// 같음을 아는 것만 여기에 적었습니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}` 값을 보내는 자리에 `{V}` 값을 줄 수 없습니다",
    label = "보내는 타입이 다릅니다",
    note = "큐와 파이프는 한 가지 타입만 나릅니다. `{Self}` 값을 만들어 그 참조를 주십시오",
    note = "`{Self}`가 `!`이면 무엇을 나를지 컴파일러가 모르는 것입니다. `Queue::<u32>::new()`나 `pipe::<String>()`처럼 타입을 적으십시오"
)]
pub trait Accepts<V: ?Sized>: 'static {
    /// `value`를 `Self`의 값으로 `bytes` 뒤에 씁니다. 실패하면 `bytes`는 그대로입니다.
    fn encode(value: &V, bytes: &mut Vec<u8>) -> Result<(), CodecError>;
}

impl<T: Serialize + 'static> Accepts<T> for T {
    #[inline]
    fn encode(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        encode(value, bytes)
    }
}

impl Accepts<str> for String {
    fn encode(value: &str, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_like::<String>(value, bytes)
    }
}

impl<T: Serialize + 'static> Accepts<[T]> for Vec<T> {
    fn encode(value: &[T], bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_like::<Vec<T>>(value, bytes)
    }
}

impl<T: Serialize + 'static> Accepts<T> for Option<T> {
    fn encode(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_like::<Option<T>>(&Some(value), bytes)
    }
}

impl Accepts<str> for Option<String> {
    fn encode(value: &str, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_like::<Option<String>>(&Some(value), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `value`를 `T`로 보낸 바이트가 `same`을 보낸 바이트와 같은지.
    fn like<T: Accepts<V> + Serialize, V: ?Sized>(value: &V, same: &T) -> bool {
        let (mut borrowed, mut owned) = (Vec::new(), Vec::new());
        T::encode(value, &mut borrowed).unwrap();
        encode(same, &mut owned).unwrap();
        !owned.is_empty() && borrowed == owned
    }

    #[test]
    fn what_is_accepted_has_the_same_bytes() {
        assert!(like("안녕", &"안녕".to_string()));
        assert!(like("안녕", &Some("안녕".to_string())));
        assert!(like(&7_u32, &7_u32));
        assert!(like(&7_u32, &Some(7_u32)));
        assert!(like([1_u32, 2, 300].as_slice(), &vec![1_u32, 2, 300]));
        assert!(like([1_u8, 2, 200].as_slice(), &vec![1_u8, 2, 200]));
        assert!(like(&Some(7_u32), &Some(Some(7_u32))));
    }
}
