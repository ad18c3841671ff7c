//! 작업(task): 다른 프로세스에서 부를 수 있는 함수.
//!
//! 자식은 같은 실행 파일이므로 같은 함수가 같은 자리에 있습니다. 다만 프로세스마다 실행 파일이 놓인 주소가
//! 다르므로(ASLR), 주소 대신 기준점에서의 거리를 보냅니다.

use std::marker::PhantomData;
use std::ptr::NonNull;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::{receiving, refuse};

/// 다른 프로세스에 맡길 수 있는 함수: 함수 이름이나, 아무것도 붙잡지 않은 클로저입니다.
///
/// 인수는 튜플로 줍니다(여섯 개까지). 하나뿐이면 그대로 주어도 됩니다. `Marker`는 컴파일러가 스스로 고르며, 적을 일이 없습니다.
#[diagnostic::on_unimplemented(
    message = "`{Self}`은(는) 인수 `{Args}`로 부를 작업이 아닙니다",
    label = "함수의 매개변수와 인수 튜플을 맞추십시오",
    note = "클로저라면 매개변수의 타입을 적으십시오. 예: `|n: u64| n * n`"
)]
pub trait Task<Args, Marker>: Copy + Send + 'static {
    /// 함수가 돌려주는 값.
    type Output;

    /// 함수를 부릅니다.
    fn call(self, args: Args) -> Self::Output;
}

macro_rules! task {
    ($($name:ident),*) => {
        impl<Func, Ret, $($name),*> Task<($($name,)*), fn($($name),*) -> Ret> for Func
        where
            Func: Fn($($name),*) -> Ret + Copy + Send + 'static,
        {
            type Output = Ret;

            #[allow(non_snake_case, reason = "타입 이름을 그대로 변수 이름으로 씁니다")]
            fn call(self, ($($name,)*): ($($name,)*)) -> Ret {
                self($($name),*)
            }
        }
    };
}
/// [`Task`]의 표시: 인수 하나를 튜플로 싸지 않고 그대로 줍니다.
pub struct Single<F>(PhantomData<F>);

impl<Func, Ret, A> Task<A, Single<fn(A) -> Ret>> for Func
where
    Func: Fn(A) -> Ret + Copy + Send + 'static,
{
    type Output = Ret;

    fn call(self, args: A) -> Ret {
        self(args)
    }
}

task!();
task!(A);
task!(A, B);
task!(A, B, C);
task!(A, B, C, D);
task!(A, B, C, D, E);
task!(A, B, C, D, E, F);

/// 작업이 돌려줄 수 있는 것: 직렬화할 수 있는 값, 또는 그런 값의 `anyhow::Result`.
#[diagnostic::on_unimplemented(
    message = "작업은 `{Self}`을(를) 돌려줄 수 없습니다",
    label = "다른 프로세스로 보낼 수 없는 값입니다",
    note = "serde의 Serialize와 Deserialize를 구현한 값이나, 그런 값의 anyhow::Result를 돌려주십시오"
)]
pub trait Output<Marker> {
    /// 성공했을 때의 값.
    type Value: Serialize + DeserializeOwned + 'static;

    /// 값과 실패를 가릅니다.
    fn into_result(self) -> anyhow::Result<Self::Value>;
}

/// [`Output`]의 표시: 그냥 값.
pub enum Value {}
/// [`Output`]의 표시: 실패할 수 있는 값.
pub enum Fallible {}

impl<T: Serialize + DeserializeOwned + 'static> Output<Value> for T {
    type Value = T;

    fn into_result(self) -> anyhow::Result<T> {
        Ok(self)
    }
}

impl<T: Serialize + DeserializeOwned + 'static> Output<Fallible> for anyhow::Result<T> {
    type Value = T;

    fn into_result(self) -> anyhow::Result<T> {
        self
    }
}

/// 크기가 0인 함수 값을 타입만으로 만들어 냅니다. 값을 붙잡은 클로저는 여기서 컴파일이 멈춥니다.
pub fn summon<F: Copy + Send + 'static>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "바깥 변수를 붙잡은 클로저나 함수 포인터는 다른 프로세스로 보낼 수 없습니다. 값은 인수로 건네십시오"
        );
    }
    // SAFETY: 크기가 0인 값은 정렬만 맞으면 아무 주소에서나 읽을 수 있습니다. 부모에 `F`의 값이 실제로 있었고 `F`는 `Copy`이므로,
    // 여기서 만든 값은 그 값의 사본과 다르지 않습니다. 크기 0인 값을 붙잡은 클로저도 마찬가지입니다.
    unsafe { NonNull::<F>::dangling().read() }
}

/// 거리를 재는 기준점. 실행 파일 안에 하나만 있습니다.
static ANCHOR: u8 = 0;

fn anchor() -> usize {
    (&raw const ANCHOR).addr()
}

/// 같은 실행 파일의 다른 프로세스에서도 같은 함수를 가리키는 값입니다.
pub struct RemoteFn<I: ?Sized, R> {
    /// 기준점에서 함수까지의 거리(바이트, 한 바퀴 도는 뺄셈).
    distance: usize,
    signature: PhantomData<fn(&I) -> R>,
}

impl<I: ?Sized, R> RemoteFn<I, R> {
    /// 함수의 위치를 잽니다.
    pub fn new(function: fn(&I) -> R) -> Self {
        let distance = (function as usize).wrapping_sub(anchor());
        RemoteFn { distance, signature: PhantomData }
    }

    /// 함수를 부릅니다.
    pub fn call(&self, input: &I) -> R {
        let address = std::ptr::with_exposed_provenance::<()>(anchor().wrapping_add(self.distance));
        // SAFETY: `distance`는 같은 실행 파일의 `new`가 같은 시그니처의 함수에서 잰 것입니다. 이 타입은 채널로 온
        // 프레임에서만 읽을 수 있고(아래), 그 채널의 반대쪽 끝은 같은 실행 파일의 프로세스만 갖습니다.
        let function: fn(&I) -> R = unsafe { std::mem::transmute(address) };
        function(input)
    }
}

impl<I: ?Sized, R> Clone for RemoteFn<I, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: ?Sized, R> Copy for RemoteFn<I, R> {}

impl<I: ?Sized, R> Serialize for RemoteFn<I, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.distance as u64).serialize(serializer)
    }
}

impl<'de, I: ?Sized, R> Deserialize<'de> for RemoteFn<I, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !receiving() {
            return Err(D::Error::custom(refuse("함수의 위치는 채널로만 받을 수 있습니다")));
        }
        let distance = u64::deserialize(deserializer)? as usize;
        Ok(RemoteFn { distance, signature: PhantomData })
    }
}
