//! 부호화(codec): 값을 바이트로, 바이트를 값으로 바꿉니다.
//!
//! 형식은 [postcard](https://docs.rs/postcard)입니다. 타입의 이름이나 모양을 적지 않아 작고 빠릅니다. 그 대신 값에 따라 모양이
//! 달라지는 타입은 읽을 수 없으므로 거절하며, 그런 값은 [`Json`]으로 감쌉니다. 흔하고 postcard로는 느린 두 가지, 정수 하나와 바이트의
//! 목록(`Vec<u8>`)은 따로 다룹니다.

use std::any::{Any, TypeId, type_name};
use std::fmt::{self, Display};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::ops::{Deref, DerefMut};

use postcard::de_flavors::Flavor;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

use crate::error::CodecError;
use crate::refusal::{explain, forget_refusal, refuse};
use crate::strict::Strict;
use crate::words::word_of;

/// 값 하나를 읽는 데 쓸 수 있는 스택(바이트). 겹겹이 든 값이 읽는 쪽의 스택을 넘치게 하지 못합니다.
const STACK_MAX: usize = 512 * 1024;

/// 같은 실행 파일 안에서 타입마다 다른 수입니다.
pub fn fingerprint<T: 'static>() -> u64 {
    let mut hasher = DefaultHasher::new();
    TypeId::of::<T>().hash(&mut hasher);
    hasher.finish()
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
pub fn encode_like<T>(
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
    let number = bytes.try_into().ok().and_then(|word| number_to(u64::from_le_bytes(word)));
    number.map_or_else(|| decode_any(bytes), Ok)
}

/// 수 하나가 아닌 값을 읽습니다. 따로 두어야 [`decode`]가 작아, 수를 읽는 쪽에 인라인됩니다.
fn decode_any<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, CodecError> {
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
        pub fn number_of<T: 'static>(value: &T) -> Option<u64> {
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

    fn round<T: Serialize + DeserializeOwned + 'static>(value: &T) -> Result<T, CodecError> {
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
        fn same<T: Serialize + DeserializeOwned + Copy + PartialEq + fmt::Debug + 'static>(
            numbers: &[T],
        ) {
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
}
