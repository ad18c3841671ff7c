//! 메시지(message): 무엇을 다른 프로세스로 보낼 수 있는지 정하는 트레이트들.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{encode, encode_like};
use crate::error::CodecError;

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
