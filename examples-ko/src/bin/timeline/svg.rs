//! SVG로 그립니다: 가는 막대는 기다림, 굵은 막대는 쥠. 마우스를 올리면 언제부터 언제까지인지 보입니다.
//!
//! 이름을 막대의 위에 두고 폭을 좁게 잡아, 전화기의 화면에서도 글자를 읽을 수 있습니다.

use std::fmt::Write;

use ipc_core::build::{SpanKind, What};
use unicode_width::UnicodeWidthStr;

use crate::record::{Bar, Panel, Picture, Track, time, what};

const MARGIN: f64 = 10.0;
const BARS: f64 = 460.0;
/// 이름 한 줄과 막대 한 줄.
const ROW: f64 = 40.0;
/// 판의 머리.
const HEAD: f64 = 26.0;
const LEGEND: f64 = 30.0;
/// 이보다 좁은(픽셀) 막대와 틈은 눈으로 가려 보기 어렵습니다.
const FINE: f64 = 4.0;
/// 배경이 밝은 화면과 어두운 화면의 색.
const STYLE: &str = "text{font:14px sans-serif;fill:#1f2328}.head{font-weight:bold}.wait{fill:#bf8700}\
.hold{fill:#0969da}.run{fill:#1a7f37}.many{opacity:.5}.life{fill:#6e7781}\
.died{stroke:#cf222e;stroke-width:3}.back{fill:#fff}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.wait{fill:#e3b341}.hold{fill:#388bfd}\
.run{fill:#3fb950}.life{fill:#8b949e}.died{stroke:#ff7b72}.back{fill:#0d1117}}";

pub fn draw(picture: &Picture) -> String {
    let mut drawing = Drawing::default();
    for panel in &picture.panels {
        drawing.panel(panel);
    }
    drawing.legend();
    let width = MARGIN + BARS + MARGIN;
    let Drawing { body, y: height, .. } = drawing;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{} 타임라인</title>\n<desc id=\"desc\">{}</desc>\n\
         <style>{STYLE}</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n",
        escape(&picture.title),
        escape(&description(picture)),
    )
}

/// 그림을 보지 못하는 사람에게 읽어 줄 글.
fn description(picture: &Picture) -> String {
    let mut text = String::from(
        "줄마다 프로세스 하나입니다. 가는 막대는 기다림, 굵은 막대는 쥠이나 계산입니다.",
    );
    for panel in &picture.panels {
        let names: Vec<&str> = panel.tracks.iter().map(|track| &*track.name).collect();
        let _ =
            write!(text, " {} {}, 전체 {}.", panel.heading, names.join(", "), time(panel.took()));
    }
    for (heading, peak) in picture.peaks() {
        let _ =
            write!(text, " {heading} {}: 동시에 쥔 수는 가장 많을 때 {}.", peak.name, peak.most);
    }
    text
}

/// 위에서 아래로 그려 나가는 그림.
#[derive(Default)]
struct Drawing {
    body: String,
    y: f64,
    /// 나온 모양과 그 설명.
    seen: Vec<(&'static str, f64, &'static str)>,
}

impl Drawing {
    fn panel(&mut self, panel: &Panel) {
        self.text(MARGIN, "start\" class=\"head", panel.heading, HEAD - 8.0);
        let took = format!("전체 {}", time(panel.took()));
        self.text(MARGIN + BARS, "end", &took, HEAD - 8.0);
        self.y += HEAD;
        for track in &panel.tracks {
            let name = escape(&track.name);
            let _ = writeln!(self.body, "<g><title>{name}</title>");
            self.text(MARGIN, "start", &name, 13.0);
            self.track(panel, track);
            self.body.push_str("</g>\n");
            self.y += ROW;
        }
    }

    fn track(&mut self, panel: &Panel, track: &Track) {
        let scale = BARS / panel.took() as f64;
        let (x, middle) = (|at: u64| MARGIN + (at - panel.start) as f64 * scale, self.y + 27.0);
        for (bar, count) in merge(&track.bars, (FINE / scale) as u64) {
            let (class, thick, label) = look(&bar, count);
            if !self.seen.contains(&(class, thick, label)) {
                self.seen.push((class, thick, label));
            }
            let length = bar.end - bar.span.start;
            let mut title = format!(
                "{} {}: {}부터 {} 동안",
                panel.object(&bar.span),
                what(&bar.span),
                time(bar.span.start - panel.start),
                time(length)
            );
            if count > 1 {
                let _ = write!(title, " {count}번");
            }
            if bar.cut {
                title.push_str(", 도중에 죽음");
            }
            let _ = writeln!(
                self.body,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{thick}\"><title>{title}</title></rect>",
                x(bar.span.start),
                middle - thick / 2.0,
                (length as f64 * scale).max(1.5),
            );
        }
        if let Some(end) = track.bars.iter().filter(|bar| bar.cut).map(|bar| bar.end).max() {
            self.cross(x(end).min(MARGIN + BARS - 5.0), middle);
            self.seen.push(CROSS);
        }
    }

    fn cross(&mut self, x: f64, y: f64) {
        let _ = writeln!(
            self.body,
            "<path class=\"died\" d=\"M{:.1} {}l10 12m0 -12l-10 12\"/>",
            x - 5.0,
            y - 6.0
        );
    }

    /// 나온 모양마다 무엇인지 적습니다.
    fn legend(&mut self) {
        self.seen.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.cmp(b.2)));
        self.seen.dedup();
        let middle = self.y + 14.0;
        let mut x = MARGIN;
        for (class, thick, label) in std::mem::take(&mut self.seen) {
            if (class, thick, label) == CROSS {
                self.cross(x + 11.0, middle);
            } else {
                let y = middle - thick / 2.0;
                let _ = writeln!(
                    self.body,
                    "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"22\" height=\"{thick}\"/>"
                );
            }
            self.text(x + 28.0, "start", label, 19.0);
            x += 28.0 + label.width() as f64 * 7.0 + 14.0;
        }
        self.y += LEGEND;
    }

    fn text(&mut self, x: f64, anchor: &str, text: &str, below: f64) {
        if !text.is_empty() {
            let y = self.y + below;
            let _ = writeln!(
                self.body,
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
            );
        }
    }
}

const CROSS: (&str, f64, &str) = ("died", 99.0, "죽음");

/// 색과 굵기, 설명.
fn look(bar: &Bar, count: u32) -> (&'static str, f64, &'static str) {
    match (bar.span.what, bar.span.kind) {
        (What::Wait, _) => ("wait", 4.0, "기다림"),
        (What::Hold, _) if count > 1 => ("hold many", 14.0, "짧게 여러 번 쥠"),
        (What::Hold, _) => ("hold", 14.0, "쥠"),
        (_, SpanKind::Process) => ("life", 1.5, "실행"),
        _ if count > 1 => ("run many", 14.0, "짧게 여러 번 계산"),
        _ => ("run", 14.0, "계산"),
    }
}

/// 같은 것의 짧은 구간들은, 사이의 틈도 `fine`보다 좁으면 하나로 그립니다. 몇 구간인지와 함께 반환합니다.
///
/// 가는 것이 가려지지 않게 수명, 쥠과 계산, 기다림의 차례로 그립니다.
fn merge(bars: &[Bar], fine: u64) -> Vec<(Bar, u32)> {
    let key = |bar: &Bar| (bar.span.kind, bar.span.what, bar.span.object);
    let mut merged: Vec<(Bar, u32)> = Vec::new();
    for bar in bars {
        let short = |bar: &Bar| bar.end - bar.span.start < fine && !bar.cut;
        match merged.iter_mut().rev().find(|(last, _)| key(last) == key(bar)) {
            Some((last, count))
                if (*count > 1 || short(last))
                    && short(bar)
                    && bar.span.start < last.end + fine =>
            {
                last.end = last.end.max(bar.end);
                *count += 1;
            }
            _ => merged.push((bar.clone(), 1)),
        }
    }
    merged.sort_by_key(|(bar, _)| match (bar.span.what, bar.span.kind) {
        (What::Wait, _) => 2,
        (_, SpanKind::Process) => 0,
        _ => 1,
    });
    merged
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
