//! [`Contents`]: 락 안에 값 하나를 두거나, 길이를 실행 중에 정하는 여럿을 둡니다.

use std::cell::UnsafeCell;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use ipc_core::Plain;
use ipc_core::build::Placed;

/// 값이 놓이는 곳. 다른 프로세스가 쓴 바이트이므로, 락을 획득할 때마다 올바른 값인지 확인합니다.
#[repr(transparent)]
pub struct Place<T>(pub(crate) UnsafeCell<MaybeUninit<T>>);

// SAFETY: `MaybeUninit`에는 어떤 바이트도 올바르고, `T`는 `Plain`이라 포인터도 `Drop`도 없고 락도 들어 있지 않습니다. 락을 쥔 쪽만
// `UnsafeCell`에 접근합니다.
unsafe impl<T: Plain> Placed for Place<T> {}

// SAFETY: 뮤텍스가 한 번에 한 스레드만 값에 들여보냅니다. 값은 스레드를 오갈 수 있어야 합니다.
unsafe impl<T: Send> Sync for Place<T> {}

/// 락 안에 둘 수 있는 것: [`Plain`] 값 하나(`T`)나, 길이를 실행 중에 정하는 여럿(`[T]`)입니다.
///
/// # Safety
///
/// `view`가 반환하는 포인터는 `places` 전체를, 또는 그 첫 칸을 가리켜야 합니다.
pub unsafe trait Contents: 'static {
    /// 원소의 타입.
    type Item: Plain;

    /// 놓인 곳을 `Self`로 보는 포인터. 비어 있으면 `None`일 수 있습니다.
    #[doc(hidden)]
    fn view(places: &[Place<Self::Item>]) -> Option<NonNull<Self>>;
}

// SAFETY: 첫 칸을 가리킵니다. `Place<T>`는 `T`와 배치가 같습니다.
unsafe impl<T: Plain> Contents for T {
    type Item = T;

    #[inline]
    fn view(places: &[Place<T>]) -> Option<NonNull<T>> {
        Some(NonNull::from(places.first()?).cast())
    }
}

// SAFETY: 모든 칸을 가리킵니다. `Place<T>`는 `T`와 배치가 같습니다.
unsafe impl<T: Plain> Contents for [T] {
    type Item = T;

    fn view(places: &[Place<T>]) -> Option<NonNull<[T]>> {
        Some(NonNull::slice_from_raw_parts(NonNull::from(places).cast(), places.len()))
    }
}

impl<T> fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}
