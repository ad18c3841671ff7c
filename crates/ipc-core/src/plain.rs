//! 공유 메모리에 놓을 수 있는 타입들: [`Plain`]과 [`Placed`].
//!
//! 공유 메모리의 바이트는 다른 프로세스가 씁니다. 그 프로세스가 잘못되면 아무 바이트나 올 수 있습니다. 그래서 둘을 구별합니다.
//!
//! - [`Plain`]은 락 *안*에 두는 데이터입니다. 락을 획득할 때마다 바이트가 올바른 값인지 확인합니다.
//! - [`Placed`]는 공유 메모리에 *그대로* 놓고 언제든 참조하는 것입니다. 어떤 바이트가 와도 올바른 값이어야 하므로,
//!   `bool`과 `char`는 아니고 수의 아토믹과 뮤텍스만 됩니다.

use std::sync::atomic::*;

use crate::mutex::Mutex;
use crate::wait::{EventCount, Turns};

/// 락 안에 두어 여러 프로세스가 함께 쓸 수 있는 데이터입니다.
///
/// `Vec`이나 `String`은 다른 곳을 가리키는 포인터일 뿐이어서, 그대로 옮기면 상대에게는 엉뚱한 주소가 됩니다.
/// 이 트레이트가 그런 타입을 컴파일할 때 거절합니다. 수, `bool`, `char`와, 그런 것의 배열과 튜플(열둘까지)이 됩니다. 직접 만든
/// 구조체와 열거형은 [`plain!`](crate::plain!)으로 적습니다.
///
/// 표준 라이브러리의 `Option`과 `Duration`은 안 됩니다. 배치가 정해져 있지 않아, 다른 프로세스가 쓴 바이트가 올바른 값인지 확인할
/// 방법이 없기 때문입니다. `Option`은 `plain!`의 열거형으로, `Duration`은 `u64`(나노초)로 바꾸어 담습니다.
///
/// # Safety
///
/// 구현하는 타입은 자기 바이트 안에 온전히 담겨야 합니다. 포인터, 참조, 파일 디스크립터, 힙 데이터, 락이 없고
/// `Drop`이 필요 없어야 합니다. 어떤 바이트는 올바른 값이 아니라면, [`is_valid`](Plain::is_valid)가 그것을 모두 가려내야 하고
/// [`ANY_BYTES`](Plain::ANY_BYTES)는 거짓이어야 합니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}` 값은 락 안에 둘 수 없습니다",
    label = "수, bool, char와 그 배열이나 튜플(열둘까지), plain!으로 적은 타입만 둘 수 있습니다",
    note = "직접 만든 구조체나 열거형이라면 정의를 plain!으로 감싸십시오. 예: `ipc_core::plain! {{ struct Stats {{ count: u32, sum: f64 }} }}` (lock::plain!도 같습니다)",
    note = "`Option`은 plain!의 열거형으로, `Duration`은 `u64`(나노초)로 바꾸십시오. 표준 라이브러리는 이들의 배치를 정해 두지 않아 바이트를 확인할 수 없습니다",
    note = "`Vec`, `String`, `Box`의 내용은 그것을 만든 프로세스의 힙에만 있습니다. 크기를 정한 배열로 바꾸거나, 큐나 파이프로 보내십시오",
    note = "락 안에 락을 둘 수는 없습니다. 락을 따로 만들어 둘 다 건네십시오"
)]
pub unsafe trait Plain: 'static {
    /// 어떤 바이트도 이 타입의 올바른 값인지. 참이면 긴 배열도 원소를 하나씩 확인하지 않습니다.
    const ANY_BYTES: bool = false;

    /// `place`의 바이트가 이 타입의 올바른 값인지 봅니다.
    ///
    /// # Safety
    ///
    /// `place`는 정렬되어 있고 이 타입의 크기만큼 읽을 수 있어야 하며, 그동안 아무도 쓰지 않아야 합니다.
    unsafe fn is_valid(place: *const Self) -> bool;
}

macro_rules! any_bytes {
    ($($type:ty),*) => { $(
        // SAFETY: 포인터도 `Drop`도 없는 수이며, 어떤 바이트도 올바른 값입니다.
        unsafe impl Plain for $type {
            const ANY_BYTES: bool = true;

            unsafe fn is_valid(_: *const $type) -> bool {
                true
            }
        }
    )* };
}
any_bytes!((), f32, f64);
any_bytes!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

// SAFETY: 포인터도 `Drop`도 없고, 올바른 바이트는 0과 1뿐임을 확인합니다.
unsafe impl Plain for bool {
    unsafe fn is_valid(place: *const bool) -> bool {
        // SAFETY: 호출한 쪽이 보장한 곳에서 한 바이트를 읽습니다.
        unsafe { place.cast::<u8>().read() <= 1 }
    }
}

// SAFETY: 포인터도 `Drop`도 없고, 올바른 유니코드 스칼라 값임을 확인합니다.
unsafe impl Plain for char {
    unsafe fn is_valid(place: *const char) -> bool {
        // SAFETY: 호출한 쪽이 보장한 곳에서 네 바이트를 읽습니다. `char`와 `u32`는 크기와 정렬이 같습니다.
        char::from_u32(unsafe { place.cast::<u32>().read() }).is_some()
    }
}

// SAFETY: 원소가 모두 `Plain`이고, 배열은 원소를 늘어놓은 것뿐이며, 원소마다 확인합니다.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    const ANY_BYTES: bool = T::ANY_BYTES;

    unsafe fn is_valid(place: *const [T; N]) -> bool {
        // SAFETY: 배열이 놓인 곳의 `index`번째 원소는 그 안에 있고, 호출한 쪽이 보장한 조건은 원소에도 성립합니다.
        T::ANY_BYTES || (0..N).all(|index| unsafe { T::is_valid(place.cast::<T>().add(index)) })
    }
}

macro_rules! plain_tuple {
    ($($name:ident $index:tt),*) => {
        // SAFETY: 원소가 모두 `Plain`이고, 배치는 같은 실행 파일 안에서 같으며, 원소마다 확인합니다.
        unsafe impl<$($name: Plain),*> Plain for ($($name,)*) {
            const ANY_BYTES: bool = $($name::ANY_BYTES)&&*;

            unsafe fn is_valid(place: *const Self) -> bool {
                // SAFETY: 튜플이 놓인 곳의 원소는 그 안에 있고, 호출한 쪽이 보장한 조건은 원소에도 성립합니다.
                unsafe { $($name::is_valid(&raw const (*place).$index))&&* }
            }
        }
    };
}
plain_tuple!(A 0);
plain_tuple!(A 0, B 1);
plain_tuple!(A 0, B 1, C 2);
plain_tuple!(A 0, B 1, C 2, D 3);
plain_tuple!(A 0, B 1, C 2, D 3, E 4);
plain_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
plain_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
plain_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
plain_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
plain_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
plain_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
plain_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

/// 공유 메모리에 그대로 놓고 여러 프로세스가 참조할 수 있는 타입입니다.
///
/// # Safety
///
/// - 포인터, 참조, 디스크립터, 힙 데이터가 없고 `Drop`이 필요 없습니다.
/// - *어떤* 바이트도 올바른 값입니다(0으로 채운 것도). 다른 프로세스가 무엇을 쓰든 참조가 잘못되지 않습니다.
/// - 값은 아토믹이거나, 안의 [`Mutex`]를 쥔 쪽만 접근하는 `UnsafeCell` 안에 있습니다.
/// - 안에 [`Mutex`]가 있으면 [`mutexes_in`](Placed::mutexes_in)이 빠짐없이 냅니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}` 값은 공유 메모리에 그대로 놓을 수 없습니다",
    label = "다른 프로세스가 쓴 바이트를 언제든 그대로 읽어도 되는 타입이 아닙니다",
    note = "AtomicU64 같은 수의 아토믹(AtomicBool 대신 AtomicU8)을 쓰거나, 값을 Lock 안에 두십시오"
)]
pub unsafe trait Placed: 'static {
    /// `these` 안에 있는 뮤텍스마다 `visit`을 호출합니다.
    fn mutexes_in(_these: &[Self], _visit: &mut dyn FnMut(&Mutex))
    where
        Self: Sized,
    {
    }
}

macro_rules! placed {
    ($($type:ty),*) => { $(
        // SAFETY: 수의 아토믹으로만 이루어져, 어떤 바이트도 올바른 값입니다.
        unsafe impl Placed for $type {}
    )* };
}
placed!((), EventCount, Turns);
placed!(AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize);
placed!(AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize);

// SAFETY: pthread 뮤텍스는 수의 모임이고, 나머지는 아토믹입니다. 잠긴 동안의 목록 포인터는 쥔 스레드와 커널만 따라갑니다.
unsafe impl Placed for Mutex {
    fn mutexes_in(these: &[Mutex], visit: &mut dyn FnMut(&Mutex)) {
        these.iter().for_each(visit);
    }
}

// SAFETY: 원소가 모두 `Placed`이고, 배열은 원소를 늘어놓은 것뿐입니다.
unsafe impl<T: Placed, const N: usize> Placed for [T; N] {
    fn mutexes_in(these: &[[T; N]], visit: &mut dyn FnMut(&Mutex)) {
        T::mutexes_in(these.as_flattened(), visit);
    }
}

macro_rules! placed_tuple {
    ($($name:ident),*) => {
        // SAFETY: 원소가 모두 `Placed`이고, 배치는 같은 실행 파일 안에서 같습니다.
        unsafe impl<$($name: Placed),*> Placed for ($($name,)*) {
            #[allow(non_snake_case, reason = "타입 이름을 그대로 변수 이름으로 씁니다")]
            fn mutexes_in(these: &[Self], visit: &mut dyn FnMut(&Mutex)) {
                for ($($name,)*) in these {
                    $($name::mutexes_in(std::slice::from_ref($name), visit);)*
                }
            }
        }
    };
}
placed_tuple!(A);
placed_tuple!(A, B);
placed_tuple!(A, B, C);
placed_tuple!(A, B, C, D);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_that_are_no_value_are_recognised() {
        let mut bytes = [0_u64; 2];
        let place = bytes.as_mut_ptr().cast::<(bool, char)>();
        // SAFETY: `place`는 정렬된 16바이트이고, 튜플은 8바이트입니다.
        unsafe {
            place.write((true, '가'));
            assert!(<(bool, char)>::is_valid(place));
            (&raw mut (*place).0).cast::<u8>().write(2);
            assert!(!<(bool, char)>::is_valid(place));
            place.write((true, '가'));
            (&raw mut (*place).1).cast::<u32>().write(0x11_0000);
            assert!(!<(bool, char)>::is_valid(place));
        }
    }
}
