//! 11.1, 11.2와 비교하는 예제들(examples-ko): 프로그램마다 내세운 사실이 출력에 있는지 확인합니다.
//!
//! 실행: `cargo test -p tests --test examples`

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread::available_parallelism;

use nix::fcntl::OFlag;
use nix::libc;
use nix::unistd::pipe2;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
const PROGRAMS: [&str; 12] = [
    "factorial",
    "full-queue",
    "heartbeat",
    "no-lock",
    "order",
    "pipe-end",
    "progress",
    "shared-histogram",
    "threads-vs-processes",
    "tour",
    "two-cooks-processes",
    "two-cooks-threads",
];

/// 빌드한 프로그램이 놓인 폴더. 처음 호출할 때 한 번만 빌드합니다.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // 이 테스트는 target/debug/deps에 있습니다. 같은 target 폴더에 빌드합니다.
        let test = std::env::current_exe().unwrap();
        let messages = escargot::CargoBuild::new()
            .manifest_path(MANIFEST)
            .package("examples-ko")
            .current_release()
            .target_dir(test.ancestors().nth(3).unwrap())
            .exec()
            .expect("examples-ko를 빌드하지 못했습니다");
        messages.for_each(|message| drop(message.expect("빌드가 실패했습니다")));
        test.ancestors().nth(2).unwrap().to_owned()
    })
}

fn program(name: &str) -> Command {
    assert!(PROGRAMS.contains(&name), "{name}");
    Command::new(folder().join(name))
}

fn run(name: &str, args: &[&str]) -> Output {
    program(name).args(args).output().unwrap()
}

/// 잘 끝난 프로그램의 표준 출력. 알림이나 에러는 없어야 합니다.
fn lines(name: &str, args: &[&str]) -> Vec<String> {
    let output = run(name, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {args:?}: {}\n{errors}", output.status);
    assert_eq!(errors, "", "{name} {args:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines[0].ends_with("예제 시작 ---"), "{name}: {lines:#?}");
    assert!(lines[lines.len() - 1].ends_with("예제 종료 ---"), "{name}: {lines:#?}");
    lines
}

fn find<'a>(lines: &'a [String], part: &str) -> &'a str {
    let found: Vec<_> = lines.iter().filter(|line| line.contains(part)).collect();
    assert_eq!(found.len(), 1, "`{part}`이(가) 든 줄은 하나여야 합니다: {lines:#?}");
    found[0]
}

/// 줄에 적힌 수들.
fn numbers(line: &str) -> Vec<u64> {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
}

/// `Process ID: N - 말`에서 PID와 말.
fn said(line: &str) -> Option<(u32, &str)> {
    let (pid, text) = line.strip_prefix("Process ID: ")?.split_once(" - ")?;
    Some((pid.parse().ok()?, text))
}

fn korean(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).chars().any(|c| ('가'..='힣').contains(&c))
}

#[test]
fn help_and_unknown_arguments() {
    for name in PROGRAMS {
        for flag in ["--help", "-h"] {
            let help = run(name, &[flag]);
            assert_eq!(help.status.code(), Some(0), "{name}");
            assert!(korean(&help.stdout) && help.stderr.is_empty(), "{name}");
        }
        for argument in ["--no-such-flag", "그런것은없습니다"] {
            let unknown = run(name, &[argument]);
            assert_eq!(unknown.status.code(), Some(2), "{name}");
            assert!(korean(&unknown.stderr) && unknown.stdout.is_empty(), "{name}");
        }
    }
    for wrong in [
        ["factorial", "--numbers", "0"],
        ["factorial", "--numbers", "many"],
        ["factorial", "--processes", "0"],
        ["factorial", "--processes", "-1"],
        ["heartbeat", "--interval", "0"],
        ["heartbeat", "--interval", "inf"],
        ["heartbeat", "--interval", "-1"],
    ] {
        assert_eq!(run(wrong[0], &wrong[1..]).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn progress_ends_although_a_job_dies() {
    let lines = lines("progress", &[]);
    let steps = lines.iter().filter(|line| line.starts_with("진행 "));
    let jobs: Vec<u64> = steps.map(|line| numbers(line)[2]).collect();
    let count = |job| jobs.iter().filter(|done| **done == job).count();
    assert_eq!([1, 2, 3, 4].map(count), [3, 3, 1, 3]);
    assert!(find(&lines, "작업 3: ").contains("SIGABRT"), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.ends_with("마쳤습니다.")).count(), 3);
}

#[test]
fn the_shared_histogram_loses_nothing() {
    let lines = lines("shared-histogram", &[]);
    let bins: Vec<_> = lines.iter().filter(|line| line.contains("걸음부터")).collect();
    assert_eq!(bins.iter().map(|line| numbers(line)[1]).sum::<u64>(), 20_000);
    // 20000 이하에서 가장 멀리 걷는 수(콜라츠 수열로 알려진 값).
    assert_eq!(numbers(find(&lines, "가장 먼 수")), [20_000, 17_647, 278]);
}

#[test]
fn factorial_returns_equal_whole_numbers() {
    let sizes = |args: &[&str]| {
        let lines = lines("factorial", args);
        numbers(find(&lines, "두 결과는 같습니다"))[0]
    };
    // 0!부터 599!까지의 비트 수. 곱하는 방법과 프로세스의 수와는 상관이 없습니다.
    let by_halves = sizes(&["--numbers", "600", "--processes", "2"]);
    assert_eq!(by_halves, sizes(&["--numbers", "600", "--processes", "5", "--naive"]));
    assert_eq!(sizes(&["--numbers", "5"]), 1 + 1 + 2 + 3 + 5); // 1, 1, 2, 6, 24
    assert_eq!(sizes(&["--numbers", "1"]), 1);
}

#[test]
fn heartbeat_beats_while_computing_and_then_stops() {
    let lines = lines("heartbeat", &["--interval", "0.4"]);
    let said: Vec<_> = lines.iter().filter_map(|line| said(line)).collect();
    let beats: Vec<_> = said.iter().filter(|(_, text)| text.starts_with("아직")).collect();
    assert!((1..=2).contains(&beats.len()), "{lines:#?}");
    assert_eq!(said[said.len() - 1].1, "계산 완료", "맥박이 계산보다 늦게까지 뛰었습니다");
    assert_ne!(beats[0].0, said[said.len() - 1].0, "한 프로세스가 둘을 했습니다");
    assert_eq!(numbers(find(&lines, "번 뛰었습니다")), [beats.len() as u64]);
}

#[test]
fn no_lock_loses_updates_and_locks_do_not() {
    let lines = lines("no-lock", &[]);
    let without = find(&lines, "락 없이, ");
    if available_parallelism().unwrap().get() > 1 {
        let [counter, lost] = numbers(without)[..] else { panic!("{without}") };
        assert!(counter < 400_000 && counter + lost == 400_000, "{without}");
    }
    assert!(find(&lines, "Lock으로, ").contains(": 400000"));
    assert!(find(&lines, "스레드 넷").contains(": 400000"));
    find(&lines, "잠들어 있습니다");
}

#[test]
fn pipe_end_waits_until_the_last_end_closes() {
    let lines = lines("pipe-end", &[]);
    find(&lines, "수신자는 아직 기다립니다");
    find(&lines, "부모가 보내는 쪽을 닫자");
    find(&lines, "수신자도 종료되었습니다");
    let texts: Vec<_> = lines.iter().filter_map(|line| said(line)).map(|(_, text)| text).collect();
    let expected = ["안녕", "파이프", "예제", "데이터"].map(|msg| format!("메시지 받음: {msg}"));
    assert_eq!(texts, [expected.clone(), expected].concat());
}

#[test]
fn full_queue_waits_until_someone_takes() {
    let lines = lines("full-queue", &[]);
    assert!(find(&lines, "생산자가 끝나지 않습니다").ends_with("큐에는 3개가 있습니다."));
    let drained: Vec<_> = lines.iter().filter(|line| line.contains("10개를 모두 받았고")).collect();
    assert_eq!(drained.len(), 2, "{lines:#?}");
}

/// `| head`처럼 출력을 받는 쪽이 먼저 닫혀도, 프로그램과 자식들은 패닉하지 않고 조용히 끝납니다.
#[test]
fn closed_output_ends_quietly() {
    for name in PROGRAMS {
        let args: &[&str] = match name {
            "factorial" => &["--numbers", "600"],
            "heartbeat" => &["--interval", "0.1"],
            _ => &[],
        };
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
        drop(reader);
        // 둘러보기가 실행하는 것은 아무것도 출력하지 않으므로, 둘러보기 자신이 SIGPIPE를 받습니다.
        let mut command = program(name);
        let output = command.args(args).env("CARGO", "/bin/true").stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
        assert_eq!(output.status.signal(), Some(libc::SIGPIPE), "{name}: {}", output.status);
    }
}

#[test]
fn order_is_kept_when_taking_only() {
    let lines = lines("order", &[]);
    let all: Vec<u64> = (1..=12).collect();
    assert_eq!(numbers(find(&lines, "넣은 순서:")), all);
    assert_eq!(numbers(find(&lines, "꺼낸 순서:")), all);
    let mut finished = numbers(find(&lines, "마친 순서:"));
    finished.sort_unstable();
    assert_eq!(finished, all);
}

#[test]
fn threads_share_and_die_together_and_processes_do_not() {
    let lines = lines("threads-vs-processes", &[]);
    assert_eq!(numbers(find(&lines, "결과는 모두"))[0], 230_209); // 3,200,000 아래의 소수
    assert!(find(&lines, "스레드    main이").ends_with("4000"));
    let children = numbers(find(&lines, "프로세스  main이"));
    assert_eq!(children, [0, 1000, 1000, 1000, 1000]);
    assert!(find(&lines, "프로그램 전체가").contains("SIGABRT"));
    assert!(find(&lines, "2번째 항목이").contains("SIGABRT"));
    let alive = lines.iter().filter(|line| line.ends_with("항목이 성공했습니다")).count();
    assert_eq!(alive, 3, "{lines:#?}");
}

#[test]
fn two_cooks_differ_only_in_where_they_work() {
    for (name, kitchens) in [("two-cooks-threads", 1), ("two-cooks-processes", 2)] {
        let lines = lines(name, &[]);
        let said: Vec<_> = lines.iter().filter_map(|line| said(line)).collect();
        let pids: BTreeSet<u32> = said.iter().map(|(pid, _)| *pid).collect();
        assert_eq!(pids.len(), kitchens, "{lines:#?}");
        let orders: BTreeSet<u64> = said.iter().flat_map(|(_, text)| numbers(text)).collect();
        assert_eq!((said.len(), orders), (8, (1..=8).collect()), "{lines:#?}");
        assert_eq!(numbers(find(&lines, "접시"))[0], 8);
    }
}

/// cargo를 흉내 내는 것을 주어, 예제를 실행하지 않고 둘러보기만 확인합니다.
fn tour_with(cargo: impl AsRef<OsStr>) -> (Option<i32>, String, String) {
    let output = program("tour").env("CARGO", cargo).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn tour_visits_every_section_in_order() {
    let (code, text, errors) = tour_with("/bin/true");
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(text.lines().last(), Some("모든 예제 완료"));
    let visited: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[")).collect();
    let sections: Vec<_> =
        visited.iter().map(|line| line.split(' ').nth(1).unwrap_or_default()).collect();
    assert!(sections.is_sorted(), "{sections:?}");
    assert_eq!(BTreeSet::from_iter(sections).len(), 8);
    for name in PROGRAMS.iter().filter(|name| **name != "tour") {
        assert!(text.contains(&format!("cargo run -p examples-ko --bin {name}")), "{name}");
    }
    for name in ["pool", "process", "queue", "pipe", "lock", "semaphore"] {
        assert!(text.lines().any(|line| line == format!("cargo run -p {name}")), "{name}");
    }
    assert!(!text.contains('\x1b'), "터미널이 아닌데 색이 있습니다");
}

#[test]
fn tour_stops_at_the_first_failure() {
    let folder = tempfile::tempdir().unwrap();
    // 테스트의 스레드가 쓰던 파일은 다른 스레드가 그 사이에 띄운 자식에게도 열려 있어, 실행이 거절되기도 합니다.
    // 그래서 다른 프로세스가 쓰게 합니다.
    let fake = |body: &str| {
        let path = folder.path().join("cargo");
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod +x "$1""#;
        let written = Command::new("sh").args(["-c", write, "sh"]).arg(&path).arg(body).status();
        assert!(written.unwrap().success());
        path
    };
    let (code, text, errors) = tour_with(fake(r#"case "$*" in run*process) exit 7;; esac"#));
    assert_eq!(code, Some(1));
    assert!(errors.contains("11.4 Process") && errors.contains("종료 코드 7"), "{errors}");
    assert!(!text.contains("11.5") && !text.contains("모든 예제 완료"), "{text}");

    // 배경에서 도는 셸은 SIGINT를 무시하게 물려주기도 하므로, 되돌려 놓고 죽습니다.
    let interrupted = r#"[ "$1" = build ] || exec env --default-signal=INT sh -c 'kill -INT $$'"#;
    let (code, _, errors) = tour_with(fake(interrupted));
    assert_eq!(code, Some(130), "{errors}");

    // 실행한 예제의 출력을 받는 쪽이 닫혔을 뿐입니다.
    let closed = r#"[ "$1" = build ] || exec env --default-signal=PIPE sh -c 'kill -PIPE $$'"#;
    let (code, _, errors) = tour_with(fake(closed));
    assert_eq!((code, errors.as_str()), (Some(141), ""));

    let (code, _, errors) =
        tour_with(fake(r#"[ "$1" = run ] || { echo 왜냐하면 >&2; exit 101; }"#));
    assert_eq!(code, Some(1));
    assert!(errors.contains("빌드하지 못했습니다") && errors.contains("왜냐하면"), "{errors}");

    let (code, _, errors) = tour_with(folder.path().join("없는 cargo"));
    assert_eq!(code, Some(1));
    assert!(errors.contains("cargo를 실행하지 못했습니다"), "{errors}");
}
