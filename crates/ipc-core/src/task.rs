//! 작업(task): 다른 프로세스에서 호출할 수 있는 함수.
//!
//! 자식은 같은 실행 파일이므로 같은 함수가 같은 자리에 있습니다. 다만 프로세스마다 실행 파일이 놓인 주소가
//! 다르므로(ASLR), 주소 대신 기준점에서의 거리를 보냅니다.

use std::error::Error;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::message::Message;

/// 다른 프로세스에 맡길 수 있는 함수: 함수 이름이나, 아무것도 캡처하지 않은 클로저입니다.
///
/// 인수는 튜플로 줍니다(여섯 개까지). 하나뿐이면 그대로 주어도 됩니다. `Marker`는 컴파일러가 스스로 고르며, 적을 일이 없습니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}` 함수는 이 인수로 다른 프로세스에서 호출할 수 없습니다",
    label = "함수의 매개변수, 인수, 반환값 가운데 맞지 않는 것이 있습니다",
    note = "함수의 매개변수와 인수 튜플은 수와 타입이 같아야 합니다. 예: `fn f(n: u32, name: String)`에는 `(1, name)`, 하나라면 `(1,)`",
    note = "매개변수는 여섯 개까지입니다. 더 많으면 구조체나 튜플 하나로 묶으십시오",
    note = "매개변수는 빌린 값(&str, &T)일 수 없습니다. String, T로 받으십시오. 빌린 항목들은 iter().cloned()로 건네십시오",
    note = "클로저라면 매개변수의 타입을 적으십시오. 예: `|n: u64| n * n`. 바깥 변수를 캡처하거나 바꿀 수는 없습니다. 값은 인수로 건네고 결과는 반환하십시오",
    note = "함수는 다른 프로세스로 보낼 수 있는 값이나, 그런 값의 Result를 반환해야 합니다"
)]
pub trait Task<Args, Marker>: Copy + Send + 'static {
    /// 함수가 성공했을 때 반환하는 값.
    type Value: Message;

    /// 함수를 호출합니다.
    fn call(self, args: Args) -> anyhow::Result<Self::Value>;
}

macro_rules! task {
    ($args:ty, $pattern:pat, $marker:ident, ($($name:ident),*)) => {
        #[diagnostic::do_not_recommend]
        impl<Func, Ret, Kind, $($name),*> Task<$args, $marker<fn($($name),*) -> Ret, Kind>> for Func
        where
            Func: Fn($($name),*) -> Ret + Copy + Send + 'static,
            Ret: Output<Kind>,
        {
            type Value = Ret::Value;

            #[allow(non_snake_case, reason = "타입 이름을 그대로 변수 이름으로 씁니다")]
            fn call(self, $pattern: $args) -> anyhow::Result<Ret::Value> {
                self($($name),*).into_result()
            }
        }
    };
}

/// 아무도 구현하지 않는 트레이트.
#[doc(hidden)]
pub trait Nobody: Copy + Send + 'static {}

/// 결코 쓰이지 않는 구현입니다. 후보가 하나뿐이면 컴파일러는 그 후보의 `Fn` 조건을 영어로 설명합니다. 후보가 둘이고 모두 맞지
/// 않으면 위의 안내를 보여 줍니다.
#[diagnostic::do_not_recommend]
impl<Func: Nobody, Args> Task<Args, Unused> for Func {
    type Value = ();

    fn call(self, _: Args) -> anyhow::Result<()> {
        Ok(())
    }
}

/// [`Task`]의 표시: 쓰이지 않습니다.
#[derive(Debug)]
pub enum Unused {}
/// [`Task`]의 표시: 인수를 튜플로 줍니다.
#[derive(Debug)]
pub struct Tuple<F, K>(PhantomData<(F, K)>);
/// [`Task`]의 표시: 인수 하나를 튜플로 싸지 않고 그대로 줍니다.
#[derive(Debug)]
pub struct Single<F, K>(PhantomData<(F, K)>);

task!(A, A, Single, (A));
task!((), (), Tuple, ());
task!((A,), (A,), Tuple, (A));
task!((A, B), (A, B), Tuple, (A, B));
task!((A, B, C), (A, B, C), Tuple, (A, B, C));
task!((A, B, C, D), (A, B, C, D), Tuple, (A, B, C, D));
task!((A, B, C, D, E), (A, B, C, D, E), Tuple, (A, B, C, D, E));
task!((A, B, C, D, E, F), (A, B, C, D, E, F), Tuple, (A, B, C, D, E, F));

/// 작업이 반환할 수 있는 것: 보낼 수 있는 값, 또는 그런 값의 `Result`.
///
/// `Result`의 에러는 `anyhow::Error`, `Box<dyn Error>`, `std::error::Error`를 구현한 타입 가운데 무엇이든 됩니다. 다른 프로세스로는
/// 글만 건너갑니다.
///
/// `Serialize`까지 구현한 에러는 쓸 수 없습니다. `Result` 전체가 보낼 수 있는 값이기도 해서, 실패인지 값인지 컴파일러가 정하지
/// 못합니다.
///
/// ```compile_fail,E0283
/// #[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
/// #[error("0으로 나눌 수 없습니다")]
/// struct DividedByZero;
///
/// fn divide(n: u32) -> Result<u32, DividedByZero> {
///     10u32.checked_div(n).ok_or(DividedByZero)
/// }
///
/// let process = ipc_core::Process::spawn(divide, 0);
/// ```
#[diagnostic::on_unimplemented(
    message = "작업은 `{Self}` 값을 반환할 수 없습니다",
    label = "다른 프로세스로 보낼 수 없는 값입니다",
    note = "serde의 Serialize와 Deserialize를 구현한 값이나, 그런 값의 Result를 반환하십시오"
)]
pub trait Output<Kind> {
    /// 성공했을 때의 값.
    type Value: Message;

    /// 값인지 실패인지 구별합니다.
    fn into_result(self) -> anyhow::Result<Self::Value>;
}

/// [`Output`]의 표시: 그냥 값.
#[derive(Debug)]
pub enum Plainly {}
/// [`Output`]의 표시: 실패하면 `E`인 값.
#[derive(Debug)]
pub struct Fallibly<E>(PhantomData<E>);
/// [`Fallibly`]의 표시: 표준 라이브러리의 `Error`를 구현한 에러.
#[derive(Debug)]
pub enum Standard {}

impl<T: Message> Output<Plainly> for T {
    type Value = T;

    fn into_result(self) -> anyhow::Result<T> {
        Ok(self)
    }
}

impl<T: Message> Output<Fallibly<anyhow::Error>> for anyhow::Result<T> {
    type Value = T;

    fn into_result(self) -> anyhow::Result<T> {
        self
    }
}

impl<T: Message, E: Error + Send + Sync + 'static> Output<Fallibly<Standard>> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> anyhow::Result<T> {
        Ok(self?)
    }
}

macro_rules! boxed {
    ($($error:ty),*) => { $(
        impl<T: Message> Output<Fallibly<$error>> for Result<T, $error> {
            type Value = T;

            fn into_result(self) -> anyhow::Result<T> {
                self.map_err(|error| anyhow::Error::msg(error.to_string()))
            }
        }
    )* };
}
boxed!(Box<dyn Error>, Box<dyn Error + Send>, Box<dyn Error + Send + Sync>);

/// 크기가 0인 함수 값을 타입만으로 만들어 냅니다. 값을 캡처한 클로저는 여기서 컴파일이 멈춥니다.
///
/// # Safety
///
/// `F`의 값이 이 프로그램에서 실제로 만들어졌어야 합니다. 만들 수 없는 타입이나, 갖고 있음이 곧 증명인 타입의 값을 지어내면
/// 안 됩니다. 여기서는 부모가 `F`의 값을 받은 함수만 자식에게 그 타입을 알려 줍니다.
pub unsafe fn zero_sized<F: Copy + Send + 'static>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "바깥 변수를 캡처한 클로저나 함수 포인터는 다른 프로세스로 보낼 수 없습니다. 값은 인수로 건네십시오"
        );
    }
    // SAFETY: 크기가 0인 값은 정렬만 맞으면 아무 주소에서나 읽을 수 있습니다. 호출한 쪽이 보장하듯이 `F`의 값이 실제로 있었고
    // `F`는 `Copy`이므로, 여기서 만든 값은 그 값의 복사본과 다르지 않습니다.
    unsafe { NonNull::<F>::dangling().read() }
}

/// 거리를 재는 기준점. 실행 파일 안에 하나만 있습니다.
static ANCHOR: u8 = 0;

/// 같은 실행 파일의 다른 프로세스에서도 같은 함수 `F`(`fn(I) -> R`)를 가리키는 값입니다.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct RemoteFn<F> {
    /// 기준점에서 함수까지의 거리(바이트, 오버플로를 허용하는 뺄셈).
    distance: u64,
    function: PhantomData<F>,
}

/// `address`가 든 실행 파일이나 라이브러리가 놓인 주소. 알 수 없으면(정적 링크) 0입니다.
fn object_of(address: usize) -> usize {
    // SAFETY: 모든 필드가 정수나 포인터인 C 구조체라 0이 올바른 값입니다.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: `dladdr`은 주소를 읽지 않고 목록에서 찾기만 하며, `info`에만 씁니다.
    let found = unsafe { libc::dladdr(std::ptr::without_provenance(address), &mut info) };
    if found == 0 { 0 } else { info.dli_fbase.addr() }
}

impl<I, R> RemoteFn<fn(I) -> R> {
    /// 함수의 위치를 잽니다. 함수가 이 크레이트와 다른 파일(동적 라이브러리)에 있으면 `None`입니다.
    ///
    /// 파일들이 놓이는 주소는 프로세스마다 따로 정해지므로, 거리는 한 파일 안에서만 같습니다.
    pub fn new(function: fn(I) -> R) -> Option<Self> {
        static OWN_OBJECT: LazyLock<usize> =
            LazyLock::new(|| object_of((&raw const ANCHOR).addr()));
        let distance = (function as usize).wrapping_sub((&raw const ANCHOR).addr());
        (object_of(function as usize) == *OWN_OBJECT)
            .then_some(RemoteFn { distance: distance as u64, function: PhantomData })
    }

    /// [`RemoteFn::from_distance`]로 되돌릴 수 있는 수.
    pub fn distance(self) -> u64 {
        self.distance
    }

    /// [`RemoteFn::distance`]에서 되돌립니다. 호출하기 전까지는 수일 뿐입니다.
    pub fn from_distance(distance: u64) -> Self {
        RemoteFn { distance, function: PhantomData }
    }

    /// 함수를 호출합니다.
    ///
    /// # Safety
    ///
    /// 이 값은 같은 실행 파일에서 [`RemoteFn::new`]가 같은 시그니처의 함수로 만든 것이어야 합니다. 지어낸 바이트에서 읽은 것은
    /// 아무 데나 가리킵니다.
    pub unsafe fn call(self, input: I) -> R {
        let address = (&raw const ANCHOR).addr().wrapping_add(self.distance as usize);
        let address = std::ptr::with_exposed_provenance::<()>(address);
        // SAFETY: 호출한 쪽이 보장하듯이, `distance`는 같은 시그니처의 함수에서 잰 것입니다. 같은 파일 안의 거리는 프로세스마다 같습니다.
        let function: fn(I) -> R = unsafe { std::mem::transmute(address) };
        function(input)
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_another_object_is_recognised() {
        fn ours(n: u32) -> u32 {
            n
        }
        assert!(RemoteFn::new(ours as fn(u32) -> u32).is_some());
        let theirs = object_of(libc::getpid as *const () as usize);
        assert_ne!(theirs, object_of((&raw const ANCHOR).addr()));
    }
}
