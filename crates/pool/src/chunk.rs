//! 묶음(chunk): 작업자 하나에게 한 번에 맡기는 항목들과, 그 결과.

use std::iter::Peekable;
use std::marker::PhantomData;
use std::vec;

use ipc_core::build::{Message, Parcel, decode};

use crate::board::{Kind, RecordHead, first_record};
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
    pub records: Vec<u8>,
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

    /// 항목마다의 결과로 풉니다. 값은 하나씩 꺼낼 때 읽습니다.
    pub fn unpack<R>(self) -> Unpacked<R> {
        let Results { records, mailed, mut failed, not_received, .. } = self.results;
        failed.sort_by_key(|(index, _)| *index);
        Unpacked {
            first: self.first,
            next: 0,
            count: self.count,
            records,
            read: 0,
            mailed: mailed.into_iter().peekable(),
            failed: failed.into_iter().peekable(),
            not_received,
            value: PhantomData,
        }
    }
}

/// 묶음 하나의 결과를 항목의 순서로 내는 반복자.
pub struct Unpacked<R> {
    first: usize,
    /// 다음에 낼 항목의 위치.
    next: u32,
    count: u32,
    records: Vec<u8>,
    /// 지금까지 읽은 바이트.
    read: usize,
    mailed: Numbered<Parcel>,
    failed: Numbered<Cause>,
    not_received: Option<String>,
    value: PhantomData<fn() -> R>,
}

/// 항목의 위치가 늘기만 하는 것들.
type Numbered<T> = Peekable<vec::IntoIter<(u32, T)>>;

/// `index`번째 항목의 것.
fn take<T>(numbered: &mut Numbered<T>, index: u32) -> Option<T> {
    while numbered.next_if(|(at, _)| *at < index).is_some() {}
    numbered.next_if(|(at, _)| *at == index).map(|(_, found)| found)
}

impl<R: Message> Unpacked<R> {
    /// 책상에 놓였던 결과.
    #[inline]
    fn recorded(&mut self, index: u32) -> Option<Result<R, Cause>> {
        let left = self.records.get(self.read..)?;
        let (head, content, rest) = first_record(left)?;
        if head.index != index {
            return None;
        }
        self.read = self.records.len() - rest.len();
        Some(match head.kind {
            Kind::Value => guard(|| Ok(decode::<R>(content)?)),
            _ => Err(decode::<Cause>(content).unwrap_or_else(Cause::from)),
        })
    }

    /// 다음 항목의 값이 책상에 놓였으면 그 바이트.
    #[inline]
    fn next_value(&mut self) -> Option<&[u8]> {
        let (head, content, rest) = first_record(self.records.get(self.read..)?)?;
        if head.index != self.next || head.kind != Kind::Value {
            return None;
        }
        self.read = self.records.len() - rest.len();
        self.next += 1;
        Some(content)
    }

    /// 남은 값들을 `values`에 담습니다. 실패한 항목이 있으면 거기서 그칩니다.
    pub fn append_to(mut self, values: &mut Vec<R>) -> Result<(), ItemError> {
        loop {
            // 책상에 놓인 값들은 한 번에 이어 읽습니다. 대개 모두입니다.
            let read = guard(|| {
                while let Some(content) = self.next_value() {
                    values.push(decode(content)?);
                }
                Ok(())
            });
            read.map_err(|cause| ItemError { index: self.first + self.next as usize - 1, cause })?;
            match self.next() {
                Some(outcome) => values.push(outcome?),
                None => return Ok(()),
            }
        }
    }

    /// 책상이 아닌 데서 온 결과.
    #[cold]
    fn elsewhere(&mut self, index: u32) -> Result<R, Cause> {
        let lost = match &self.not_received {
            Some(reason) => format!("결과를 받지 못했습니다: {reason}"),
            None => "결과가 오지 않았습니다".into(),
        };
        if let Some(mut value) = take(&mut self.mailed, index) {
            return guard(|| Ok(value.pop::<R>().ok_or(Cause::Failed(lost))??));
        }
        Err(take(&mut self.failed, index).unwrap_or(Cause::Failed(lost)))
    }
}

impl<R: Message> Iterator for Unpacked<R> {
    type Item = Result<R, ItemError>;

    #[inline]
    fn next(&mut self) -> Option<Result<R, ItemError>> {
        let index = self.next;
        if index == self.count {
            return None;
        }
        self.next += 1;
        let outcome = self.recorded(index).unwrap_or_else(|| self.elsewhere(index));
        Some(outcome.map_err(|cause| ItemError { index: self.first + index as usize, cause }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.count - self.next) as usize;
        (left, Some(left))
    }
}

impl Results {
    /// `records`의 앞에서 이 묶음의 결과인 것들과, 그다음에 오는 다른 기록의 앞머리.
    ///
    /// 항목은 `to_run`보다 앞이고 차례로 늘기만 해야 합니다. 어긋나는 것은 다른 기록으로 봅니다.
    pub fn next_run<'a>(
        &mut self,
        records: &'a [u8],
        to_run: u32,
    ) -> (&'a [u8], Option<RecordHead>) {
        let mut left = records;
        loop {
            let found = first_record(left);
            match found {
                Some((head, _, rest))
                    if matches!(head.kind, Kind::Value | Kind::Cause)
                        && (self.next..to_run).contains(&head.index) =>
                {
                    self.next = head.index + 1;
                    left = rest;
                }
                _ => {
                    let run = &records[..records.len() - left.len()];
                    return (run, found.map(|(head, ..)| head));
                }
            }
        }
    }

    /// 결과가 정해진 항목들.
    fn indexes(&self) -> impl Iterator<Item = u32> {
        let mut records = &self.records[..];
        let recorded = std::iter::from_fn(move || {
            let (head, _, rest) = first_record(records)?;
            records = rest;
            Some(head.index)
        });
        let mailed = self.mailed.iter().map(|(index, _)| *index);
        recorded.chain(mailed).chain(self.failed.iter().map(|(index, _)| *index))
    }
}
