//! 크롬의 추적 형식(Trace Event Format)으로 씁니다. ui.perfetto.dev가 프로세스마다 한 묶음으로 보여 줍니다.

use serde_json::{Value, json};

use crate::record::{Picture, what};

pub fn json(picture: &Picture) -> Value {
    // 이 형식의 시간은 마이크로초입니다.
    let micros = |nanoseconds: u64| nanoseconds as f64 / 1e3;
    let mut events = Vec::new();
    for track in &picture.tracks {
        let first = &track.spans[0];
        events.push(json!({
            "ph": "M", "name": "process_name", "pid": first.pid, "tid": first.thread,
            "args": { "name": first.task },
        }));
        events.extend(track.spans.iter().map(|span| {
            json!({
                "ph": "X", "name": format!("{} {}", picture.object(span), what(span.what)),
                "cat": span.kind, "pid": span.pid, "tid": span.thread,
                "ts": micros(span.start - picture.start), "dur": micros(span.end - span.start),
            })
        }));
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}
