//! `JoinableQueue`의 약속들.

use models::machine::{Mode, killed, spawn, spawn_doomed};
use models::queue::{JoinableQueue, QueueError};

fn queue() -> JoinableQueue<u64> {
    JoinableQueue::with_capacity(32).unwrap()
}

/// 모두 마치면, 기다리던 쪽은 언제나 그것을 압니다.
pub fn finished_work_is_joined() {
    let queue = queue();
    let worker = {
        let queue = queue.clone();
        spawn(move || queue.get().unwrap().done())
    };
    queue.put(&1).unwrap();
    queue.join().unwrap();
    worker.join().unwrap();
}

/// 둘이 하나씩 마칩니다.
pub fn two_workers() {
    let queue = queue();
    queue.put(&1).unwrap();
    queue.put(&2).unwrap();
    let workers = [(); 2].map(|()| {
        let queue = queue.clone();
        spawn(move || queue.get().unwrap().done())
    });
    queue.join().unwrap();
    for worker in workers {
        worker.join().unwrap();
    }
}

/// 마치지 않고 버린 일이 있으면, 기다리던 쪽은 에러로 압니다.
pub fn dropped_work_is_told() {
    let queue = queue();
    queue.put(&1).unwrap();
    let worker = {
        let queue = queue.clone();
        spawn(move || drop(queue.get().unwrap()))
    };
    assert!(matches!(queue.join(), Err(QueueError::Unfinished { count: 1 })));
    worker.join().unwrap();
}

/// 하나는 꺼내 버리고, 하나는 꺼내려다 맙니다. 빈손이 잠깐 쥐어져 있어도 기다리던 쪽은 버려진 것을 압니다.
pub fn dropped_work_is_told_beside_an_empty_hand() {
    let queue = queue();
    queue.put(&1).unwrap();
    let workers = [(); 2].map(|()| {
        let queue = queue.clone();
        spawn(move || drop(queue.try_get()))
    });
    assert!(matches!(queue.join(), Err(QueueError::Unfinished { count: 1 })));
    for worker in workers {
        worker.join().unwrap();
    }
}

/// 둘이 함께 기다립니다.
pub fn dropped_work_is_told_to_both() {
    let queue = queue();
    queue.put(&1).unwrap();
    let joiner = {
        let queue = queue.clone();
        spawn(move || assert!(queue.join().is_err()))
    };
    let worker = {
        let queue = queue.clone();
        spawn(move || drop(queue.get().unwrap()))
    };
    assert!(queue.join().is_err());
    joiner.join().unwrap();
    worker.join().unwrap();
}

/// 일을 하던 쪽이 어느 걸음에서 죽어도: 다른 쪽이 나머지를 마치고, 기다리던 쪽은 잃은 일이 있는지 압니다.
pub fn worker_dies(steps: usize) {
    let queue = queue();
    queue.put(&1).unwrap();
    let victim = {
        let queue = queue.clone();
        spawn_doomed(steps, move || queue.get().unwrap().done())
    };
    let joiner = {
        let queue = queue.clone();
        spawn(move || queue.join())
    };
    if victim.join().is_none() {
        if let Ok(task) = queue.try_get() {
            task.done();
        }
    }
    let joined = joiner.join().unwrap();
    assert!(joined.is_ok() || killed(), "{joined:?}");
}

pub fn finished_work_is_never_unfinished() {
    Mode::STRICT.explore(finished_work_is_joined);
    Mode::STRICT.explore(two_workers);
}

pub fn abandoned_work_is_told() {
    Mode::STRICT.explore(dropped_work_is_told);
    Mode::STRICT.explore(dropped_work_is_told_beside_an_empty_hand);
    Mode::STRICT.explore(dropped_work_is_told_to_both);
}

pub fn worker_killed_at_any_step() {
    Mode::RECHECKS.preempting(1).at_every_step(worker_dies);
}
