//! 풀의 게시판과 책상의 약속들. 부모와 작업자가 하는 일은 `worker.rs`와 `dispatch.rs`를 줄인 것입니다.

use std::convert::Infallible;
use std::sync::Arc;

use models::core::build::EventCount;
use models::machine::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use models::machine::{Child, Mode, killed, spawn, spawn_doomed};
use models::pool::board::{
    Board, BoardView, Desk, Kind, Post, RecordHead, Who, desk, first_record, read_records,
    write_record,
};

/// `seq`번 묶음을 `place`에 붙입니다. 내용에도 번호가 있어, 남의 것을 읽으면 압니다.
fn post(board: &Board, place: usize, seq: u64) {
    let bytes = [seq as u8; 8];
    let items = Some(&bytes[..]);
    board.post(place, seq, &Post { run: seq, skip: 0, count: 1, items });
}

/// 가져온 묶음의 번호. 내용이 그 묶음의 것인지 확인합니다.
fn take(board: &BoardView, who: Who) -> Option<(usize, u64)> {
    let (place, seq) = board.take(who)?;
    let mut items = Vec::new();
    assert_eq!(board.read(place, seq, &mut items).ok(), Some((seq, 0, 1, true)));
    assert_eq!(items, [seq as u8; 8]);
    Some((place, seq))
}

/// 둘이 닫힐 때까지 가져갑니다. 묶음마다 하나만 가져가고, 붙인 것은 모두 가져갑니다.
pub fn each_chunk_is_taken_once() {
    let board = Board::new(2).unwrap();
    post(&board, 0, 1);
    let workers = [1, 2].map(|who| {
        let view = board.view();
        spawn(move || std::iter::from_fn(|| take(&view, who)).collect::<Vec<_>>())
    });
    post(&board, 1, 2);
    board.close();
    let [first, second] = workers.map(|worker| worker.join().unwrap());
    for (who, taken) in [(1, &first), (2, &second)] {
        assert!(taken.iter().all(|(place, seq)| board.owner(*place, *seq).unwrap() == who));
    }
    let mut all = [first, second].concat();
    all.sort_unstable();
    assert_eq!(all, [(0, 1), (1, 2)]);
}

/// 기다리는 작업자 둘에게 하나씩 붙입니다. 닫지 않아도 둘 다 일어납니다.
pub fn both_workers_wake() {
    let board = Board::new(2).unwrap();
    let workers = [1, 2].map(|who| {
        let view = board.view();
        spawn(move || take(&view, who).unwrap().1)
    });
    post(&board, 0, 1);
    post(&board, 1, 2);
    let mut taken = workers.map(|worker| worker.join().unwrap());
    taken.sort_unstable();
    assert_eq!(taken, [1, 2]);
}

/// 부모가 떼어 내려 하고 작업자가 가져가려 합니다. 꼭 한쪽만 성공합니다. 떼어 낸 자리에는 새 묶음을 붙입니다.
pub fn taken_or_taken_down() {
    let board = Board::new(1).unwrap();
    post(&board, 0, 1);
    let worker = {
        let view = board.view();
        spawn(move || std::iter::from_fn(|| take(&view, 1)).map(|(_, seq)| seq).collect::<Vec<_>>())
    };
    let removed = board.take_down(0, 1);
    if removed {
        post(&board, 0, 2);
    }
    board.close();
    assert_eq!(worker.join().unwrap(), [if removed { 2 } else { 1 }]);
}

fn record(desk: &Desk, index: u32, kind: Kind, bytes: &[u8], wake: impl Fn()) {
    let head = RecordHead { index, kind, length: bytes.len() };
    if write_record(desk, head, bytes, &wake) {
        wake();
    }
}

/// 책상에서 새 기록을 모두 읽습니다.
fn collect(desk: &Desk, read: &mut u64, got: &mut Vec<(u32, Kind)>) -> bool {
    let before = got.len();
    let mut copy = Vec::new();
    read_records(desk, read, &mut copy).unwrap();
    let mut left = &copy[..];
    while let Some((head, content, rest)) = first_record(left) {
        if head.kind == Kind::Value {
            assert_eq!(content, [head.index as u8 + 1; 8]);
        }
        got.push((head.index, head.kind));
        left = rest;
    }
    assert!(left.is_empty());
    got.len() > before
}

/// 작업자가 1번 묶음의 항목 `count`개를 계산하며 남기는 기록들.
fn records(count: u32) -> Vec<(u32, Kind)> {
    let values = (0..count).map(|index| (index, Kind::Value));
    [(1, Kind::Begin)].into_iter().chain(values).chain([(1, Kind::End)]).collect()
}

fn work(desk: &Desk, count: u32, wake: impl Fn()) {
    for (index, kind) in records(count) {
        let bytes = [index as u8 + 1; 8];
        let bytes = if kind == Kind::Value { &bytes[..] } else { &[] };
        if kind == Kind::Value {
            desk.start_item(1, index);
        }
        record(desk, index, kind, bytes, &wake);
    }
    wake();
}

/// 죽은 작업자의 책상: 놓은 기록은 앞에서부터 온전하고, 마지막으로 시작한 항목은 결과가 놓인 항목이거나 그다음입니다.
fn check_desk(desk: &Desk, count: u32, got: &[(u32, Kind)]) {
    assert_eq!(got, &records(count)[..got.len()]);
    let values = got.iter().filter(|(_, kind)| *kind == Kind::Value).count() as u32;
    let started = desk.item_of(1).map_or(0, |index| index + 1);
    assert!((values..=values + 1).contains(&started), "{values}, {started}");
}

/// 채널의 대역. 부모는 여기서 편지나 작업자의 죽음을 기다립니다.
#[derive(Default)]
struct Mail {
    letters: AtomicU32,
    arrived: EventCount,
}

impl Mail {
    fn send(&self) {
        let _ = self.letters.fetch_add(1, Release);
        self.arrived.notify_one();
    }

    /// 작업자가 죽었으면 `false`입니다.
    fn recv(&self) -> bool {
        let one = |letters: u32| letters.checked_sub(1);
        let look = || {
            let letter = self.letters.fetch_update(Acquire, Relaxed, one).is_ok();
            Ok::<_, Infallible>((letter || killed()).then_some(letter))
        };
        self.arrived.wait_for(None, look).unwrap().unwrap()
    }
}

/// 작업자 하나가 일하고 부모는 작업자가 알렸을 때만 책상을 읽습니다. 부모는 우편이 와야만 일어나고, 작업자는 부모가 잠들어 있을 때만
/// 보냅니다.
fn work_and_read(count: u32, start: impl FnOnce(Box<dyn FnOnce()>) -> Child<()>) {
    let (board, desk, mail) = (Board::new(1).unwrap(), desk().unwrap(), Arc::new(Mail::default()));
    let worker = {
        let (view, desk, mail) = (board.view(), desk.clone(), mail.clone());
        start(Box::new(move || {
            work(&desk, count, || {
                if view.tell(1) {
                    mail.send();
                }
            })
        }))
    };
    let (mut read, mut got) = (0, Vec::new());
    let whole = records(count).len();
    while got.len() < whole {
        // `Core::supervise`: 잔다고 알린 뒤 한 번 더 살펴봅니다.
        board.parent_sleeps(true);
        let told = board.news().from(1) && collect(&desk, &mut read, &mut got);
        if !told && !mail.recv() {
            break;
        }
    }
    let lived = worker.join().is_some();
    collect(&desk, &mut read, &mut got);
    check_desk(&desk, count, &got);
    assert!(!lived || got.len() == whole);
}

/// 작업자가 알린 것은 빠지지 않습니다.
pub fn news_reaches_the_parent() {
    work_and_read(2, spawn);
}

/// 작업자가 한 번만 알린 것도 빠지지 않습니다.
pub fn one_word_reaches_the_parent() {
    work_and_read(0, spawn);
}

/// 부모가 읽고 있을 때 작업자가 어느 걸음에서 죽어도: 놓은 기록은 모두 읽힙니다.
pub fn worker_dies_while_read(steps: usize) {
    work_and_read(2, |work| spawn_doomed(steps, work));
}

/// 작업자가 어느 걸음에서 죽어도: 누가 가졌는지 알고, 가져가지 않았으면 다른 작업자가 가져갑니다.
pub fn worker_dies(steps: usize) {
    let (board, desk) = (Board::new(1).unwrap(), desk().unwrap());
    let victim = {
        let (view, desk) = (board.view(), desk.clone());
        spawn_doomed(steps, move || take(&view, 1).map(|_| work(&desk, 1, || {})).is_some())
    };
    let other = {
        let view = board.view();
        spawn(move || take(&view, 2).is_some())
    };
    post(&board, 0, 1);
    board.close();
    let (victim, other) = (victim.join(), other.join().unwrap());
    let mut got = Vec::new();
    collect(&desk, &mut 0, &mut got);
    check_desk(&desk, 1, &got);
    let owner = board.owner(0, 1).unwrap();
    assert_eq!(owner, if other { 2 } else { 1 });
    assert!(got.is_empty() || owner == 1);
    match victim {
        Some(took) => assert_eq!((took, got.len()), (!other, if took { 3 } else { 0 })),
        None => assert!(killed()),
    }
}

pub fn chunks_are_taken_once() {
    Mode::STRICT.explore(each_chunk_is_taken_once);
    Mode::STRICT.explore(taken_or_taken_down);
}

pub fn no_wake_is_lost() {
    Mode::STRICT.explore(both_workers_wake);
    Mode::STRICT.explore(news_reaches_the_parent);
    Mode::STRICT.explore(one_word_reaches_the_parent);
}

pub fn worker_killed_at_any_step() {
    Mode::RECHECKS.preempting(1).at_every_step(worker_dies);
    Mode::RECHECKS.preempting(1).at_every_step(worker_dies_while_read);
}
