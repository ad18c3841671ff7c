//! 11.5 Queue: 아이템 하나를 들고 다음 것을 꺼내려던 소비자를 죽입니다.

use anyhow::{Result, ensure};
use ipc_core::Process;
use pipe::{Sender, pipe};
use queue::Queue;

use crate::stage::{Experiment, Fate, kill, say, wait_asleep};

pub const EXPERIMENT: Experiment = Experiment {
    name: "queue",
    title: "11.5 Queue",
    what: "소비자 A가 아이템 1을 들고, 빈 큐에서 다음 것을 기다립니다. 그때 A를 죽이고 아이템을 더 넣습니다.",
    ours,
    twin: include_str!("queue-twin.py"),
    fate: Fate::Hangs,
    rust: "Rust에서는 A가 들고 있던 아이템 하나만 사라지고, 나머지는 B가 꺼냅니다.",
    python: "파이썬에서는 A가 쥔 읽기 락이 풀리지 않아, 큐에 아이템이 있어도 B가 영원히 기다립니다.",
};

fn ours() -> Result<()> {
    let queue = Queue::new()?;
    put(&queue, 1)?;
    let (moment, report) = pipe()?;
    let a = Process::spawn(consumer_a, (queue.clone(), report))?;
    moment.recv()?; // A가 아이템 1을 들고 있습니다.
    wait_asleep(a.id())?; // 이제 get() 안에서 다음 것을 기다립니다.

    let death = kill(a, "소비자 A")?;
    put(&queue, 2)?;
    put(&queue, 3)?;
    let b = Process::spawn(consumer_b, (queue.clone(),))?;
    let taken = b.join()?;
    say("부모", format!("join()의 Err: {death}"));
    ensure!(taken == ["아이템 2", "아이템 3"] && queue.is_empty(), "B가 꺼낸 것: {taken:?}");
    Ok(())
}

fn put(queue: &Queue<String>, number: u32) -> Result<()> {
    let item = format!("아이템 {number}");
    queue.put(&item)?;
    say("부모", format!("{item}, 큐에 추가"));
    Ok(())
}

// 여기부터는 자식 프로세스에서 실행됩니다.

fn consumer_a(queue: Queue<String>, report: Sender<()>) -> Result<()> {
    let item = queue.get()?;
    say("소비자 A", format!("{item}, 꺼냄. 들고서 get()을 다시 호출합니다."));
    report.send(&())?;
    queue.get()?;
    Ok(())
}

fn consumer_b(queue: Queue<String>) -> Result<Vec<String>> {
    say("소비자 B", "get()을 호출합니다.");
    let mut items = Vec::new();
    for _ in 0..2 {
        let item = queue.get()?;
        say("소비자 B", format!("{item}, 꺼냄"));
        items.push(item);
    }
    Ok(items)
}
