//! 기록(record): 묶음에 담긴 항목이나 결과 하나.
//!
//! 길이와 종류를 앞에 적어 두므로, 하나를 직렬화하거나 읽는 데 실패해도 나머지는 온전합니다.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ipc_core::codec::{Encoder, Incoming};
use ipc_core::{CodecError, panic_message};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Cause;

/// 기록의 앞머리: 내용의 길이(4바이트)와 종류(1바이트).
const HEAD: usize = 5;
/// 종류: 값.
const VALUE: u8 = 0;
/// 종류: 실패한 까닭([`Cause`]).
const CAUSE: u8 = 1;

/// `outcome`을 기록 하나로 덧붙입니다. 값을 직렬화하지 못하거나 직렬화가 패닉하면 그 까닭을 대신 적습니다.
pub fn push<T: Serialize>(encoder: &mut Encoder, outcome: Result<&T, Cause>) {
    let start = encoder.bytes().len();
    encoder.bytes().extend([0; HEAD]);
    let written = outcome.and_then(|value| {
        guard(|| encoder.push(value).map_err(|error| Cause::Failed(error.to_string())))?;
        u32::try_from(encoder.bytes().len() - start)
            .map_err(|_| Cause::Failed("값 하나가 4GiB를 넘습니다. 나누어 보내십시오".into()))
    });
    let kind = match written {
        Ok(_) => VALUE,
        Err(cause) => {
            encoder.bytes().truncate(start + HEAD);
            // 까닭은 글뿐이라 직렬화에 실패하지 않습니다.
            let _ = encoder.push(&cause);
            CAUSE
        }
    };
    let bytes = encoder.bytes();
    let length = (bytes.len() - start - HEAD) as u32;
    bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    bytes[start + 4] = kind;
}

/// `work`의 패닉을 [`Cause::Panicked`]로 바꿉니다.
pub fn guard<T>(work: impl FnOnce() -> Result<T, Cause>) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Cause::Panicked(panic_message(&*payload))))
}

/// 기록 하나. 아직 값으로 읽기 전입니다.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    kind: u8,
    content: &'a [u8],
}

impl Record<'_> {
    /// 값이나 까닭으로 읽습니다. 값은 함께 온 디스크립터를 가져갈 수 있습니다.
    pub fn read<T: DeserializeOwned>(self, handles: &Incoming) -> Result<T, Cause> {
        let failed = |error: CodecError| Cause::Failed(error.to_string());
        match self.kind {
            VALUE => handles.decode(self.content).map_err(failed),
            _ => Err(handles.decode(self.content).map_err(failed)?),
        }
    }
}

/// 이어진 기록들을 차례로 냅니다. 끝이 잘린 기록은 내지 않습니다.
#[derive(Clone)]
pub struct Records<'a>(pub &'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (&kind, rest) = rest.split_first()?;
        let (content, rest) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
        self.0 = rest;
        Some(Record { kind, content })
    }
}
