//! 풀의 모형으로 확인하는 약속들.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::dispatch::{Chunk, Dispatcher};
use crate::parts::Process;
use crate::wire::Bell;
use crate::worker::Shared;
use crate::{PREEMPTIONS, at_every_step, explore, must_fail};

/// 모형이 코드와 다르게 움직이는 자리. 하나라도 켜면 모형이 잘못을 찾아내야 합니다.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    /// 코드 그대로.
    None,
    /// 읽기와 쓰기로 나누어 차지합니다.
    ClaimInTwoSteps,
    /// 결과보다 `saved`를 먼저 올립니다.
    SavedFirst,
    /// 함수를 부른 뒤에 `item`을 적습니다.
    ItemAfterTheCall,
    /// 이미 받은 결과도 적어 둔 자리에서 또 가져옵니다.
    TakeEveryRecord,
    /// 읽지 않은 묶음을 두고 죽으면, 보내 둔 결과를 읽기 전에 끊긴 것으로 봅니다.
    ResetHidesResults,
    /// 보내지 못한 묶음의 번호를 다시 쓰지 않습니다.
    NumberUsedUp,
}

pub fn value_of(chunk: usize, index: u32) -> u64 {
    chunk as u64 * 10 + u64::from(index) + 1
}

/// 풀 하나와 호출 하나.
#[derive(Clone, Copy)]
struct Call {
    workers: usize,
    chunks: usize,
    items: u32,
    /// 적어 둘 수 있는 결과의 수. 이보다 많으면 바로 보냅니다.
    saved: usize,
    retries: u32,
    unsendable: Option<usize>,
    twist: Twist,
}

/// 작업자 하나, 묶음 둘. 죽으면 두 묶음이 모두 작업자에게 있습니다.
const ALONE: Call = Call {
    workers: 1,
    chunks: 2,
    items: 2,
    saved: 2,
    retries: 0,
    unsendable: None,
    twist: Twist::None,
};
/// 작업자 둘, 묶음 셋. 먼저 끝난 쪽이 밀린 묶음을 넘겨받으려 합니다.
const TOGETHER: Call = Call { workers: 2, chunks: 3, items: 1, ..ALONE };

/// 첫 작업자는 `steps`단계 뒤에 죽고, 그 자리는 죽지 않는 작업자가 넘겨받습니다.
fn call(call: Call, steps: usize, killed: &Arc<AtomicBool>) {
    let runs = Arc::new(Mutex::new(vec![vec![0; call.items as usize]; call.chunks]));
    let bell = Arc::new(Bell::default());
    let mut victim = Some(Process::doomed(steps, killed));
    let hire = {
        let (bell, runs) = (bell.clone(), runs.clone());
        move || {
            let process = victim.take().unwrap_or_else(Process::immortal);
            (process, Arc::new(Shared::new(call.saved, bell.clone(), runs.clone(), call.twist)))
        }
    };
    let mut pool = Dispatcher::new(call.workers, Box::new(hire), bell, call.twist, call.unsendable);
    let chunk = |number| {
        let (count, retries) = (call.items, call.retries);
        Chunk { number, count, done: 0, retries, pieces: vec![] }
    };
    pool.run((0..call.chunks).map(chunk).collect());
    let runs = runs.lock().unwrap();
    check(call, &pool.finished, &runs, killed.load(Relaxed));
}

fn check(call: Call, finished: &[Chunk], runs: &[Vec<u32>], killed: bool) {
    let (mut lost, mut again) = (0, 0);
    assert_eq!(finished.len(), call.chunks);
    for (chunk, runs) in finished.iter().map(|chunk| (chunk, &runs[chunk.number])) {
        assert_eq!(chunk.pieces.len(), call.items as usize, "결과의 수: {chunk:?}");
        for (index, piece) in (0..call.items).zip(&chunk.pieces) {
            let runs = runs[index as usize];
            match piece {
                // 결과가 있으면 그 항목의 것이고, 한 번 계산한 것입니다.
                Some(value) => {
                    assert_eq!(*value, value_of(chunk.number, index), "{chunk:?}");
                    again += runs - 1;
                }
                None if call.unsendable == Some(chunk.number) => assert_eq!(runs, 0),
                None => {
                    assert!(runs <= 1, "잃은 항목을 {runs}번 계산했습니다");
                    lost += 1;
                }
            }
        }
    }
    // 죽을 때 하던 하나만 잃거나, 다시 하기로 했으면 그 하나만 다시 합니다.
    let (may_lose, may_repeat) = if call.retries == 0 { (1, 0) } else { (0, 1) };
    assert!(lost <= if killed { may_lose } else { 0 }, "잃은 항목: {finished:?}");
    assert!(again <= if killed { may_repeat } else { 0 }, "다시 계산한 항목: {runs:?}");
}

fn kill_anywhere(scenario: Call) {
    // 작업자가 둘이면 순서가 훨씬 많으므로, 죽임에 더해 빼앗기는 한 번만 합니다.
    let preemptions = PREEMPTIONS.min(3 - scenario.workers);
    at_every_step(preemptions, move |steps, killed| call(scenario, steps, killed));
}

#[test]
fn lone_worker_killed_at_any_step() {
    kill_anywhere(ALONE);
    kill_anywhere(Call { retries: 1, ..ALONE });
}

/// 결과가 커서 적어 두지 못하고 하나씩 보내는 묶음입니다.
#[test]
fn killed_while_sending_large_results() {
    kill_anywhere(Call { saved: 0, ..ALONE });
    kill_anywhere(Call { items: 3, saved: 1, ..ALONE });
}

#[test]
fn waiting_chunk_is_run_by_one_worker() {
    explore(PREEMPTIONS, || call(TOGETHER, usize::MAX, &Arc::default()));
}

#[test]
fn one_of_two_workers_killed_at_any_step() {
    kill_anywhere(TOGETHER);
}

#[test]
fn chunk_that_cannot_be_sent_disturbs_nobody() {
    explore(PREEMPTIONS, || {
        call(
            Call { chunks: 3, items: 1, unsendable: Some(1), ..ALONE },
            usize::MAX,
            &Arc::default(),
        )
    });
}

#[test]
fn broken_pools_are_found() {
    let twisted = |twist, scenario: Call| {
        must_fail(twist, move || kill_anywhere(Call { twist, ..scenario }));
    };
    twisted(Twist::ClaimInTwoSteps, TOGETHER);
    twisted(Twist::SavedFirst, ALONE);
    twisted(Twist::ItemAfterTheCall, ALONE);
    twisted(Twist::TakeEveryRecord, Call { items: 3, saved: 1, ..ALONE });
    twisted(Twist::ResetHidesResults, Call { saved: 0, ..ALONE });
    twisted(Twist::NumberUsedUp, Call { chunks: 3, items: 1, unsendable: Some(1), ..ALONE });
}
