//! 호출 하나: 입력을 묶음으로 나누어 맡기고, 끝난 묶음을 받습니다.

use std::sync::Arc;

use ipc_core::build::{DESCRIPTORS_MAX, Deadline, Message, Parcel};

use crate::board::POST_MAX;
use crate::chunk::{Chunk, Results};
use crate::core::Core;
use crate::error::PoolError;
use crate::worker::{RunChunk, ToWorker, guard};

/// 묶음 하나에 싣는 디스크립터의 수가 이만큼 되면 묶음을 끊습니다.
const DESCRIPTORS_ENOUGH: usize = DESCRIPTORS_MAX / 2;
/// 묶음의 항목들이 이만큼(바이트) 되면 묶음을 끊습니다. 게시판에 실을 수 있게 여유를 둡니다.
const BYTES_ENOUGH: usize = POST_MAX / 2;

/// 호출 하나. 사라지면 결과를 더 받지 않습니다.
pub struct Call {
    core: Arc<Core>,
    id: u64,
    run: RunChunk,
    chunk_size: usize,
    /// 사라질 때, 시작하지 않은 묶음은 그만둡니다.
    cancel: bool,
    /// 맡긴 묶음의 수와 항목의 수.
    submitted: (usize, usize),
}

impl Call {
    pub fn open(core: &Arc<Core>, run: RunChunk, chunk_size: usize, cancel: bool) -> Call {
        let (id, core) = (core.open_call(), Arc::clone(core));
        Call { core, id, run, chunk_size, cancel, submitted: (0, 0) }
    }

    pub fn set_chunk_size(&mut self, items: usize) {
        self.chunk_size = items.max(1);
    }

    /// 맡긴 묶음의 수.
    pub fn submitted(&self) -> usize {
        self.submitted.0
    }

    /// 입력에서 묶음 하나를 만들어 맡깁니다. 입력이 끝났으면 `false`입니다.
    ///
    /// 직렬화하지 못하는 항목은 보내지 않고, 그 항목의 결과를 실패로 합니다.
    pub fn submit<I: Message>(
        &mut self,
        input: &mut impl Iterator<Item = I>,
    ) -> Result<bool, PoolError> {
        let (mut items, mut results, mut count) = (Parcel::default(), Results::default(), 0);
        while count < self.chunk_size {
            let Some(item) = input.next() else { break };
            if let Err(cause) = guard(|| Ok(items.push(&item)?)) {
                // 작업자가 셀 항목은 앞의 것들뿐이므로, 이것을 마지막으로 묶음을 끊습니다.
                results.failed.push((count as u32, cause));
                count += 1;
                break;
            }
            count += 1;
            let full = items.bytes().len() >= BYTES_ENOUGH;
            if full || items.descriptors() >= DESCRIPTORS_ENOUGH {
                break;
            }
        }
        if count == 0 {
            return Ok(false);
        }
        let sent = count - results.failed.len();
        let chunk = Chunk {
            call: self.id,
            number: self.submitted.0,
            first: self.submitted.1,
            run: self.run,
            items: ToWorker::Items(items),
            to_run: sent as u32,
            count: count as u32,
            skip: 0,
            retries: 0,
            results,
        };
        self.core.submit(chunk)?;
        self.submitted = (self.submitted.0 + 1, self.submitted.1 + count);
        Ok(true)
    }

    /// 끝난 묶음을 받습니다. `number`가 없으면 아무것이나 하나입니다. 제한 시간이 먼저 지나면 `None`입니다.
    pub fn wait(
        &self,
        number: Option<usize>,
        deadline: Deadline,
    ) -> Result<Option<Chunk>, PoolError> {
        self.core.wait(self.id, number, deadline)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.core.close_call(self.id, self.cancel);
    }
}
