//! [`EventCount`]: 살아 있는 프로세스끼리는 깨우기를 놓치지 않습니다.

use std::convert::Infallible;
use std::sync::Arc;

use models::core::build::EventCount;
use models::machine::atomic::{AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use models::machine::{Mode, spawn};

#[derive(Default)]
struct Tokens {
    count: AtomicU32,
    changed: EventCount,
}

impl Tokens {
    fn add(&self) {
        let _ = self.count.fetch_add(1, Release);
        self.changed.notify_one();
    }

    fn take(&self) {
        let one = |count: u32| count.checked_sub(1);
        let attempt = || Ok::<_, Infallible>(self.count.fetch_update(Acquire, Relaxed, one).ok());
        self.changed.wait_for(None, attempt).unwrap();
    }
}

/// 둘이 기다리고, 하나씩 두 번 알립니다.
pub fn two_wait_for_one_each() {
    let tokens = Arc::new(Tokens::default());
    let takers = [(); 2].map(|()| {
        let tokens = tokens.clone();
        spawn(move || tokens.take())
    });
    tokens.add();
    tokens.add();
    for taker in takers {
        taker.join().unwrap();
    }
}

/// 둘이 기다리고, 한 번에 모두 깨웁니다.
pub fn all_are_woken() {
    let flag = Arc::new(Tokens::default());
    let waiters = [(); 2].map(|()| {
        let flag = flag.clone();
        spawn(move || {
            let up = || Ok::<_, Infallible>((flag.count.load(Acquire) == 1).then_some(()));
            flag.changed.wait_for(None, up).unwrap()
        })
    });
    flag.count.store(1, Release);
    flag.changed.notify_all();
    for waiter in waiters {
        waiter.join().unwrap();
    }
}

pub fn no_wake_is_lost() {
    Mode::STRICT.explore(two_wait_for_one_each);
    Mode::STRICT.explore(all_are_woken);
}
