//! [`plain!`](crate::plain!): 직접 만든 구조체와 열거형을 [`Plain`](crate::Plain)으로.
//!
//! 파생 매크로(`bytemuck`의 `CheckedBitPattern`, `zerocopy`의 `TryFromBytes`)도 같은 일을 하지만 쓰지 않습니다. 그러려면 이 크레이트를
//! 쓰는 사람도 그 크레이트를 의존성에 더해야 하고, 잘못된 필드를 알리는 글이 그 크레이트의 영어 문장이 됩니다. 아래에는 매크로
//! 하나만 있으면 됩니다.
//!
//! 펼친 코드에는 `unsafe impl`이 있지만, 쓰는 크레이트에 `#![forbid(unsafe_code)]`가 있어도 컴파일됩니다. 컴파일러는 다른 크레이트의
//! 매크로가 적은 코드의 책임을 그 매크로에 묻습니다. 그래서 아래의 근거는 *어떤* 입력에도 성립해야 합니다.

/// 구조체나 열거형을 락 안에 둘 수 있게([`Plain`](crate::Plain)) 정의합니다. 여럿을 이어 적어도 됩니다.
///
/// ```
/// #![forbid(unsafe_code)]
/// ipc_core::plain! {
///     /// 지금까지 본 것.
///     #[derive(Debug, Default, Clone, Copy, PartialEq)]
///     pub struct Stats {
///         pub count: u32,
///         pub sum: f64,
///         pub longest: Longest,
///     }
///
///     /// `Option`을 대신합니다.
///     #[derive(Debug, Default, Clone, Copy, PartialEq)]
///     pub enum Longest {
///         #[default]
///         None,
///         Word { letters: u32, first: char },
///         Line(u64),
///     }
/// }
/// fn in_a_lock(_: impl ipc_core::Plain) {}
/// in_a_lock(Stats { count: 1, sum: 0.5, longest: Longest::Line(80) });
/// ```
///
/// - 필드는 모두 `Plain`이어야 합니다. 아닌 필드에는 컴파일러가 밑줄을 그어 알립니다.
/// - 구조체는 `struct A { x: u32 }`나 `struct A(u32);`, 열거형의 변형은 `A`, `A(u32)`, `A { x: u32 }`입니다. 이름 없는 값이
///   둘 이상이면 이름을 붙이거나 튜플로 묶으십시오. 제네릭은 되지 않습니다.
/// - 붙일 수 있는 속성은 문서 주석, `derive`, `default`, `allow`, `expect`입니다. 배치(`repr`)는 매크로가 정합니다.
///
/// 다른 프로세스가 쓴 바이트를 확인할 때는 필드마다 그 타입의 올바른 값인지만 봅니다. 필드 사이의 조건(예: `low <= high`)은 보지
/// 않으므로, 그런 조건에 안전이 걸린 `unsafe` 코드가 있는 타입에는 쓰지 마십시오.
#[macro_export]
macro_rules! plain {
    () => {};

    (
        $(#[$attribute:ident $($content:tt)*])*
        $vis:vis struct $name:ident {
            $($(#[$of_field:ident $($in_field:tt)*])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $($crate::plain!(@attribute $attribute);)*
        $($($crate::plain!(@attribute $of_field);)*)*
        $(#[$attribute $($content)*])*
        $vis struct $name {
            $($(#[$of_field $($in_field)*])* $field_vis $field: $type),*
        }
        $crate::plain!(@implement $name { $($field: $type),* });
        $crate::plain!($($rest)*);
    };

    (
        $(#[$attribute:ident $($content:tt)*])*
        $vis:vis struct $name:ident($field_vis:vis $type:ty $(,)?);
        $($rest:tt)*
    ) => {
        $($crate::plain!(@attribute $attribute);)*
        $(#[$attribute $($content)*])*
        $vis struct $name($field_vis $type);
        $crate::plain!(@implement $name { 0: $type });
        $crate::plain!($($rest)*);
    };

    (
        $(#[$attribute:ident $($content:tt)*])*
        $vis:vis enum $name:ident {
            $(
                $(#[$of_variant:ident $($in_variant:tt)*])*
                $variant:ident
                $(($value:ty $(,)?))?
                $({ $($(#[$of_field:ident $($in_field:tt)*])* $field:ident: $type:ty),* $(,)? })?
                $(= $number:literal)?
            ),* $(,)?
        }
        $($rest:tt)*
    ) => {
        $($crate::plain!(@attribute $attribute);)*
        $(
            $($crate::plain!(@attribute $of_variant);)*
            $($($($crate::plain!(@attribute $of_field);)*)*)?
        )*
        $(#[$attribute $($content)*])*
        #[repr(u8)]
        $vis enum $name {
            $(
                $(#[$of_variant $($in_variant)*])*
                $variant $(($value))? $({ $($(#[$of_field $($in_field)*])* $field: $type),* })? $(= $number)?
            ),*
        }
        // SAFETY: 변형의 필드는 모두 `Plain`이고(아래에서 그 함수를 호출합니다) `Drop`이 없습니다. repr(u8) 열거형은 변형마다 "변형의
        // 번호(u8), 그 뒤에 필드들"인 repr(C) 구조체이고, 전체는 그것들의 공용체입니다(레퍼런스의 Type layout). 속성은 @attribute가
        // 허용한 것뿐이라 다른 `repr`이나 `cfg`가 섞이지 않습니다. 번호는 수 그대로 다시 적으므로 `__Number`도 같은 번호를 매깁니다.
        unsafe impl $crate::Plain for $name {
            #[allow(unused_unsafe, reason = "필드가 없는 변형에는 확인할 것이 없습니다")]
            unsafe fn is_valid(place: *const Self) -> bool {
                const { $crate::expansion::without_drop::<$name>() }
                #[repr(u8)]
                enum __Number { $($variant $(= $number)?),* }
                // SAFETY: 호출한 쪽이 보장한 곳의 첫 바이트는 언제나 변형의 번호입니다.
                let number = unsafe { place.cast::<$crate::expansion::u8>().read() };
                $(
                    if number == __Number::$variant as $crate::expansion::u8 {
                        #[repr(C)]
                        struct __Variant { __number: $crate::expansion::u8, $(__value: $value,)? $($($field: $type,)*)? }
                        let _place = place.cast::<__Variant>();
                        // SAFETY: 이 변형은 `__Variant`와 배치가 같으므로, 필드는 호출한 쪽이 보장한 곳 안에 정렬되어 있습니다.
                        return unsafe {
                            true
                                $(&& <$value as $crate::Plain>::is_valid(&raw const (*_place).__value))?
                                $($(&& <$type as $crate::Plain>::is_valid(&raw const (*_place).$field))*)?
                        };
                    }
                )*
                false
            }
        }
        $crate::plain!($($rest)*);
    };

    (@implement $name:ident { $($field:tt: $type:ty),* }) => {
        // SAFETY: 필드가 모두 `Plain`이고(아래에서 그 함수를 호출합니다) `Drop`이 없습니다. 빠진 필드가 있으면 패턴이 컴파일되지 않습니다.
        // 필드가 올바르면 구조체도 올바릅니다. 사이의 빈 바이트는 값으로 읽지 않습니다.
        unsafe impl $crate::Plain for $name {
            const ANY_BYTES: bool = true $(&& <$type as $crate::Plain>::ANY_BYTES)*;

            unsafe fn is_valid(_place: *const Self) -> bool {
                const { $crate::expansion::without_drop::<$name>() }
                let _every_field = |it: &$name| { let $name { $($field: _),* } = it; };
                // SAFETY: 필드는 구조체 안에 있고, repr(packed)를 붙일 수 없으므로(@attribute) 정렬되어 있습니다.
                unsafe { true $(&& <$type as $crate::Plain>::is_valid(&raw const (*_place).$field))* }
            }
        }
    };

    (@attribute doc) => {};
    (@attribute derive) => {};
    (@attribute default) => {};
    (@attribute allow) => {};
    (@attribute expect) => {};
    (@attribute $other:ident) => {
        compile_error!(concat!(
            "plain! 안에는 #[", stringify!($other), "]을 붙일 수 없습니다. 문서 주석, derive, default, allow, expect만 됩니다"
        ));
    };

    ($($other:tt)*) => {
        compile_error!(
            "plain!에는 `struct A { x: u32 }`, `struct A(u32);`, `enum A { B, C(u32), D { x: u32 } }` 모양만 적을 수 있습니다. 이름 없는 값이 둘 이상이면 이름을 붙이고, 제네릭은 빼십시오"
        );
    };
}

/// 펼친 코드가 쓰는 이름들. 쓰는 쪽이 같은 이름(`u8` 등)을 다른 뜻으로 정의했어도 이것을 가리킵니다.
#[doc(hidden)]
pub mod expansion {
    pub use std::primitive::u8;

    /// `T`에 `Drop`이 없는지 컴파일할 때 확인합니다.
    pub const fn without_drop<T>() {
        assert!(!std::mem::needs_drop::<T>(), "plain! 타입에는 Drop을 구현할 수 없습니다");
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use crate::plain::Plain;

    plain! {
        #[derive(Clone, Copy)]
        struct Row {
            small: u8,
            flag: bool,
            wide: u64,
            shape: Shape,
        }

        #[derive(Clone, Copy)]
        struct Letter(char);

        #[derive(Clone, Copy)]
        enum Shape {
            Empty,
            Flag(bool),
            Text { small: u8, letter: Letter } = 7,
            Pair((bool, u32)),
        }
    }

    /// `value`의 바이트 가운데 하나를 `byte`로 바꾸면 올바른지.
    fn valid_with<T: Plain + Copy>(value: T, index: usize, byte: u8) -> bool {
        let mut place = MaybeUninit::new(value);
        assert!(index < size_of::<T>());
        // SAFETY: `place`는 정렬되어 있고, 바꾸는 바이트는 그 안에 있습니다. 바꾼 뒤에는 `T`로 읽지 않습니다.
        unsafe {
            assert!(T::is_valid(place.as_ptr()));
            place.as_mut_ptr().cast::<u8>().add(index).write(byte);
            T::is_valid(place.as_ptr())
        }
    }

    /// `field`가 `value`의 몇 번째 바이트부터인지.
    fn offset<T, F>(value: &T, field: &F) -> usize {
        (&raw const *field).addr() - (&raw const *value).addr()
    }

    #[test]
    fn every_field_of_a_struct_is_checked() {
        let row = Row { small: 1, flag: true, wide: 3, shape: Shape::Empty };
        assert!(valid_with(row, offset(&row, &row.small), 200));
        assert!(valid_with(row, offset(&row, &row.wide), 200));
        assert!(!valid_with(row, offset(&row, &row.flag), 2));
        assert!(!valid_with(row, offset(&row, &row.shape), 3));
        let letter = Letter('가');
        assert!(!valid_with(letter, 2, 0x11));
        const { assert!(!Row::ANY_BYTES) }
    }

    /// 필드의 자리는 컴파일러가 만든 실제 값에서 재므로, 매크로가 배치를 잘못 알면 실패합니다.
    #[test]
    fn the_number_and_the_fields_of_every_variant_are_checked() {
        for number in 0..=u8::MAX {
            let known = matches!(number, 0 | 1 | 7 | 8);
            // 0인 필드는 어느 변형에서나 올바릅니다.
            let mut place = MaybeUninit::<Shape>::zeroed();
            // SAFETY: 첫 바이트는 `place` 안에 있고, 다른 바이트는 0입니다.
            let valid = unsafe {
                place.as_mut_ptr().cast::<u8>().write(number);
                Shape::is_valid(place.as_ptr())
            };
            assert_eq!(valid, known, "{number}");
        }
        let shape = Shape::Flag(true);
        let Shape::Flag(flag) = &shape else { unreachable!() };
        assert!(!valid_with(shape, offset(&shape, flag), 2));
        let shape = Shape::Text { small: 1, letter: Letter('가') };
        let Shape::Text { small, letter } = &shape else { unreachable!() };
        assert!(valid_with(shape, offset(&shape, small), 2));
        assert!(!valid_with(shape, offset(&shape, letter) + 2, 0x11));
        let shape = Shape::Pair((true, 5));
        let Shape::Pair((flag, number)) = &shape else { unreachable!() };
        assert!(!valid_with(shape, offset(&shape, flag), 2));
        assert!(valid_with(shape, offset(&shape, number), 2));
    }
}
