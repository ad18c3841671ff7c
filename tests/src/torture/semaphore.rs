//! 허가를 쥔 프로세스가 죽는 사례.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ipc_core::{Process, Shared};
use semaphore::{Semaphore, SemaphoreError};
use serde::{Deserialize, Serialize};

use crate::children::{arrive_and_sleep, expect_killed, wait_count};
use crate::torture::{Case, Control, Round, twins};
use crate::wait::{ONE_SECOND, PATIENCE, until};
use crate::{Counter, counter, ensure_eq};

pub fn cases() -> Vec<Case> {
    vec![Case {
        number: 16,
        name: "permit_holder_killed",
        promise: "허가를 쥔 프로세스가 죽으면 자리가 반납되고, 자리보다 많이 들어가는 일은 없습니다",
        short: 2,
        long: 50,
        round,
        control: Some(Control { name: "남은 자리를 세는 세마포어", round: counting }),
    }]
}

const VISITORS: u32 = 5;
/// 한 차례에, 들어간 채 죽은 횟수.
const LANDED: u32 = 20;
const KILLS_MAX: u32 = 1000;
const PROGRESS: u32 = 20;

/// 드나드는 프로세스들이 함께 보는 것. 프로세스마다 비트 하나를 갖습니다.
#[derive(Clone, Serialize, Deserialize)]
struct Room {
    semaphore: Semaphore,
    /// 지금 안에 있는 프로세스의 비트들. 한 번에 읽고 바꾸므로 언제나 어느 한 순간의 모습입니다.
    inside: Shared<AtomicU64>,
    /// 죽이기로 한 프로세스의 비트들. 죽이기 *전에* 올립니다.
    doomed: Shared<AtomicU64>,
    /// 자리보다 많이 들어간 횟수.
    violations: Counter,
    visits: Counter,
    stop: Counter,
}

/// `visits`를 올리며 드나듭니다.
fn visit(room: Room, bit: u64, seed: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    while room.stop.load(SeqCst) == 0 {
        let permit = match random.u8(0..3) {
            0 => Some(room.semaphore.acquire()?),
            1 => match room.semaphore.acquire_timeout(Duration::from_millis(1)) {
                Err(SemaphoreError::Timeout { .. }) => None,
                permit => Some(permit?),
            },
            _ => room.semaphore.try_acquire()?,
        };
        let Some(permit) = permit else { continue };
        let inside = room.inside.fetch_or(bit, SeqCst) | bit;
        // 들어간 순간에 살아 있던 것만 셉니다. 그 뒤에 죽기로 정해진 것은 빼고 보므로, 헛되이 탓하지 않습니다.
        let alive = inside & !room.doomed.load(SeqCst) | bit;
        if alive.count_ones() as usize > room.semaphore.places() {
            room.violations.fetch_add(1, SeqCst);
        }
        for _ in 0..random.u32(0..4000) {
            std::hint::spin_loop();
        }
        // 나오기 전에 지우므로, 비트가 있으면 틀림없이 안에 있습니다.
        room.inside.fetch_and(!bit, SeqCst);
        drop(permit);
        room.visits.fetch_add(1, SeqCst);
    }
    Ok(())
}

fn round(round: &mut Round) -> Result<()> {
    let places = round.random.usize(1..4);
    let room = Room {
        semaphore: Semaphore::new(places)?,
        inside: Shared::new(AtomicU64::new(0))?,
        doomed: Shared::new(AtomicU64::new(0))?,
        violations: counter()?,
        visits: counter()?,
        stop: counter()?,
    };
    let start = |bit: u64, random: &mut fastrand::Rng| -> Result<(u64, Process<()>)> {
        Ok((bit, Process::spawn(visit, (room.clone(), bit, random.u64(..)))?))
    };
    let mut fresh = (0..u64::BITS).map(|shift| 1 << shift);
    let mut visitors = (fresh.by_ref().take(VISITORS as usize))
        .map(|bit| start(bit, &mut round.random))
        .collect::<Result<Vec<_>>>()?;
    let mut landed = 0;
    for kill in 0.. {
        let goal = room.visits.load(SeqCst) + PROGRESS;
        until("남은 프로세스가 드나들기", ONE_SECOND * 2, || {
            Ok(room.visits.load(SeqCst) >= goal)
        })?;
        // 기다림이 아니라, 죽이는 때를 흩뜨리는 것입니다.
        sleep(Duration::from_micros(round.random.u64(0..300)));
        let inside = room.inside.load(SeqCst);
        let guest = visitors.iter().position(|(bit, _)| inside & bit != 0);
        let victim = guest.unwrap_or_else(|| round.random.usize(0..visitors.len()));
        let (bit, victim) = visitors.swap_remove(victim);
        room.doomed.fetch_or(bit, SeqCst);
        victim.kill();
        expect_killed(victim.join())?;
        let next = if room.inside.load(SeqCst) & bit != 0 {
            // 들어간 채 죽었습니다. 이 비트는 그대로 남으므로 다시 쓰지 않습니다.
            round.landed();
            landed += 1;
            fresh.next().context("비트가 모자랍니다")?
        } else {
            room.doomed.fetch_and(!bit, SeqCst);
            bit
        };
        visitors.push(start(next, &mut round.random)?);
        if landed == LANDED {
            break;
        }
        ensure!(kill < KILLS_MAX, "{KILLS_MAX}번 죽였으나 들어간 채 죽은 것은 {landed}번입니다");
    }
    room.stop.store(1, SeqCst);
    for (_, mut visitor) in visitors {
        visitor.join_timeout(PATIENCE)?;
    }
    ensure_eq!(room.violations.load(SeqCst), 0);
    every_place_is_back(&room.semaphore)
}

/// 자리가 하나도 사라지거나 늘지 않았습니다.
fn every_place_is_back(semaphore: &Semaphore) -> Result<()> {
    let permits = (0..semaphore.places())
        .map(|_| semaphore.acquire_timeout(ONE_SECOND))
        .collect::<Result<Vec<_>, _>>()?;
    ensure!(semaphore.try_acquire()?.is_none(), "자리보다 많이 들어갔습니다");
    drop(permits);
    ensure_eq!(semaphore.available(), semaphore.places());
    Ok(())
}

fn hold_a_place(places: Shared<AtomicU32>, held: Counter) -> Result<()> {
    twins::take_place(&places, ONE_SECOND)?;
    arrive_and_sleep(&held)
}

fn counting(_: &mut Round) -> Result<()> {
    let (places, held) = (Shared::new(AtomicU32::new(1))?, counter()?);
    let holder = Process::spawn(hold_a_place, (places.clone(), held.clone()))?;
    wait_count("자식이 들어가기", &held, 1)?;
    holder.kill();
    expect_killed(holder.join())?;
    twins::take_place(&places, ONE_SECOND)
}
