//! 기록을 읽어, 그릴 수 있게 프로세스(스레드)마다 나눕니다.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use ipc_core::build::{Span, SpanKind, What};

/// 파이썬의 기록에 있는 함수의 이름 앞에 붙어 있는 말(`break`의 `record.py`).
const PYTHON: &str = "파이썬 ";

/// 그릴 것 전부.
pub struct Picture {
    pub title: String,
    /// 언어마다 하나. 시간을 따로 잽니다.
    pub panels: Vec<Panel>,
}

/// 시간을 함께 재는 줄들.
pub struct Panel {
    /// 판이 하나뿐이면 비어 있습니다.
    pub heading: &'static str,
    pub start: u64,
    pub end: u64,
    /// 먼저 시작한 것부터.
    pub tracks: Vec<Track>,
    pub peaks: Vec<Peak>,
    objects: BTreeMap<(SpanKind, u64), usize>,
}

/// 한 스레드가 한 일. 그림의 한 줄입니다.
pub struct Track {
    /// 함수의 이름과 PID.
    pub name: String,
    pub bars: Vec<Bar>,
}

/// 끝난 때를 아는 구간.
#[derive(Clone)]
pub struct Bar {
    pub span: Span,
    pub end: u64,
    /// 스스로 끝내지 못하고, 도중에 프로세스가 끝났습니다.
    pub cut: bool,
    /// 다른 것을 쥔 채 기다렸습니다.
    pub holding: bool,
}

/// 락이나 세마포어 하나를 동시에 가장 많이 쥔 수.
pub struct Peak {
    pub name: String,
    pub places: u32,
    pub most: u32,
}

impl Picture {
    pub fn new(title: String, recorded: &str) -> Result<Picture> {
        let mut spans = Vec::new();
        let mut ends = HashMap::new();
        for (number, line) in (1..).zip(recorded.lines()) {
            let span: Span = serde_json::from_str(line)
                .with_context(|| format!("기록의 {number}번째 줄을 읽지 못했습니다: {line}"))?;
            match span.what {
                What::End => drop(ends.insert(span.pid, span.start)),
                _ => spans.push(span),
            }
        }
        ensure!(!spans.is_empty(), "기록된 구간이 없습니다. 프로세스를 띄우는 예제를 고르십시오");
        let (theirs, ours): (Vec<_>, Vec<_>) =
            spans.into_iter().partition(|span| span.task.starts_with(PYTHON));
        let mut panels: Vec<Panel> = [("Rust", ours), ("파이썬", theirs)]
            .into_iter()
            .filter(|(_, spans)| !spans.is_empty())
            .map(|(heading, spans)| Panel::new(heading, spans, &ends))
            .collect();
        if let [only] = &mut panels[..] {
            only.heading = "";
        }
        Ok(Picture { title, panels })
    }

    /// 모든 판의 가장 많이 쥔 수와, 판의 이름.
    pub fn peaks(&self) -> impl Iterator<Item = (&'static str, &Peak)> {
        self.panels.iter().flat_map(|panel| panel.peaks.iter().map(|peak| (panel.heading, peak)))
    }
}

impl Panel {
    fn new(heading: &'static str, spans: Vec<Span>, ends: &HashMap<u32, u64>) -> Panel {
        let mut bars = finish(spans, ends);
        bars.sort_by_key(|bar| (bar.span.start, bar.end));
        let mut objects = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for Bar { span, .. } in &bars {
            objects.entry((span.kind, span.object)).or_insert_with(|| {
                let count: &mut usize = counts.entry(span.kind).or_default();
                *count += 1;
                *count
            });
        }
        let end = bars.iter().map(|bar| bar.end).max().unwrap_or_default();
        let start = bars[0].span.start;
        let mut panel = Panel { heading, start, end, tracks: vec![], peaks: vec![], objects };
        panel.count_holders(&mut bars);
        panel.split(bars);
        panel
    }

    /// `락`이나, 락이 여럿이면 `락 2`.
    pub fn object(&self, span: &Span) -> String {
        let number = self.objects[&(span.kind, span.object)];
        let alone = span.kind == SpanKind::Process
            || self.objects.range((span.kind, 0)..=(span.kind, u64::MAX)).count() == 1;
        if alone { kind(span.kind).to_owned() } else { format!("{} {number}", kind(span.kind)) }
    }

    /// 모두 걸린 시간(나노초). 0이 아닙니다.
    pub fn took(&self) -> u64 {
        (self.end - self.start).max(1)
    }

    /// 시간 순서로 지나가며 셉니다.
    ///
    /// 자리가 모두 찼는데 또 들어왔고 안에 죽은 프로세스가 있으면, 그 자리를 넘겨받은 것입니다. 죽은 때를 부모가 안 것은 그보다 늦을 수
    /// 있습니다.
    fn count_holders(&mut self, bars: &mut [Bar]) {
        let mut inside: BTreeMap<(SpanKind, u64), (Vec<usize>, usize)> = BTreeMap::new();
        for at in 0..bars.len() {
            let (key, start) = ((bars[at].span.kind, bars[at].span.object), bars[at].span.start);
            if bars[at].span.what != What::Hold {
                continue;
            }
            let (holders, most) = inside.entry(key).or_default();
            holders.retain(|holder| bars[*holder].end > start);
            if holders.len() >= bars[at].span.places as usize {
                if let Some(dead) = holders.iter().position(|holder| bars[*holder].cut) {
                    bars[holders.remove(dead)].end = start;
                }
            }
            holders.push(at);
            if holders.len() > *most {
                *most = holders.len();
                let name = self.object(&bars[at].span);
                let peak = Peak { name, places: bars[at].span.places, most: holders.len() as u32 };
                match self.peaks.iter_mut().find(|known| known.name == peak.name) {
                    Some(known) => *known = peak,
                    None => self.peaks.push(peak),
                }
            }
        }
        self.peaks.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn split(&mut self, bars: Vec<Bar>) {
        let mut places = BTreeMap::new();
        for bar in bars {
            let Span { pid, thread, task, .. } = &bar.span;
            let place = *places.entry((*pid, *thread)).or_insert_with(|| {
                let task = task.strip_prefix(PYTHON).unwrap_or(task);
                let thread = if pid == thread { "".into() } else { format!("/{thread}") };
                self.tracks.push(Track { name: format!("{task} {pid}{thread}"), bars: vec![] });
                self.tracks.len() - 1
            });
            self.tracks[place].bars.push(bar);
        }
        for track in &mut self.tracks {
            // 얻은 직후에 기다림이 끝나므로 나노초 몇백이 겹칩니다. 겹친 구간은 그릴 수 없는 도구가 있어 잘라 냅니다.
            for at in 1..track.bars.len() {
                let next = track.bars[at].span.start;
                let before = &mut track.bars[at - 1];
                if before.span.what == What::Wait {
                    before.end = before.end.min(next);
                }
            }
            // 락을 넘겨받은 때가 죽음을 안 때보다 이르면, 죽은 것은 그보다 앞입니다.
            let died = track.bars.iter().filter(|bar| bar.cut).map(|bar| bar.end).min();
            for bar in track.bars.iter_mut().filter(|bar| bar.cut) {
                bar.end = bar.end.min(died.unwrap_or(bar.end));
            }
            let mut held = 0;
            for bar in &mut track.bars {
                match bar.span.what {
                    What::Hold => held = held.max(bar.end),
                    What::Wait => bar.holding = bar.end <= held,
                    _ => {}
                }
            }
        }
    }
}

/// 시작만 적힌 구간은 그 프로세스가 끝난 때에, 그것도 모르면 모든 것의 끝에 끝납니다.
fn finish(spans: Vec<Span>, ends: &HashMap<u32, u64>) -> Vec<Bar> {
    let key = |span: &Span| (span.thread, span.what as u8, span.start);
    let finished: HashSet<_> = spans.iter().filter(|span| span.end.is_some()).map(key).collect();
    let known = |span: &Span| span.end.or(ends.get(&span.pid).copied());
    let last = spans.iter().map(|span| known(span).unwrap_or(span.start)).max();
    let last = last.unwrap_or_default();
    spans
        .into_iter()
        .filter(|span| span.end.is_some() || !finished.contains(&key(span)))
        .map(|span| {
            let cut = span.end.is_none() && ends.contains_key(&span.pid);
            Bar { end: known(&span).unwrap_or(last), cut, holding: false, span }
        })
        .collect()
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Process => "프로세스",
        SpanKind::Pool => "풀",
        SpanKind::Queue => "큐",
        SpanKind::Pipe => "파이프",
        SpanKind::Lock => "락",
        SpanKind::Semaphore => "세마포어",
    }
}

pub fn what(span: &Span) -> &'static str {
    match span.what {
        What::Wait if span.kind == SpanKind::Process => "기다림(조인)",
        What::Wait => "기다림",
        What::Hold => "쥠",
        What::Run | What::End => "실행",
    }
}

/// 사람이 읽는 시간.
pub fn time(nanoseconds: u64) -> String {
    let seconds = nanoseconds as f64 / 1e9;
    if seconds < 1.0 {
        format!("{:.3}밀리초", seconds * 1e3)
    } else {
        format!("{seconds:.3}초")
    }
}
