//! 기록을 읽어, 그릴 수 있게 프로세스(스레드)마다 나눕니다.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use ipc_core::build::{Span, SpanKind, What};

/// 그릴 것 전부.
pub struct Picture {
    pub title: String,
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
    pub spans: Vec<Span>,
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
        for (number, line) in (1..).zip(recorded.lines()) {
            let span: Span = serde_json::from_str(line)
                .with_context(|| format!("기록의 {number}번째 줄을 읽지 못했습니다: {line}"))?;
            spans.push(span);
        }
        ensure!(!spans.is_empty(), "기록된 구간이 없습니다. 프로세스를 띄우는 예제를 고르십시오");
        spans.sort_by_key(|span| (span.start, span.end));
        let mut objects = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for span in &spans {
            objects.entry((span.kind, span.object)).or_insert_with(|| {
                let count: &mut usize = counts.entry(span.kind).or_default();
                *count += 1;
                *count
            });
        }
        let end = spans.iter().map(|span| span.end).max().unwrap_or_default();
        let mut picture =
            Picture { title, start: spans[0].start, end, tracks: vec![], peaks: vec![], objects };
        picture.peaks = picture.count_holders(&spans);
        picture.split(spans);
        Ok(picture)
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

    /// 시작과 끝을 시간 순서로 지나가며 셉니다. 같은 때라면 끝이 먼저입니다.
    fn count_holders(&self, spans: &[Span]) -> Vec<Peak> {
        let mut holds: BTreeMap<_, Vec<&Span>> = BTreeMap::new();
        for span in spans.iter().filter(|span| span.what == What::Hold) {
            holds.entry((span.kind, span.object)).or_default().push(span);
        }
        let count = |spans: Vec<&Span>| {
            let mut turns: Vec<(u64, i32)> =
                spans.iter().flat_map(|span| [(span.start, 1), (span.end, -1)]).collect();
            turns.sort_unstable();
            let (mut now, mut most) = (0, 0);
            for (_, change) in turns {
                now += change;
                most = most.max(now);
            }
            Peak { name: self.object(spans[0]), places: spans[0].places, most: most as u32 }
        };
        holds.into_values().map(count).collect()
    }

    fn split(&mut self, spans: Vec<Span>) {
        let mut places = BTreeMap::new();
        for span in spans {
            let place = *places.entry((span.pid, span.thread)).or_insert_with(|| {
                let thread =
                    if span.pid == span.thread { "".into() } else { format!("/{}", span.thread) };
                let name = format!("{} {}{thread}", span.task, span.pid);
                self.tracks.push(Track { name, spans: vec![] });
                self.tracks.len() - 1
            });
            self.tracks[place].spans.push(span);
        }
        for track in &mut self.tracks {
            // 얻은 직후에 기다림이 끝나므로 나노초 몇백이 겹칩니다. 겹친 구간은 그릴 수 없는 도구가 있어 잘라 냅니다.
            for at in 1..track.spans.len() {
                let next = track.spans[at].start;
                let before = &mut track.spans[at - 1];
                if before.what == What::Wait {
                    before.end = before.end.min(next);
                }
            }
        }
    }
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

pub fn what(what: What) -> &'static str {
    match what {
        What::Wait => "기다림",
        What::Hold => "쥠",
        What::Run => "실행",
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
