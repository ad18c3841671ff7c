//! 큐의 모형으로 확인하는 약속들.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use loom::thread::{JoinHandle, spawn};

use crate::parts::{Life, Process, Twist};
use crate::ring::{Disconnected, Item, Ring};
use crate::{PREEMPTIONS, at_every_step, explore, must_fail};

/// 넣는 쪽 하나. 넣기가 돌아온 항목들을 돌려줍니다.
fn producer(ring: &Arc<Ring>, me: Process, items: Vec<Item>) -> JoinHandle<Vec<Item>> {
    let ring = ring.clone();
    spawn(move || items.into_iter().take_while(|item| ring.put(&me, *item).is_ok()).collect())
}

/// 꺼내는 쪽 하나. `count`개를 꺼냅니다.
fn consumer(ring: &Arc<Ring>, me: Process, count: usize) -> JoinHandle<Vec<Item>> {
    let ring = ring.clone();
    spawn(move || take(&ring, &me, count))
}

fn take(ring: &Ring, me: &Process, count: usize) -> Vec<Item> {
    let one = || ring.get(me).ok().and_then(Result::ok);
    std::iter::from_fn(one).take(count).collect()
}

/// 아무도 없을 때 남은 것을 모두 꺼냅니다.
fn drain(ring: &Ring) -> Vec<Item> {
    let me = Process::immortal();
    std::iter::from_fn(|| ring.get_now(&me).ok().flatten().and_then(Result::ok)).collect()
}

fn items(numbers: impl IntoIterator<Item = u64>) -> Vec<Item> {
    numbers.into_iter().map(Item::new).collect()
}

/// 한 생산자의 것만 골라낸 번호들.
fn of(producer: u64, taken: &[Item]) -> Vec<u64> {
    taken.iter().map(|item| item.number).filter(|number| number / 10 == producer).collect()
}

/// 넣던 쪽이 어느 단계에서 죽어도: 넣기가 돌아온 것은 모두, 넣은 순서대로, 한 번씩 나옵니다.
fn producer_dies(steps: usize, killed: &Arc<AtomicBool>, twist: Twist) {
    let ring = Arc::new(Ring::new(8, twist != Twist::NeverLookAgain, twist));
    let victim = producer(&ring, Process::doomed(steps, killed), items([10, 11]));
    let survivor = producer(&ring, Process::immortal(), items([20]));
    // 살아남은 쪽이 하나는 넣으므로, 하나는 언젠가 옵니다.
    let mut taken = take(&ring, &Process::immortal(), 1);
    let returned = victim.join().unwrap().len();
    survivor.join().unwrap();
    taken.extend(drain(&ring));
    assert_eq!(of(2, &taken), [20]);
    let victims = of(1, &taken);
    assert!(victims == [10, 11][..victims.len()], "{taken:?}");
    // 위치를 옮기고 돌아오기 전에 죽었으면 하나 더 나옵니다.
    assert!((returned..=returned + 1).contains(&victims.len()), "{returned}, {taken:?}");
}

/// 꺼내던 쪽이 어느 단계에서 죽어도: 잃는 것은 그것이 꺼내던 하나뿐이고, 넣던 쪽은 자리를 얻습니다.
fn reader_dies(steps: usize, killed: &Arc<AtomicBool>, twist: Twist) {
    let ring = Arc::new(Ring::new(4, true, twist)); // 항목 둘이면 가득 찹니다.
    let victim = consumer(&ring, Process::doomed(steps, killed), 1);
    let source = producer(&ring, Process::immortal(), items([10, 11, 12]));
    let victims = victim.join().unwrap();
    let mut survivors = take(&ring, &Process::immortal(), 2);
    assert_eq!(source.join().unwrap().len(), 3);
    survivors.extend(drain(&ring));
    let increasing = survivors.windows(2).all(|pair| pair[0].number < pair[1].number);
    assert!(increasing, "{survivors:?}");
    let mut all: Vec<u64> = survivors.iter().chain(&victims).map(|item| item.number).collect();
    all.sort_unstable();
    let lost = 3 - all.len();
    all.dedup();
    assert_eq!(3 - all.len(), lost, "두 번 나온 항목이 있습니다");
    assert!(lost <= usize::from(killed.load(Relaxed)), "{survivors:?}, {victims:?}");
}

/// 닫힌 것을 본 쪽은, 닫기 전에 넣은 것을 모두 꺼낸 뒤입니다. 닫던 쪽이 죽으면 다른 쪽이 닫습니다.
fn closer_dies(steps: usize, killed: &Arc<AtomicBool>, twist: Twist) {
    let ring = Arc::new(Ring::new(4, true, twist));
    let victim = {
        let (ring, me) = (ring.clone(), Process::doomed(steps, killed));
        spawn(move || -> Life {
            ring.put(&me, Item::new(10))?;
            ring.close(&me)
        })
    };
    let reader = {
        let ring = ring.clone();
        spawn(move || take(&ring, &Process::immortal(), 2))
    };
    let closed = victim.join().unwrap().is_ok();
    if !closed {
        ring.close(&Process::immortal()).unwrap();
    }
    let taken = reader.join().unwrap();
    assert!(taken.len() == 1 || !closed, "{taken:?}");
    assert_eq!(drain(&ring), []);
    assert_eq!(ring.get(&Process::immortal()).unwrap(), Err(Disconnected));
}

/// 아무도 죽지 않으면 다시 살펴보지 않아도 모두 깨어납니다: 꺼내는 쪽 둘이 잠들고, 둘을 넣습니다.
fn two_readers_wait(twist: Twist) {
    let ring = Arc::new(Ring::new(8, false, twist));
    let other = consumer(&ring, Process::immortal(), 1);
    let source = producer(&ring, Process::immortal(), items([10, 11]));
    let mut taken = take(&ring, &Process::immortal(), 1);
    taken.extend(other.join().unwrap());
    source.join().unwrap();
    taken.sort_by_key(|item| item.number);
    assert_eq!(taken, items([10, 11]));
}

/// 자리를 기다리는 쪽 둘이 저마다 다른 크기를 넣으려 합니다. 둘 다 들어갈 자리가 차례로 납니다.
fn two_writers_wait(twist: Twist) {
    let ring = Arc::new(Ring::new(4, false, twist));
    let me = Process::immortal();
    ring.put(&me, Item { number: 1, length: 1 }).unwrap();
    ring.put(&me, Item { number: 2, length: 1 }).unwrap();
    let large = producer(&ring, Process::immortal(), vec![Item { number: 30, length: 3 }]);
    let small = producer(&ring, Process::immortal(), vec![Item { number: 40, length: 1 }]);
    // 하나를 꺼내면 작은 것만 들어갈 수 있습니다. 큰 것은 나머지를 모두 꺼내야 합니다.
    assert_eq!(take(&ring, &me, 1), items([1]));
    small.join().unwrap();
    let rest = take(&ring, &me, 3);
    large.join().unwrap();
    assert_eq!(rest.last(), Some(&Item { number: 30, length: 3 }));
}

#[test]
fn producer_killed_at_any_step() {
    at_every_step(PREEMPTIONS, |steps, killed| producer_dies(steps, killed, Twist::None));
}

#[test]
fn reader_killed_at_any_step() {
    at_every_step(PREEMPTIONS, |steps, killed| reader_dies(steps, killed, Twist::None));
}

#[test]
fn closer_killed_at_any_step() {
    at_every_step(PREEMPTIONS, |steps, killed| closer_dies(steps, killed, Twist::None));
}

#[test]
fn no_wake_is_lost() {
    explore(PREEMPTIONS, || two_readers_wait(Twist::None));
    explore(PREEMPTIONS, || two_writers_wait(Twist::None));
}

/// 알리기 전에 죽은 쪽이 있으면, 스스로 다시 살펴보지 않고는 일어나지 못합니다.
#[test]
fn looking_again_is_needed_after_a_kill() {
    let twist = Twist::NeverLookAgain;
    must_fail(twist, || {
        at_every_step(PREEMPTIONS, move |steps, killed| producer_dies(steps, killed, twist))
    });
}

/// 죽이지 않아도 어긋나는 것들. `usize::MAX`단계는 죽지 않는다는 뜻입니다.
#[test]
fn broken_rings_are_found() {
    for twist in [Twist::PositionFirst, Twist::RelaxedPosition] {
        must_fail(twist, || {
            explore(PREEMPTIONS, move || producer_dies(usize::MAX, &Arc::default(), twist))
        });
    }
    must_fail(Twist::NoTurn, || explore(PREEMPTIONS, || two_readers_wait(Twist::NoTurn)));
}

#[test]
fn broken_wakes_are_found() {
    for twist in [Twist::NotifyFirst, Twist::NoSecondLook, Twist::PlainMark, Twist::KeepTheWake] {
        must_fail(twist, || explore(PREEMPTIONS, move || two_readers_wait(twist)));
    }
    must_fail(Twist::WakeOnePutter, || {
        explore(PREEMPTIONS, || two_writers_wait(Twist::WakeOnePutter))
    });
}
