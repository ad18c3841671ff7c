//! 기대: E0133
//! 줄: forged.call(0)
//! 줄: zero_sized::<Token>()
//!
//! 함수의 위치를 지어내 호출하거나, 만들 수 없는 값을 타입만으로 지어내는 길은 `unsafe`입니다. 안전한 코드는 엉뚱한 주소로
//! 뛰지 못합니다.
#![forbid(unsafe_code)]

use ipc_core::build::{RemoteFn, zero_sized};

/// 다른 곳에서만 만들 수 있는, 크기가 0인 증표.
#[derive(Clone, Copy)]
enum Token {}

fn main() {
    let forged = RemoteFn::<fn(u8) -> u8>::from_distance(12345);
    println!("{}", forged.call(0));
    let token: Token = zero_sized::<Token>();
    match token {}
}
