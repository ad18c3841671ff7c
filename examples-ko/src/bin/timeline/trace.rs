//! 크롬의 추적 형식(Trace Event Format)으로 씁니다. ui.perfetto.dev가 프로세스마다 한 묶음으로 보여 줍니다.

use serde_json::{Value, json};

use crate::record::{Picture, what};

pub fn json(picture: &Picture) -> Value {
    let start = picture.panels.iter().map(|panel| panel.start).min().unwrap_or_default();
    // 이 형식의 시간은 마이크로초입니다.
    let micros = |nanoseconds: u64| nanoseconds as f64 / 1e3;
    let mut events = Vec::new();
    for panel in &picture.panels {
        for track in &panel.tracks {
            let first = &track.bars[0].span;
            let kinds = ["process_name", "thread_name"].into_iter();
            // 프로세스의 이름은 첫 스레드의 줄에서 한 번만 알립니다.
            for kind in kinds.skip(usize::from(first.pid != first.thread)) {
                events.push(json!({
                    "ph": "M", "name": kind, "pid": first.pid, "tid": first.thread,
                    "args": { "name": first.task },
                }));
            }
            events.extend(track.bars.iter().map(|bar| {
                let span = &bar.span;
                json!({
                    "ph": "X", "name": format!("{} {}", panel.object(span), what(span)),
                    "cat": span.kind, "pid": span.pid, "tid": span.thread,
                    "ts": micros(span.start - start), "dur": micros(bar.end - span.start),
                    "args": { "도중에 죽음": bar.cut },
                })
            }));
        }
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}
