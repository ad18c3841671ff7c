//! [`Plain`]: 공유 메모리에 놓아도 되는 타입들.

use std::io;
use std::sync::atomic::*;

/// 공유 메모리에 놓아도 되는 타입입니다.
///
/// `Vec`이나 `String`은 다른 곳을 가리키는 포인터일 뿐이어서, 그대로 옮기면 상대에게는 엉뚱한 주소가 됩니다.
/// 이 트레이트가 그런 타입을 컴파일할 때 거절합니다.
///
/// # Safety
///
/// 구현하는 타입은 자기 바이트 안에 온전히 담겨야 합니다. 포인터, 참조, 파일 디스크립터, 힙 데이터가 없고
/// `Drop`이 필요 없어야 합니다. 값이 바뀌는 곳은 아토믹이거나, 한 번에 한 프로세스만 들어가는 장치로
/// 지켜야 합니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}`은(는) 공유 메모리에 둘 수 없습니다",
    label = "포인터나 힙 데이터가 있으면 다른 프로세스에서는 엉뚱한 주소가 됩니다",
    note = "정수·실수·배열·튜플처럼 제 바이트에 다 담기는 값을 쓰거나, 큐나 파이프로 보내십시오"
)]
pub unsafe trait Plain: 'static {
    /// 락이 들어 있으면 참입니다. 참일 때만 아래 두 함수가 불립니다.
    const LOCKS: bool = false;

    /// 공유 메모리에 놓인 바로 뒤, 다른 프로세스가 보기 전에 한 번 불립니다.
    fn placed(&self) -> io::Result<()> {
        Ok(())
    }

    /// 이 프로세스가 안의 락을 쥐고 있으면 참입니다. 그동안은 매핑을 풀지 않습니다.
    fn pinned(&self) -> bool {
        false
    }
}

/// 모든 비트가 0인 상태가 올바른 값인 [`Plain`] 타입입니다.
///
/// # Safety
///
/// 0으로 채운 메모리를 이 타입으로 읽어도 올바른 값이어야 합니다.
pub unsafe trait Zeroed: Plain {}

macro_rules! plain {
    ($($type:ty),*) => { $(
        // SAFETY: 포인터도 `Drop`도 없는 기본 타입이거나 아토믹입니다.
        unsafe impl Plain for $type {}
        // SAFETY: 0은 이 타입의 올바른 값입니다.
        unsafe impl Zeroed for $type {}
    )* };
}
plain!((), bool, char, f32, f64);
plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
plain!(AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize);
plain!(AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize);

// SAFETY: 원소가 모두 `Plain`이고, 배열은 원소를 늘어놓은 것뿐입니다.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    const LOCKS: bool = T::LOCKS;
    fn placed(&self) -> io::Result<()> {
        self.iter().try_for_each(T::placed)
    }
    fn pinned(&self) -> bool {
        self.iter().any(T::pinned)
    }
}

macro_rules! plain_tuple {
    ($($name:ident),*) => {
        // SAFETY: 원소가 모두 `Plain`이고, 배치는 같은 실행 파일 안에서 같습니다.
        unsafe impl<$($name: Plain),*> Plain for ($($name,)*) {
            const LOCKS: bool = $($name::LOCKS)||*;
            #[allow(non_snake_case, reason = "타입 이름을 그대로 변수 이름으로 씁니다")]
            fn placed(&self) -> io::Result<()> {
                let ($($name,)*) = self;
                $($name.placed()?;)*
                Ok(())
            }
            #[allow(non_snake_case, reason = "타입 이름을 그대로 변수 이름으로 씁니다")]
            fn pinned(&self) -> bool {
                let ($($name,)*) = self;
                $($name.pinned())||*
            }
        }
    };
}
plain_tuple!(A);
plain_tuple!(A, B);
plain_tuple!(A, B, C);
plain_tuple!(A, B, C, D);
