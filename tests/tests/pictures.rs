//! 장에 실린 그림(`examples-ko/pictures`)은 지금의 프로그램을 실행해 그린 것과 모양이 같습니다.
//!
//! 그림을 모두 다시 그려 비교합니다. 시간과 PID는 실행할 때마다 다르므로 보지 않고, 언제나 정해져 있는 것만 봅니다: 어떤 프로세스가
//! 있었고, 저마다 몇 번 쥐었고, 누가 기다렸고, 누가 죽었고, 무엇이 무엇의 뒤인지.
//!
//! 실행: `cargo test -p tests --test pictures`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use roxmltree::{Document, Node};
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 그림의 이름, 그것이 실린 글, 틀림없이 기다리는 함수들.
const PICTURES: [(&str, &str, &[&str]); 10] = [
    ("pool", "11.3-pool.md", &[]),
    ("process", "11.4-process.md", &["main"]),
    ("queue", "11.5-queue.md", &["consumer"]),
    ("full-queue", "11.5-queue.md", &["producer"]),
    ("pipe", "11.6-pipe.md", &["receiver"]),
    ("pipe-end", "11.6-pipe.md", &["receiver"]),
    ("lock", "11.7-lock.md", &["main"]),
    ("two-locks", "11.7-lock.md", &["a_then_b", "b_then_a"]),
    ("break-lock", "11.7-lock.md", &["next_holder"]),
    ("semaphore", "11.8-semaphore.md", &["worker_with_semaphore"]),
];

/// 그림의 막대 하나.
struct Bar {
    class: String,
    from: f64,
    to: f64,
    /// 몇 구간을 합쳤는지.
    count: u32,
}

/// 그림의 한 줄.
struct Track {
    /// 판의 이름과 함수의 이름.
    name: String,
    /// 막대에 붙은 설명을 읽은 것.
    bars: Vec<Bar>,
    died: bool,
}

impl Track {
    fn of<'a>(&'a self, class: &'static str) -> impl Iterator<Item = &'a Bar> {
        self.bars.iter().filter(move |bar| bar.class.split(' ').any(|word| word == class))
    }

    fn count(&self, class: &'static str) -> u32 {
        self.of(class).map(|bar| bar.count).sum()
    }
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    node.children().find(|child| child.has_tag_name(name)).and_then(|child| child.text()).unwrap()
}

fn tracks(svg: &str) -> Vec<Track> {
    let document = Document::parse(svg).unwrap();
    let mut panel = "";
    let mut tracks = Vec::new();
    for node in document.root_element().children() {
        if node.attribute("class") == Some("head") {
            panel = node.text().unwrap();
        }
        if !node.has_tag_name("g") {
            continue;
        }
        let name = text(node, "title").split(' ').next().unwrap();
        let number = |node: Node, name| node.attribute(name).unwrap().parse::<f64>().unwrap();
        let rects = node.children().filter(|child| child.has_tag_name("rect"));
        let bars = rects.map(|rect| {
            let title = text(rect, "title");
            let count = title.split("동안 ").nth(1).and_then(|rest| rest.split('번').next());
            let from = number(rect, "x");
            Bar {
                class: rect.attribute("class").unwrap().to_owned(),
                from,
                to: from + number(rect, "width"),
                count: count.map_or(1, |count| count.parse().unwrap()),
            }
        });
        let name = format!("{panel} {name}").trim().to_owned();
        let died = node.children().any(|child| child.has_tag_name("path"));
        tracks.push(Track { name, bars: bars.collect(), died });
    }
    tracks
}

/// 언제나 정해져 있는 것: 이름마다 프로세스의 수, 쥔 횟수, 계산한 묶음의 수, 죽은 프로세스의 수.
fn shape(tracks: &[Track]) -> BTreeMap<&str, [u32; 4]> {
    let mut shape = BTreeMap::new();
    // 수명이 없는 줄은 프로세스가 아니라 스레드입니다. 기다린 일이 짧으면 나오지 않습니다.
    for track in tracks.iter().filter(|track| track.count("life") == 1) {
        let sums: &mut [u32; 4] = shape.entry(&*track.name).or_default();
        let these = [1, track.count("hold"), track.count("run"), track.died.into()];
        sums.iter_mut().zip(these).for_each(|(sum, this)| *sum += this);
    }
    shape
}

/// 무엇이 무엇의 뒤인지. 막대의 자리는 한 픽셀쯤 어긋날 수 있습니다.
fn in_order(name: &str, tracks: &[Track]) {
    let named = |name: &str| {
        let same = |track: &&Track| track.name.trim_start_matches("Rust ") == name;
        let found: Vec<&Track> = tracks.iter().filter(same).collect();
        assert!(!found.is_empty(), "{name}");
        found
    };
    let end = |track: &&Track| track.of("life").map(|bar| bar.to).fold(0.0, f64::max);
    let hold = |track: &&Track| track.of("hold").map(|bar| bar.from).fold(f64::MAX, f64::min);
    match name {
        "process" => {
            // 두 일은 함께 실행되었습니다.
            let (one, two) = (named("task1")[0], named("task2")[0]);
            let start = |track: &Track| track.of("life").next().unwrap().from;
            assert!(start(one) < end(&two) && start(two) < end(&one));
        }
        "lock" => {
            let last = named("increment_shared_counter").iter().map(end).fold(0.0, f64::max);
            assert!(hold(&named("main")[0]) + 2.0 >= last, "main은 모두 끝난 뒤에 쥡니다");
        }
        "semaphore" => {
            let mut turns: Vec<(f64, i32)> = tracks
                .iter()
                .flat_map(|track| track.of("hold"))
                .flat_map(|bar| [(bar.from + 1.0, 1), (bar.to - 1.0, -1)])
                .collect();
            turns.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut inside = 0;
            for (_, change) in turns {
                inside += change;
                assert!(inside <= 2, "자리는 둘입니다");
            }
        }
        "two-locks" => {
            for name in ["a_then_b", "b_then_a"] {
                let track = named(name)[0];
                let long = |bar: &&Bar| bar.to - bar.from > 50.0;
                let wait = track.of("wait").find(long).expect("오래 기다렸습니다");
                let around = |bar: &Bar| bar.from <= wait.from + 1.0 && wait.to <= bar.to + 1.0;
                assert!(track.of("hold").any(around), "{name}: 쥔 채 기다립니다");
            }
        }
        "break-lock" => {
            let holder = named("holder")[0];
            let died = holder.of("hold").next().unwrap().to;
            assert!(hold(&named("next")[0]) + 2.0 >= died, "죽은 뒤에 넘겨받습니다");
            if tracks.iter().any(|track| track.name == "파이썬 main") {
                // 쥔 쪽이 죽은 뒤로도, 끝날 때까지 기다리기만 했습니다.
                let next = named("파이썬 next_holder")[0];
                let wait = next.of("wait").next().unwrap();
                assert!((wait.to - end(&next)).abs() < 1.0 && next.died);
                let died = named("파이썬 holder")[0].of("hold").next().unwrap().to;
                assert!(died < wait.to - 200.0);
            }
        }
        _ => {}
    }
}

/// 그림 하나를 다시 그려 비교합니다.
fn remake(programs: &Path, (name, chapter, waits): (&str, &str, &[&str])) {
    let path = format!("examples-ko/pictures/{name}.svg");
    let committed = fs::read_to_string(format!("{ROOT}/{path}")).unwrap();
    let folder = TempDir::new().unwrap();
    let svg = folder.path().join("svg");
    let drawn = Command::new(programs.join("timeline"))
        .args([name, "--svg"])
        .arg(&svg)
        .env("CARGO", "/bin/true") // 이미 빌드했습니다.
        .output()
        .unwrap();
    assert!(drawn.status.success(), "{name}: {drawn:?}");
    let (now, before) = (tracks(&fs::read_to_string(svg).unwrap()), tracks(&committed));
    let (mut now_shape, mut before_shape) = (shape(&now), shape(&before));
    // 파이썬이 없으면 그쪽은 그려지지 않습니다.
    if !now_shape.keys().any(|name| name.starts_with("파이썬")) {
        for shape in [&mut now_shape, &mut before_shape] {
            let kept = std::mem::take(shape).into_iter();
            let kept = kept.filter(|(name, _)| !name.starts_with("파이썬"));
            // 판이 하나뿐이면 그 이름을 적지 않습니다.
            *shape = kept.map(|(name, sums)| (name.trim_start_matches("Rust "), sums)).collect();
        }
    }
    assert_eq!(
        now_shape, before_shape,
        "{name}: 프로그램과 그림이 다릅니다. 다시 그리려면: just timeline {name} --svg {path}"
    );
    for tracks in [&now, &before] {
        in_order(name, tracks);
        for waiting in waits {
            let these: Vec<_> =
                tracks.iter().filter(|track| track.name.ends_with(waiting)).collect();
            // 파이썬이 없는 컴퓨터에서는 파이썬의 줄도 없습니다.
            let absent = these.is_empty() && *waiting == "next_holder";
            let waited = these.iter().any(|track| track.count("wait") > 0);
            assert!(waited || absent, "{name}: {waiting}");
        }
    }
    shown(&format!("examples-ko/{chapter}"), &format!("pictures/{name}.svg"));
}

/// 글에는 그림을 볼 수 없는 사람에게 읽어 줄 말과 함께 실려 있습니다.
fn shown(text: &str, picture: &str) {
    let lines = fs::read_to_string(format!("{ROOT}/{text}")).unwrap();
    let mut lines = lines.lines();
    let alt = lines
        .find_map(|line| line.strip_prefix("![")?.strip_suffix(&format!("]({picture})")))
        .map_or(0, |alt| alt.chars().count());
    assert!(alt > 20, "{text}: {picture}");
}

#[test]
fn every_picture_is_what_the_program_draws_now() {
    let programs = tests::lesson::build_all().unwrap();
    thread::scope(|scope| {
        for picture in PICTURES {
            scope.spawn(move || remake(programs, picture));
        }
    });
    shown("README.md", "examples-ko/pictures/break-lock.svg");
    let mut files: Vec<String> = fs::read_dir(format!("{ROOT}/examples-ko/pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut known = PICTURES.map(|(name, ..)| format!("{name}.svg"));
    known.sort();
    assert_eq!(files, known, "표에 없는 그림이 있습니다");
}

#[test]
fn every_picture_reads_on_a_phone_and_in_the_dark() {
    for (name, ..) in PICTURES {
        let svg = fs::read_to_string(format!("{ROOT}/examples-ko/pictures/{name}.svg")).unwrap();
        assert!(svg.len() < 40_000, "{name}: {}바이트", svg.len());
        let document = Document::parse(&svg).unwrap();
        let root = document.root_element();
        // 390픽셀에서 글자가 10픽셀은 되려면 이보다 넓으면 안 됩니다.
        let width: f64 = root.attribute("width").unwrap().parse().unwrap();
        assert!(width <= 480.0 && svg.contains("font:14px"), "{name}");
        assert!(svg.contains("@media(prefers-color-scheme:dark)"), "{name}");
        assert_eq!(root.attribute("role"), Some("img"));
        assert!(text(root, "title").contains(name) && text(root, "desc").chars().count() > 40);
        for text in root.descendants().filter(|node| node.has_tag_name("text")) {
            let x: f64 = text.attribute("x").unwrap().parse().unwrap();
            assert!((0.0..=width).contains(&x), "{name}: {text:?}");
        }
    }
}
