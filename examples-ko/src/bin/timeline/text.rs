//! 터미널에 그립니다: 80칸 안에서, 색 없이.

use std::fmt::Write;
use std::iter::repeat_n;

use ipc_core::build::{SpanKind, What};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::record::{Panel, Picture, Track, time};

/// 가장 좁은 터미널.
const WIDTH: usize = 80;
const LEGEND: &str = "# 쥠  + 여러 번 쥠  . 기다림  * 쥔 채 기다림  = 계산  - 그 밖에 실행  x 죽음";
/// 이름에 줄 수 있는 칸.
const MAX_NAME: usize = 32;

pub fn draw(picture: &Picture) -> String {
    let tracks = || picture.panels.iter().flat_map(|panel| &panel.tracks);
    let names = tracks().map(|track| track.name.width());
    let name_width = names.max().unwrap_or(0).min(MAX_NAME);
    let columns = WIDTH - name_width - 1;
    let mut text = format!("타임라인: {}\n{LEGEND}\n", picture.title);
    for panel in &picture.panels {
        let took = time(panel.took());
        let gap = columns - "0".width() - took.width();
        let heading = fit(panel.heading, name_width);
        let _ = writeln!(text, "{heading} 0{:gap$}{took}", "");
        for track in &panel.tracks {
            let line = format!("{} {}", fit(&track.name, name_width), bar(panel, track, columns));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// 한 칸의 시간 동안 한 일들: 길이(나노초)와, 쥔 횟수.
#[derive(Clone, Default)]
struct Cell {
    hold: u64,
    holds: u32,
    /// 조인은 빼고. 조인하는 동안에는 다른 일이 없을 때만 보입니다.
    wait: u64,
    /// 다른 것을 쥔 채 기다린 길이.
    holding: u64,
    run: u64,
    joining: bool,
    alive: bool,
    died: bool,
}

impl Cell {
    fn mark(&self) -> char {
        let longest = self.hold.max(self.wait).max(self.run);
        match self {
            Cell { died: true, .. } => 'x',
            Cell { holding, .. } if *holding * 2 > longest => '*',
            Cell { holds: 2.., .. } => '+',
            Cell { joining: true, .. } if longest == 0 => '.',
            Cell { alive: true, .. } if longest == 0 => '-',
            _ if longest == 0 => ' ',
            Cell { hold, .. } if *hold == longest => '#',
            Cell { wait, .. } if *wait == longest => '.',
            _ => '=',
        }
    }
}

fn bar(panel: &Panel, track: &Track, columns: usize) -> String {
    let mut cells = vec![Cell::default(); columns];
    let wide = panel.took() as f64 / columns as f64;
    let column = |at: u64| (at - panel.start) as f64 / wide;
    for bar in &track.bars {
        // 한 칸보다 긴 것은 가까운 경계에 맞춥니다. 그래야 이어받은 쪽과 한 칸에 함께 보이지 않습니다. 짧은 것도 한 칸에는 보입니다.
        let (from, to) = (column(bar.span.start), column(bar.end));
        let long = to - from >= 1.0;
        let (from, to) =
            if long { (from.round(), to.round()) } else { (from.floor(), from.floor() + 1.0) };
        let from = (from as usize).min(columns - 1);
        let to = (to as usize).clamp(from + 1, columns);
        let length = (bar.end - bar.span.start).clamp(1, wide as u64 + 1);
        for cell in &mut cells[from..to] {
            match (bar.span.what, bar.span.kind) {
                (What::Hold, _) => (cell.hold, cell.holds) = (cell.hold + length, cell.holds + 1),
                (What::Wait, SpanKind::Process) => cell.joining = true,
                (What::Wait, _) if bar.holding => cell.holding += length,
                (What::Wait, _) => cell.wait += length,
                (_, SpanKind::Process) => cell.alive = true,
                _ => cell.run += length,
            }
        }
        cells[to - 1].died |= bar.cut;
    }
    cells.iter().map(Cell::mark).collect()
}

/// 이름을 꼭 `width`칸으로 맞춥니다. 한글은 두 칸입니다. PID가 있는 끝을 남기고 앞을 줄입니다.
fn fit(name: &str, width: usize) -> String {
    let mut name = name.to_owned();
    let cut = name.width() > width;
    while name.width() > width - usize::from(cut) {
        let first = name.chars().next().map_or(1, char::len_utf8);
        name.drain(..first);
    }
    if cut {
        name.insert(0, '~');
    }
    let used: usize = name.chars().filter_map(UnicodeWidthChar::width).sum();
    name.extend(repeat_n(' ', width - used));
    name
}
