//! 락을 쥔 프로세스가 죽는 사례.

use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipc_core::{Process, Shared};
use lock::{Guard, Lock, LockError};
use serde::{Deserialize, Serialize};

use crate::children::{arrive_and_sleep, expect_killed, wait_count};
use crate::torture::{Case, Control, Round, twins};
use crate::wait::{ONE_SECOND, PATIENCE, until};
use crate::{Counter, counter, ensure_eq};

pub fn cases() -> Vec<Case> {
    vec![Case {
        number: 15,
        name: "lock_holder_killed",
        promise: "쥔 프로세스가 죽으면 다음 차례가 알고, 고쳐서 이어 쓰며, 둘이 함께 쥐는 일은 없습니다",
        short: 2,
        long: 100,
        round,
        control: Some(Control { name: "공유 메모리의 스핀 락", round: spin_lock }),
    }]
}

const CONTENDERS: usize = 4;
/// 한 차례에, 쥔 채 죽은 횟수.
const LANDED: u32 = 30;
/// 그만큼 얻으려고 죽이는 횟수의 한도.
const KILLS_MAX: u32 = 1000;
/// 죽일 때마다 적어도 이만큼은 더 나아가야 합니다.
const PROGRESS: u32 = 20;

/// 네 프로세스가 함께 보는 것.
#[derive(Clone, Serialize, Deserialize)]
struct Arena {
    /// 앞뒤가 언제나 같아야 하는 두 수.
    pair: Lock<(u64, u64)>,
    /// 지금 안에 있는 프로세스의 PID. 비었으면 0.
    inside: Counter,
    /// 둘이 함께 들어갔거나, 알림 없이 두 수가 어긋난 횟수.
    violations: Counter,
    turns: Counter,
    /// 주인이 죽었다는 말을 들은 횟수.
    told: Counter,
    stop: Counter,
}

type Pair<'a> = Guard<'a, (u64, u64)>;

impl Arena {
    fn new() -> Result<Arena> {
        Ok(Arena {
            pair: Lock::new((0, 0))?,
            inside: counter()?,
            violations: counter()?,
            turns: counter()?,
            told: counter()?,
            stop: counter()?,
        })
    }

    /// 세 가지 방법 가운데 하나로 쥡니다. 앞의 주인이 죽었으면 두 수를 맞춥니다.
    fn enter(&self, way: u8) -> Result<Option<Pair<'_>>> {
        let acquired = match way {
            0 => self.pair.acquire().map(Some),
            1 => self.pair.acquire_timeout(Duration::from_millis(1)).map(Some),
            _ => self.pair.try_acquire(),
        };
        match acquired {
            Ok(None) | Err(LockError::Timeout) => Ok(None),
            Ok(Some(guard)) => {
                if self.inside.swap(id(), SeqCst) != 0 || guard.0 != guard.1 {
                    self.violations.fetch_add(1, SeqCst);
                }
                Ok(Some(guard))
            }
            Err(LockError::OwnerDied { .. }) => {
                let died = self.pair.recover()?;
                self.inside.store(id(), SeqCst);
                self.told.fetch_add(1, SeqCst);
                // 고치다가 죽어도 쥔 채 죽은 것이므로, 다음 차례가 다시 듣습니다.
                let mut guard = died.repair();
                guard.0 = guard.1;
                Ok(Some(guard))
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// 두 수를 차례로 올립니다. 그 사이에 죽으면 두 수가 어긋납니다.
fn contend(arena: Arena, seed: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    while arena.stop.load(SeqCst) == 0 {
        let Some(mut guard) = arena.enter(random.u8(0..3))? else { continue };
        guard.0 += 1;
        for _ in 0..random.u32(0..3000) {
            std::hint::spin_loop();
        }
        guard.1 += 1;
        arena.inside.store(0, SeqCst);
        drop(guard);
        arena.turns.fetch_add(1, SeqCst);
    }
    Ok(())
}

fn round(round: &mut Round) -> Result<()> {
    let arena = Arena::new()?;
    let start = |random: &mut fastrand::Rng| {
        Process::spawn(contend, (arena.clone(), random.u64(..))).map_err(anyhow::Error::from)
    };
    let mut contenders =
        (0..CONTENDERS).map(|_| start(&mut round.random)).collect::<Result<Vec<Process<()>>>>()?;
    let mut landed = 0;
    for kill in 0.. {
        let goal = arena.turns.load(SeqCst) + PROGRESS;
        until("남은 프로세스가 나아가기", ONE_SECOND * 2, || {
            Ok(arena.turns.load(SeqCst) >= goal)
        })?;
        let told = arena.told.load(SeqCst);
        // 기다림이 아니라, 죽이는 때를 흩뜨리는 것입니다.
        sleep(Duration::from_micros(round.random.u64(0..300)));
        let victim = choose(&contenders, &arena, &mut round.random);
        let victim = contenders.swap_remove(victim);
        victim.kill();
        expect_killed(victim.join())?;
        contenders.push(start(&mut round.random)?);
        // 죽은 뒤에 누군가는 쥐었으므로, 쥔 채 죽었다면 이미 들었습니다.
        let goal = arena.turns.load(SeqCst) + 2;
        until("죽은 뒤에 나아가기", ONE_SECOND * 2, || {
            Ok(arena.turns.load(SeqCst) >= goal)
        })?;
        if arena.told.load(SeqCst) > told {
            round.landed();
            landed += 1;
        }
        if landed == LANDED {
            break;
        }
        ensure!(kill < KILLS_MAX, "{KILLS_MAX}번 죽였으나 쥔 채 죽은 것은 {landed}번입니다");
    }
    arena.stop.store(1, SeqCst);
    for mut contender in contenders {
        contender.join_timeout(PATIENCE)?;
    }
    ensure_eq!(arena.violations.load(SeqCst), 0);
    let guard = arena.enter(0)?;
    ensure!(guard.is_some_and(|guard| guard.0 == guard.1), "두 수가 다릅니다");
    Ok(())
}

/// 넷에 셋은 지금 쥔 프로세스를, 나머지는 아무나 고릅니다. 깨어나던 프로세스의 죽음도 견뎌야 합니다.
fn choose(contenders: &[Process<()>], arena: &Arena, random: &mut fastrand::Rng) -> usize {
    let inside = arena.inside.load(SeqCst);
    let holder = contenders.iter().position(|contender| contender.id() == inside);
    let anyone = random.usize(0..contenders.len());
    if random.u8(0..4) > 0 { holder.unwrap_or(anyone) } else { anyone }
}

fn hold_spin_lock(word: Shared<AtomicU32>, held: Counter) -> Result<()> {
    twins::spin_lock(&word, ONE_SECOND)?;
    arrive_and_sleep(&held)
}

fn spin_lock(_: &mut Round) -> Result<()> {
    let (word, held) = (Shared::new(AtomicU32::new(0))?, counter()?);
    let holder = Process::spawn(hold_spin_lock, (word.clone(), held.clone()))?;
    wait_count("자식이 쥐기", &held, 1)?;
    holder.kill();
    expect_killed(holder.join())?;
    twins::spin_lock(&word, ONE_SECOND)
}
