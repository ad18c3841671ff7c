//! 타임라인: 기록은 예제가 출력한 줄과 맞고, 그림은 기록과 맞습니다. 시간이 아니라 모양(줄, 구간, 순서)을 봅니다.
//!
//! 실행: `cargo test -p tests --test timeline`

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ipc_core::build::{Span, SpanKind, What};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn folder() -> &'static Path {
    tests::lesson::build_all().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// 기록하며 실행한 예제의 출력과, 끝까지 적힌 구간들.
fn record(name: &str, file: &Path) -> (Vec<String>, Vec<Span>) {
    let output = Command::new(folder().join(name)).env("IPC_TIMELINE", file).output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    let lines = fs::read_to_string(file).unwrap();
    let mut spans: Vec<Span> =
        lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    // 시작할 때 적은 줄은 끝까지 적힌 줄과 짝이 맞습니다. main의 수명만 끝이 없습니다.
    let begun = |span: &&Span| matches!(span.what, What::Hold | What::Run);
    let (open, whole): (Vec<_>, Vec<_>) =
        spans.iter().filter(begun).partition(|span| span.end.is_none());
    assert_eq!(open.len(), whole.len() + 1);
    spans.retain(|span| span.end.is_some() && span.what != What::End);
    (text(&output.stdout).lines().map(str::to_owned).collect(), spans)
}

/// `timeline`을 실행합니다. 예제는 이미 빌드했으므로 cargo는 하는 일이 없습니다.
fn timeline(args: &[&str]) -> Output {
    Command::new(folder().join("timeline")).args(args).env("CARGO", "/bin/true").output().unwrap()
}

fn waits_at_the_door(spans: &[Span]) -> impl Iterator<Item = &Span> {
    spans.iter().filter(|span| span.what == What::Wait && span.kind == SpanKind::Semaphore)
}

fn holds(spans: &[Span]) -> impl Iterator<Item = &Span> {
    spans.iter().filter(|span| span.what == What::Hold)
}

/// 출력된 줄에서, 시작하고 아직 마치지 않은 작업이 가장 많을 때의 수.
fn most_printed(lines: &[String]) -> i32 {
    let (mut now, mut most) = (0, 0);
    for line in lines {
        now += i32::from(line.contains("작업 시작!")) - i32::from(line.ends_with("작업 완료!"));
        most = most.max(now);
    }
    most
}

/// 막대에서 이어진 같은 글자를 하나로 줄입니다: `....####--`는 `.#`.
fn outline(bar: &str) -> String {
    let mut marks: Vec<char> = bar.chars().filter(|mark| !" -".contains(*mark)).collect();
    marks.dedup();
    marks.into_iter().collect()
}

/// 그림의 모양: 막대마다의 윤곽(정렬됨)과, 동시에 쥔 수의 줄들.
fn shape(drawn: &str) -> (Vec<String>, Vec<String>) {
    let lines = || drawn.lines().skip_while(|line| !line.starts_with("# 쥠")).skip(2);
    let (peaks, bars): (Vec<_>, Vec<_>) =
        lines().partition(|line: &&str| line.starts_with("동시에 쥔 수"));
    let bar = |line: &str| outline(line.splitn(3, ' ').nth(2).unwrap_or_default());
    let mut bars: Vec<String> = bars.into_iter().map(bar).collect();
    bars.sort();
    (bars, peaks.into_iter().map(str::to_owned).collect())
}

/// 한 세로줄에 있는 `#`이 가장 많을 때의 수.
fn most_in_a_column(drawn: &str) -> usize {
    let bars: Vec<&[u8]> = drawn.lines().skip(3).map(str::as_bytes).collect();
    let count = |at| bars.iter().filter(|bar| bar.get(at) == Some(&b'#')).count();
    (0..80).map(count).max().unwrap_or_default()
}

#[test]
fn the_semaphore_is_recorded_and_drawn_as_it_was_printed() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (lines, spans) = record("semaphore", Path::new(&at("record")));

    // 출력에 있는 여섯 프로세스가 저마다 한 번 쥐었고, 그 앞에 기다렸을 수 있습니다.
    let pid = |line: &String| line.strip_prefix("Process ID: ")?.split(' ').next()?.parse().ok();
    let printed: BTreeSet<u32> = lines.iter().filter_map(pid).collect();
    let held: Vec<u32> = holds(&spans).map(|span| span.pid).collect();
    assert_eq!((held.len(), held.into_iter().collect()), (6, printed.clone()));
    let mut waits = 0;
    for wait in waits_at_the_door(&spans) {
        let hold = holds(&spans).find(|hold| hold.pid == wait.pid).unwrap();
        assert!(wait.start <= hold.start && wait.object == hold.object, "{wait:?} {hold:?}");
        waits += 1;
    }
    assert!((1..6).contains(&waits), "{spans:#?}");
    for hold in holds(&spans) {
        let life = |span: &&Span| span.pid == hold.pid && span.what == What::Run;
        let life = spans.iter().find(life).unwrap();
        assert!(life.start < hold.start && hold.end < life.end && hold.places == 2);
    }

    let drawn = timeline(&["--from", &at("record"), "--svg", &at("svg"), "--trace", &at("trace")]);
    assert!(drawn.status.success(), "{drawn:?}");
    let drawn = text(&drawn.stdout);
    assert!(drawn.lines().skip(1).all(|line| line.width() <= 80), "{drawn}");
    assert_eq!(most_printed(&lines), 2);
    let (bars, peaks) = shape(&drawn);
    assert_eq!(peaks, ["동시에 쥔 수(세마포어): 가장 많을 때 2, 자리 2"]);
    assert_eq!(bars.iter().filter(|bar| *bar == ".#").count(), waits, "{drawn}");
    assert_eq!(bars.len(), 7, "main과 여섯 프로세스: {drawn}");

    // 11.8에 실린 그림도 모양이 같습니다.
    let chapter = fs::read_to_string(format!("{ROOT}/examples-ko/11.8-semaphore.md")).unwrap();
    let picture = chapter.split("```\n").find(|fence| fence.starts_with("타임라인: ")).unwrap();
    assert_eq!(shape(picture), (bars, peaks), "{drawn}");
    for picture in [&drawn, picture] {
        assert_eq!(most_in_a_column(picture), 2, "{picture}");
    }

    svg_shows(&fs::read_to_string(at("svg")).unwrap(), &spans);
    trace_shows(&fs::read_to_string(at("trace")).unwrap(), &spans);
    a_crowded_record_is_refused(&at("crowded"), &spans);
}

/// 막대 하나가 구간 하나이고, 막대마다 설명이 있습니다.
fn svg_shows(svg: &str, spans: &[Span]) {
    let count = |what: &str| svg.matches(what).count();
    assert!(svg.contains("role=\"img\"") && svg.contains("prefers-color-scheme:dark"));
    let waits = waits_at_the_door(spans).count();
    assert_eq!(
        (count("<title>세마포어 쥠:"), count("<title>세마포어 기다림:")),
        (6, waits),
        "{svg}"
    );
    // main과 여섯 프로세스.
    assert_eq!((count("<title>프로세스 실행:"), count("<g>")), (7, 7), "{svg}");
}

/// 크롬의 추적 형식(Trace Event Format)의 규칙: 사건마다 종류와 이름, 프로세스, 스레드가 있고, 이름을 알리는 것(M)에는 `args.name`,
/// 길이가 있는 것(X)에는 마이크로초인 `ts`와 `dur`가 있습니다. 한 스레드의 구간들은 서로 엇갈리지 않습니다. 엇갈리면
/// Perfetto가 버립니다.
fn trace_shows(trace: &str, spans: &[Span]) {
    let trace: serde_json::Value = serde_json::from_str(trace).unwrap();
    assert!(["ms", "ns"].contains(&trace["displayTimeUnit"].as_str().unwrap()));
    let events = trace["traceEvents"].as_array().unwrap();
    for event in events {
        assert!(event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64());
        match event["ph"].as_str().unwrap() {
            "M" => assert!(event["args"]["name"].is_string(), "{event}"),
            "X" => {
                let number = |name: &str| event[name].as_f64().unwrap();
                assert!(number("ts") >= 0.0 && number("dur") >= 0.0, "{event}");
                assert!(event["cat"].is_string() && event["args"].is_object(), "{event}");
            }
            other => panic!("모르는 종류입니다: {other}"),
        }
    }
    let (named, bars): (Vec<_>, Vec<_>) = events.iter().partition(|event| event["ph"] == "M");
    for kind in ["process_name", "thread_name"] {
        let pids: Vec<_> = named.iter().filter(|event| event["name"] == kind).collect();
        let once: BTreeSet<u64> = pids.iter().map(|event| event["pid"].as_u64().unwrap()).collect();
        assert_eq!((pids.len(), once.len()), (7, 7), "{kind}: 프로세스마다 하나");
    }
    // main의 수명은 끝을 적지 못해, 그릴 때 정합니다.
    assert_eq!(bars.len(), spans.len() + 1);
    let mut processes: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for bar in bars {
        let (start, length) = (bar["ts"].as_f64().unwrap(), bar["dur"].as_f64().unwrap());
        processes.entry(bar["pid"].as_u64().unwrap()).or_default().push((start, start + length));
    }
    for bars in processes.values() {
        for (a, b) in bars.iter().flat_map(|a| bars.iter().map(move |b| (a, b))) {
            // 마이크로초로 옮기며 끝자리가 달라질 수 있습니다.
            let crossed = a.0 < b.0 && b.0 + 0.001 < a.1 && a.1 + 0.001 < b.1;
            assert!(!crossed, "{a:?} {b:?}");
        }
    }
    assert_eq!(processes.len(), 7);
}

/// 두 자리에 셋이 함께 들어간 기록이면, 세어서 알리고 1로 끝납니다.
fn a_crowded_record_is_refused(path: &str, spans: &[Span]) {
    let mut lines = String::new();
    for (pid, span) in (1..).zip(holds(spans).take(3)) {
        // 셋이 모두 같은 때에 쥐었던 것으로 고칩니다.
        let crowded = Span { pid, thread: pid, start: 1_000, end: Some(2_000), ..span.clone() };
        lines += &format!("{}\n", serde_json::to_string(&crowded).unwrap());
    }
    fs::write(path, lines).unwrap();
    let refused = timeline(&["--from", path]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stdout).ends_with("(세마포어): 가장 많을 때 3, 자리 2\n"));
    assert!(text(&refused.stderr).contains("자리보다 많은"));
}

#[test]
fn the_lock_is_held_by_one_at_a_time() {
    let folder = TempDir::new().unwrap();
    let (lines, spans) = record("lock", &folder.path().join("record"));
    // 네 프로세스가 10만 번씩, main이 마지막에 한 번.
    assert!(lines.contains(&"최종 카운터 값: 400000".to_owned()));
    assert_eq!(holds(&spans).count(), 400_001);

    let temporary = TempDir::new().unwrap();
    let mut run = Command::new(self::folder().join("timeline"));
    run.arg("lock").env("CARGO", "/bin/true").env("TMPDIR", temporary.path());
    let drawn = run.output().unwrap();
    assert!(drawn.status.success(), "{drawn:?}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    // 출력을 받는 쪽이 먼저 닫히면 조용히 끝납니다.
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    drop(reader);
    let closed = run.stdout(writer).output().unwrap();
    assert_eq!((closed.status.code(), text(&closed.stderr)), (Some(141), String::new()));
    let drawn = text(&drawn.stdout);
    assert!(drawn.starts_with("--- Lock 예제 시작 ---\n"), "{drawn}");
    let (bars, peaks) = shape(&drawn);
    assert_eq!(peaks, ["동시에 쥔 수(락): 가장 많을 때 1, 자리 1"]);
    assert_eq!(bars.iter().filter(|bar| bar.contains('+')).count(), 4, "{drawn}");
    assert_eq!(bars.len(), 5, "{drawn}");
}

#[test]
fn nothing_is_written_unless_asked() {
    let folder = TempDir::new().unwrap();
    let program = self::folder().join("lock");
    let mut run = Command::new(&program);
    run.current_dir(folder.path()).env("TMPDIR", folder.path());
    assert!(run.env_remove("IPC_TIMELINE").output().unwrap().status.success());
    assert!(run.env("IPC_TIMELINE", "").output().unwrap().status.success());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let refused = run.env("IPC_TIMELINE", folder.path()).output().unwrap();
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
    assert!(text(&refused.stderr).contains("쓸 수 있는 파일의 이름을"));
}

#[test]
fn wrong_usage_says_what_to_do() {
    for (args, code, reason) in [
        (&[][..], 2, "이름이나 --from 파일을"),
        (&["lokc"], 2, "'lokc' 예제는 그릴 수 없습니다. 있는 것: lock"),
        (&["--from", "/없는 파일"], 1, "읽지 못했습니다"),
        (&["--from", "/dev/null"], 1, "기록된 구간이 없습니다"),
        (&["--from", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")], 1, "1번째 줄을"),
    ] {
        let output = timeline(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(text(&output.stderr).contains(reason), "{args:?}: {output:?}");
    }
}
