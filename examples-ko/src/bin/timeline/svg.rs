//! SVG로 그립니다: 가는 막대는 기다림, 굵은 막대는 쥠. 마우스를 올리면 언제부터 언제까지인지 보입니다.

use std::fmt::Write;

use ipc_core::build::{Span, SpanKind, What};

use crate::record::{Picture, time, what};

const LEFT: f64 = 240.0;
const BARS: f64 = 640.0;
const ROW: f64 = 28.0;
const TOP: f64 = 40.0;
/// 배경이 밝은 화면과 어두운 화면의 색.
const STYLE: &str = "text{font:14px sans-serif;fill:#1f2328}.wait{fill:#9a6700}.hold{fill:#0550ae}\
.run{fill:#1a7f37}.life{fill:#8c959f}.back{fill:#fff}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.wait{fill:#e3b341}.hold{fill:#79c0ff}\
.run{fill:#56d364}.life{fill:#6e7681}.back{fill:#0d1117}}";

pub fn draw(picture: &Picture) -> String {
    let scale = BARS / picture.took() as f64;
    let x = |at: u64| LEFT + (at - picture.start) as f64 * scale;
    let (width, height) = (LEFT + BARS + 20.0, TOP + ROW * picture.tracks.len() as f64 + 10.0);
    let holders: Vec<String> = picture
        .peaks
        .iter()
        .map(|peak| format!("{}: 동시에 쥔 수는 가장 많을 때 {}", peak.name, peak.most))
        .collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-labelledby=\"title desc\">\n<title id=\"title\">{} 타임라인</title>\n\
         <desc id=\"desc\">{}개의 줄이 {} 동안 기다리고 쥔 때입니다. 가는 막대는 기다림, 굵은 막대는 쥠이나 계산입니다. {}</desc>\n\
         <style>{STYLE}</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n\
         <text x=\"{LEFT}\" y=\"24\">0</text>\n\
         <text x=\"{}\" y=\"24\" text-anchor=\"end\">{}</text>\n",
        escape(&picture.title),
        picture.tracks.len(),
        time(picture.took()),
        holders.join(". "),
        LEFT + BARS,
        time(picture.took()),
    );
    for (row, track) in picture.tracks.iter().enumerate() {
        let middle = TOP + ROW * row as f64 + ROW / 2.0;
        let _ = writeln!(svg, "<g><title>{}</title>", escape(&track.name));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 10.0,
            middle + 5.0,
            escape(&track.name)
        );
        for (span, count) in merge(&track.spans, (1.0 / scale) as u64) {
            let (class, thick) = look(&span);
            let times = if count > 1 { format!(", {count}번") } else { String::new() };
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{thick}\"><title>\
                 {} {}: {}부터 {} 동안{times}</title></rect>",
                x(span.start),
                middle - thick / 2.0,
                ((span.end - span.start) as f64 * scale).max(0.5),
                picture.object(&span),
                what(span.what),
                time(span.start - picture.start),
                time(span.end - span.start),
            );
        }
        svg.push_str("</g>\n");
    }
    svg + "</svg>\n"
}

/// 색과 굵기.
fn look(span: &Span) -> (&'static str, f64) {
    match (span.what, span.kind) {
        (What::Wait, _) => ("wait", 4.0),
        (What::Hold, _) => ("hold", 16.0),
        (What::Run, SpanKind::Process) => ("life", 1.0),
        (What::Run, _) => ("run", 16.0),
    }
}

/// 같은 것의 구간들 사이가 `gap`(한 픽셀)보다 좁으면 하나로 그립니다. 몇 구간을 합쳤는지와 함께 반환합니다.
///
/// 프로세스의 수명은 다른 것을 덮지 않게 맨 먼저 그립니다.
fn merge(spans: &[Span], gap: u64) -> Vec<(Span, u32)> {
    let same = |a: &Span, b: &Span| (a.kind, a.what, a.object) == (b.kind, b.what, b.object);
    let mut merged: Vec<(Span, u32)> = Vec::new();
    for span in spans {
        match merged.iter_mut().rev().find(|(last, _)| same(last, span)) {
            Some((last, count)) if span.start <= last.end + gap => {
                last.end = last.end.max(span.end);
                *count += 1;
            }
            _ => merged.push((span.clone(), 1)),
        }
    }
    merged.sort_by_key(|(span, _)| span.kind != SpanKind::Process);
    merged
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
