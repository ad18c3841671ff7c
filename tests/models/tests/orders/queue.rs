//! 큐의 약속들.

use models::machine::{Mode, killed, spawn, spawn_doomed};
use models::queue::{Queue, QueueError};

/// 항목은 모두 두 칸(길이와 내용)입니다. `items`개가 들어가는 큐입니다.
fn queue(items: usize) -> Queue<u64> {
    Queue::with_capacity(items * 16).unwrap()
}

/// 아무도 없을 때 남은 것을 모두 꺼냅니다.
fn drain(queue: &Queue<u64>) -> Vec<u64> {
    std::iter::from_fn(|| queue.try_get().ok()).collect()
}

/// 꺼내는 쪽 둘이 하나씩 기다립니다.
pub fn two_readers() {
    let queue = queue(4);
    let readers = [(); 2].map(|()| {
        let queue = queue.clone();
        spawn(move || queue.get().unwrap())
    });
    queue.put(&10).unwrap();
    queue.put(&11).unwrap();
    let mut taken = readers.map(|reader| reader.join().unwrap());
    taken.sort_unstable();
    assert_eq!(taken, [10, 11]);
}

/// 넣는 쪽 둘이 공간을 기다립니다. 큰 것은 큐 전체를 차지하고, 끝에서 처음으로 이어집니다.
pub fn two_writers() {
    let queue = Queue::<Vec<u64>>::with_capacity(32).unwrap();
    queue.put(&vec![1]).unwrap();
    let large = vec![2; 20];
    let writers = [large.clone(), vec![3]].map(|item| {
        let queue = queue.clone();
        spawn(move || queue.put(&item).unwrap())
    });
    assert_eq!(queue.get().unwrap(), [1]);
    let mut rest = [queue.get().unwrap(), queue.get().unwrap()];
    for writer in writers {
        writer.join().unwrap();
    }
    rest.sort_unstable();
    assert_eq!(rest, [large, vec![3]]);
}

/// 넣는 쪽 둘이 함께 넣습니다. 저마다 넣은 순서대로 한 번씩 나옵니다.
pub fn writers_together() {
    let queue = queue(4);
    let other = {
        let queue = queue.clone();
        spawn(move || queue.put(&20).unwrap())
    };
    queue.put(&10).unwrap();
    queue.put(&11).unwrap();
    other.join().unwrap();
    let taken = drain(&queue);
    assert_eq!(taken.iter().filter(|item| **item < 20).copied().collect::<Vec<_>>(), [10, 11]);
    assert_eq!(taken.len(), 3);
}

/// 넣고 있을 때 닫습니다. 넣기가 반환한 것은, 닫힌 것을 보기 전에 모두 나옵니다.
pub fn closed_while_putting() {
    let queue = queue(1);
    let writer = {
        let queue = queue.clone();
        spawn(move || (1..=2).take_while(|item| queue.put(item).is_ok()).count())
    };
    let reader = {
        let queue = queue.clone();
        spawn(move || queue.iter().collect::<Result<Vec<u64>, _>>().unwrap())
    };
    queue.close().unwrap();
    let taken = reader.join().unwrap();
    assert_eq!(taken, [1, 2][..writer.join().unwrap()]);
}

/// 공간을 기다리고 있을 때 닫으면, 기다리던 쪽은 그만둡니다.
pub fn closed_while_full() {
    let queue = queue(1);
    queue.put(&1).unwrap();
    let writer = {
        let queue = queue.clone();
        spawn(move || queue.put(&2))
    };
    queue.close().unwrap();
    assert!(matches!(writer.join().unwrap(), Err(QueueError::Disconnected)));
    assert_eq!(drain(&queue), [1]);
}

/// 넣던 쪽이 어느 걸음에서 죽어도: 넣기가 반환한 것은 모두, 넣은 순서대로, 한 번씩 나옵니다. 다른 쪽은 그대로 넣습니다.
pub fn writer_dies(steps: usize) {
    let queue = queue(4);
    let returned = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let victim = {
        let (queue, returned) = (queue.clone(), returned.clone());
        spawn_doomed(steps, move || {
            for item in [10, 11] {
                queue.put(&item).unwrap();
                returned.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        })
    };
    let survivor = {
        let queue = queue.clone();
        spawn(move || queue.put(&20).unwrap())
    };
    // 살아남은 쪽이 하나는 넣으므로, 하나는 언젠가 옵니다.
    let mut taken = vec![queue.get().unwrap()];
    victim.join();
    survivor.join().unwrap();
    taken.extend(drain(&queue));
    let returned = returned.load(std::sync::atomic::Ordering::Relaxed);
    let victims: Vec<u64> = taken.iter().filter(|item| **item < 20).copied().collect();
    assert_eq!(taken.len() - victims.len(), 1);
    assert!(victims == [10, 11][..victims.len()], "{taken:?}");
    // 위치를 옮기고 반환하기 전에 죽었으면 하나 더 나옵니다.
    assert!((returned..=returned + 1).contains(&victims.len()), "{returned}, {taken:?}");
    // 큐는 온전하므로 그 뒤에도 쓸 수 있습니다.
    queue.put(&30).unwrap();
    assert_eq!(drain(&queue), [30]);
}

/// 꺼내던 쪽이 어느 걸음에서 죽어도: 잃는 것은 그것이 꺼내던 하나뿐이고, 나머지는 다른 쪽이 순서대로 꺼냅니다.
pub fn reader_dies(steps: usize) {
    let queue = queue(2);
    queue.put(&10).unwrap();
    queue.put(&11).unwrap();
    let victim = {
        let queue = queue.clone();
        spawn_doomed(steps, move || queue.get().unwrap())
    };
    let mut taken = vec![queue.get().unwrap()];
    queue.put(&12).unwrap();
    check_taken(&queue, 3, victim.join(), &mut taken);
}

/// 꺼내던 쪽이 어느 걸음에서 죽어도, 공간을 기다리며 넣던 쪽은 공간을 얻습니다.
pub fn reader_dies_with_a_writer_waiting(steps: usize) {
    let queue = queue(1);
    queue.put(&10).unwrap();
    let victim = {
        let queue = queue.clone();
        spawn_doomed(steps, move || queue.get().unwrap())
    };
    let writer = {
        let queue = queue.clone();
        spawn(move || queue.put(&11).unwrap())
    };
    let mut taken = vec![queue.get().unwrap()];
    writer.join().unwrap();
    check_taken(&queue, 2, victim.join(), &mut taken);
}

/// 넣은 `count`개 가운데 죽은 쪽이 꺼내던 하나 말고는 모두 순서대로 한 번씩 나왔는지 봅니다.
fn check_taken(queue: &Queue<u64>, count: usize, victims: Option<u64>, taken: &mut Vec<u64>) {
    taken.extend(drain(queue));
    assert!(taken.is_sorted_by(|left, right| left < right), "{taken:?}");
    assert!(victims.is_none_or(|item| !taken.contains(&item)), "{taken:?}, {victims:?}");
    let lost = count - taken.len() - usize::from(victims.is_some());
    assert!(lost <= usize::from(killed()), "{taken:?}, {victims:?}");
}

/// 닫던 쪽이 어느 걸음에서 죽어도, 다른 쪽이 닫으면 모두 닫힌 것을 봅니다.
pub fn closer_dies(steps: usize) {
    let queue = queue(2);
    queue.put(&1).unwrap();
    let victim = {
        let queue = queue.clone();
        spawn_doomed(steps, move || queue.close().unwrap())
    };
    let reader = {
        let queue = queue.clone();
        spawn(move || queue.iter().collect::<Result<Vec<u64>, _>>().unwrap())
    };
    if victim.join().is_none() {
        queue.close().unwrap();
    }
    assert_eq!(reader.join().unwrap(), [1]);
    assert!(matches!(queue.put(&2), Err(QueueError::Disconnected)));
}

pub fn no_wake_is_lost() {
    Mode::STRICT.explore(two_readers);
    Mode::STRICT.explore(two_writers);
}

pub fn writers_keep_order() {
    Mode::STRICT.explore(writers_together);
}

pub fn what_was_put_is_seen_before_the_end() {
    Mode::STRICT.explore(closed_while_putting);
    Mode::STRICT.explore(closed_while_full);
}

pub fn writer_killed_at_any_step() {
    Mode::RECHECKS.at_every_step(writer_dies);
}

pub fn reader_killed_at_any_step() {
    Mode::RECHECKS.at_every_step(reader_dies);
    Mode::RECHECKS.preempting(1).at_every_step(reader_dies_with_a_writer_waiting);
}

pub fn closer_killed_at_any_step() {
    Mode::RECHECKS.at_every_step(closer_dies);
}
