//! 묶음(chunk): 작업자 하나에게 한 번에 맡기는 항목들과, 그 결과.

use ipc_core::build::{Message, Parcel, decode};

use crate::board::{Kind, records};
use crate::error::{Cause, ItemError};
use crate::worker::{RunChunk, ToWorker, guard};

/// 한 번에 맡기는 항목들. 결과가 오는 대로 담깁니다.
pub struct Chunk {
    pub call: u64,
    /// 호출 안에서의 순서. 0부터.
    pub number: usize,
    /// 첫 항목의 위치. 0부터.
    pub first: usize,
    pub run: RunChunk,
    pub items: ToWorker,
    /// 항목의 수.
    pub count: u32,
    /// 작업자가 계산할 항목의 수. 직렬화하지 못한 항목이 마지막에 하나 있으면 `count`보다 하나 적습니다.
    pub to_run: u32,
    /// 앞에서 이만큼은 결과가 정해졌으므로, 다시 맡길 때 건너뜁니다.
    pub skip: u32,
    /// 작업자가 죽었을 때 다시 해 볼 수 있는 횟수.
    pub retries: u32,
    pub results: Results,
}

/// 정해진 결과들. 항목마다 많아야 하나이며, 없으면 그 항목의 결과를 잃은 것입니다.
#[derive(Default)]
pub struct Results {
    /// 책상에서 복사한 기록들.
    pub records: Vec<u64>,
    /// 다음 기록이 가리킬 수 있는 가장 앞선 항목. 항목은 차례로 계산하므로 늘기만 합니다.
    pub next: u32,
    /// 우편으로 온 값들.
    pub mailed: Vec<(u32, Parcel)>,
    /// 우편으로 받을 수 있는 가장 앞의 항목.
    pub next_mailed: u32,
    /// 부모가 정한 실패들.
    pub failed: Vec<(u32, Cause)>,
    /// 결과를 받지 못했다면 그 이유.
    pub not_received: Option<String>,
}

impl Chunk {
    /// 이 묶음을 가진 채 죽은 작업자가 남긴 것에서, 다시 맡길 곳을 정합니다.
    ///
    /// `item`은 작업자가 마지막으로 시작한 항목입니다(없으면 하나도 시작하지 않았습니다). 작업자는 앞에서부터 차례로 계산하므로,
    /// 그 앞의 항목은 모두 실행되었습니다. 결과가 없더라도 다시 실행하지 않습니다.
    pub fn recover(&mut self, item: Option<u32>, death: &str) {
        let last = self.results.indexes().filter(|index| *index < self.to_run).max();
        let after_last = last.map_or(self.skip, |last| last + 1);
        // 결과가 있는 항목보다 앞을 가리키면, 항목과 항목 사이에서 죽었습니다.
        let running = item.filter(|item| (after_last..self.to_run).contains(item));
        self.skip = running.unwrap_or(after_last);
        if running.is_none() {
            return;
        }
        if self.retries > 0 {
            self.retries -= 1;
        } else {
            self.results.failed.push((self.skip, Cause::WorkerDied(death.to_owned())));
            self.skip += 1;
        }
    }

    pub fn is_done(&self) -> bool {
        self.skip >= self.to_run
    }

    /// 항목마다의 결과로 풉니다.
    pub fn unpack<R: Message>(self) -> Vec<Result<R, ItemError>> {
        let lost = match self.results.not_received {
            Some(reason) => Cause::Failed(format!("결과를 받지 못했습니다: {reason}")),
            None => Cause::Failed("결과가 오지 않았습니다".into()),
        };
        let mut outcomes: Vec<Option<Result<R, Cause>>> = Vec::new();
        outcomes.resize_with(self.count as usize, || None);
        let mut bytes = Vec::new();
        for (head, content) in records(&self.results.records) {
            bytes.clear();
            content.iter().for_each(|word| bytes.extend_from_slice(&word.to_ne_bytes()));
            let content = bytes.get(..head.length).unwrap_or_default();
            let outcome = match head.kind {
                Kind::Value => guard(|| Ok(decode::<R>(content)?)),
                _ => Err(decode::<Cause>(content).unwrap_or_else(Cause::from)),
            };
            outcomes[head.index as usize] = Some(outcome);
        }
        for (index, mut value) in self.results.mailed {
            let value = || value.pop::<R>().ok_or_else(|| lost.clone())?.map_err(Cause::from);
            outcomes[index as usize] = Some(guard(value));
        }
        for (index, cause) in self.results.failed {
            outcomes[index as usize] = Some(Err(cause));
        }
        let numbered = outcomes.into_iter().enumerate();
        numbered
            .map(|(index, outcome)| {
                let outcome = outcome.unwrap_or_else(|| Err(lost.clone()));
                outcome.map_err(|cause| ItemError { index: self.first + index, cause })
            })
            .collect()
    }
}

impl Results {
    /// 결과가 정해진 항목들.
    fn indexes(&self) -> impl Iterator<Item = u32> {
        let recorded = records(&self.records).map(|(head, _)| head.index);
        let mailed = self.mailed.iter().map(|(index, _)| *index);
        recorded.chain(mailed).chain(self.failed.iter().map(|(index, _)| *index))
    }
}
