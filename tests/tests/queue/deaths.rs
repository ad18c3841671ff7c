//! 넣거나 꺼내던 프로세스가 죽어도 큐는 온전하고, 남은 프로세스는 이어서 합니다.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ipc_core::{Process, Shared};
use queue::{Queue, QueueError};
use serde::{Deserialize, Serialize};
use tests::children::expect_killed;
use tests::harness::random;
use tests::wait::{PATIENCE, until};
use tests::{Counter, counter, ensure_eq};

/// 찢어졌는지 스스로 알 수 있는 항목.
#[derive(Serialize, Deserialize)]
struct Item {
    producer: u32,
    number: u32,
    padding: Vec<u8>,
    sum: u64,
}

impl Item {
    fn new(producer: u32, number: u32) -> Item {
        let size = (number * 37 + producer) % 200;
        let padding: Vec<u8> = (0..size).map(|index| (index ^ number) as u8).collect();
        let sum = Item::sum(producer, number, &padding);
        Item { producer, number, padding, sum }
    }

    fn sum(producer: u32, number: u32, padding: &[u8]) -> u64 {
        let start = u64::from(producer) << 32 | u64::from(number);
        padding.iter().fold(start, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()))
    }

    fn whole(&self) -> bool {
        self.sum == Item::sum(self.producer, self.number, &self.padding)
    }
}

const KILLS: u32 = 30;
const PRODUCERS: u32 = 3;
const CONSUMERS: u32 = 3;
/// 죽은 자리를 채우는 것까지, 넣는 프로세스는 모두 이만큼을 넘지 않습니다.
const PRODUCERS_EVER: usize = (PRODUCERS + KILLS) as usize;
const ITEMS_MAX: usize = 1 << 19;

/// 무작위 테스트의 프로세스들이 함께 보는 것.
#[derive(Clone, Serialize, Deserialize)]
struct Market {
    queue: Queue<Item>,
    /// 항목마다, 꺼낸 횟수.
    taken: Shared<(), AtomicU8>,
    /// 넣는 프로세스마다, 넣기가 돌아온 횟수.
    put: Shared<(), AtomicU32>,
    torn: Counter,
    takes: Counter,
    stop: Counter,
}

impl Market {
    fn new() -> Result<Market> {
        Ok(Market {
            queue: Queue::with_capacity(4096)?,
            taken: Shared::with_tail((), PRODUCERS_EVER * ITEMS_MAX)?,
            put: Shared::with_tail((), PRODUCERS_EVER)?,
            torn: counter()?,
            takes: counter()?,
            stop: counter()?,
        })
    }

    fn taken(&self, producer: u32, number: u32) -> Option<&AtomicU8> {
        let number = usize::try_from(number).ok().filter(|number| *number < ITEMS_MAX)?;
        self.taken.tail().get(producer as usize * ITEMS_MAX + number)
    }
}

fn sell(market: Market, producer: u32) -> Result<()> {
    for number in 0..ITEMS_MAX as u32 {
        if market.stop.load(SeqCst) != 0 {
            break;
        }
        market.queue.put(&Item::new(producer, number))?;
        market.put.tail()[producer as usize].fetch_add(1, SeqCst);
    }
    Ok(())
}

fn buy(market: Market) -> Result<()> {
    let mut latest = vec![None; PRODUCERS_EVER];
    loop {
        let item = match market.queue.get() {
            Err(QueueError::Disconnected) => return Ok(()),
            item => item?,
        };
        let slot = market.taken(item.producer, item.number).filter(|_| item.whole());
        let Some(slot) = slot else {
            market.torn.fetch_add(1, SeqCst);
            continue;
        };
        slot.fetch_add(1, SeqCst);
        // 한 소비자가 보는 번호는, 넣은 쪽마다 커지기만 합니다.
        let before = latest[item.producer as usize].replace(item.number);
        ensure!(before < Some(item.number), "순서가 뒤바뀌었습니다");
        market.takes.fetch_add(1, SeqCst);
    }
}

pub fn survivors_go_on_after_random_kills() -> Result<()> {
    let mut random = random("survivors_go_on_after_random_kills")?;
    let market = Market::new()?;
    let mut names = 0..PRODUCERS_EVER as u32;
    let mut seller = || -> Result<Process<()>> {
        let name = names.next().context("이름이 모자랍니다")?;
        Ok(Process::spawn(sell, (market.clone(), name))?)
    };
    let buyer = || -> Result<Process<()>> { Ok(Process::spawn(buy, (market.clone(),))?) };
    let mut sellers = (0..PRODUCERS).map(|_| seller()).collect::<Result<Vec<_>>>()?;
    let mut buyers = (0..CONSUMERS).map(|_| buyer()).collect::<Result<Vec<_>>>()?;
    let mut buyers_killed = 0;
    for _ in 0..KILLS {
        let goal = market.takes.load(SeqCst) + 50;
        until("남은 프로세스가 나아가기", PATIENCE, || {
            Ok(market.takes.load(SeqCst) >= goal)
        })?;
        // 기다림이 아니라, 죽이는 때를 흩뜨리는 것입니다.
        sleep(Duration::from_micros(random.u64(0..500)));
        if random.bool() {
            strike(&mut sellers, &mut random)?;
            sellers.push(seller()?);
        } else {
            strike(&mut buyers, &mut random)?;
            buyers.push(buyer()?);
            buyers_killed += 1;
        }
    }
    market.stop.store(1, SeqCst);
    for seller in sellers {
        seller.join()?;
    }
    market.queue.close()?;
    for buyer in buyers {
        buyer.join()?;
    }
    check(&market, buyers_killed)
}

fn strike(processes: &mut Vec<Process<()>>, random: &mut fastrand::Rng) -> Result<()> {
    let victim = processes.swap_remove(random.usize(0..processes.len()));
    victim.kill();
    expect_killed(victim.join())
}

/// 넣기가 돌아온 항목은 꼭 한 번 꺼내졌습니다. 죽은 소비자마다 꺼내던 하나만 적히지 않았을 수 있습니다.
fn check(market: &Market, buyers_killed: u32) -> Result<()> {
    ensure_eq!(market.torn.load(SeqCst), 0);
    let mut unrecorded = 0;
    for (producer, put) in (0u32..).zip(market.put.tail()) {
        let put = put.load(SeqCst);
        for number in 0..ITEMS_MAX as u32 {
            let taken = market.taken(producer, number).map_or(0, |slot| slot.load(SeqCst));
            ensure!(taken <= 1, "생산자 {producer}의 {number}번이 {taken}번 나왔습니다");
            // 넣고 나서 세기 전에 죽었으면 하나 더 나옵니다.
            ensure!(taken == 0 || number <= put, "넣지 않은 {number}번이 나왔습니다");
            unrecorded += u32::from(taken == 0 && number < put);
        }
    }
    ensure!(
        unrecorded <= buyers_killed,
        "항목 {unrecorded}개가 사라졌습니다(죽은 소비자는 {buyers_killed})"
    );
    Ok(())
}
