//! 11.1, 11.2와 비교하는 예제들(examples-ko): 프로그램마다 내세운 사실이 출력에 있는지 확인합니다.
//!
//! 실행: `cargo test -p tests --test examples`

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::available_parallelism;

use nix::fcntl::OFlag;
use nix::libc;
use nix::unistd::pipe2;

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
const PROGRAMS: [&str; 16] = [
    "factorial",
    "full-queue",
    "heartbeat",
    "ipc-channel-pipe",
    "no-lock",
    "order",
    "pipe-end",
    "progress",
    "shared-histogram",
    "signals",
    "threads-vs-processes",
    "tour",
    "two-acquires",
    "two-cooks-processes",
    "two-cooks-threads",
    "two-locks",
];
const LESSONS: [&str; 6] = ["lock", "pipe", "pool", "process", "queue", "semaphore"];

fn folder() -> &'static Path {
    tests::lesson::build_all().unwrap()
}

fn program(name: &str) -> Command {
    assert!(PROGRAMS.contains(&name) || LESSONS.contains(&name), "{name}");
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
    assert_eq!(found.len(), 1, "이 글이 든 줄은 하나여야 합니다: `{part}`\n{lines:#?}");
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
    for name in PROGRAMS.into_iter().chain(LESSONS) {
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
fn signals_limits_and_buffers_need_no_semaphore() {
    let lines = lines("signals", &[]);
    find(&lines, "신호: 상대가 준비를 마쳤습니다.");
    find(&lines, "신호: 상대가 알리지 못하고 끝났습니다.");
    assert_eq!(numbers(find(&lines, "토큰: ")), [3, 6]);
    assert_eq!(numbers(find(&lines, "버퍼: ")), [10, 2]);
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

/// 작업자가 하나이면 나눈 것이 없습니다. 빨라졌다고도, 한계에 얼마나 닿았다고도 하지 않습니다.
#[test]
fn factorial_promises_nothing_for_one_worker() {
    let lines = lines("factorial", &["--numbers", "600", "--processes", "1"]);
    find(&lines, "나누어도 빨라지지 않습니다");
    assert!(!lines.iter().any(|line| line.contains('%') || line.contains("한계")), "{lines:#?}");
}

/// 반씩 나누어 곱하면 차례로 곱할 때보다 빠릅니다. 차이가 커서 바쁜 컴퓨터에서도 뒤집히지 않습니다.
#[test]
fn multiplying_by_halves_is_faster() {
    let seconds = |args: &[&str]| {
        let lines = lines("factorial", args);
        let time = find(&lines, "혼자서: ").trim_matches(|c: char| !c.is_ascii_digit()).parse();
        time.unwrap_or_else(|_| panic!("{lines:#?}"))
    };
    let by_halves: f64 = seconds(&["--numbers", "3000"]);
    assert!(by_halves < seconds(&["--numbers", "3000", "--naive"]));
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
fn two_acquires_lose_updates_and_one_does_not() {
    let lines = lines("two-acquires", &[]);
    let apart = find(&lines, "따로 획득해");
    let [counter, lost] = numbers(apart)[..] else { panic!("{apart}") };
    assert_eq!(counter + lost, 400_000, "{apart}");
    assert!(lost > 0 || available_parallelism().unwrap().get() == 1, "{apart}");
    assert_eq!(numbers(find(&lines, "가드 하나로")), [400_000]);
}

#[test]
fn two_locks_hang_until_one_gives_up() {
    let lines = lines("two-locks", &[]);
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    let (gave_up, went_on) = (at("a를 해제하고 물러납니다"), at("a가 해제되자"));
    assert!(at("b를 기다립니다") < gave_up && at("a를 기다립니다") < gave_up, "{lines:#?}");
    assert!(gave_up < went_on, "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("모두 얻었습니다")).count(), 2);
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
fn ipc_channel_ends_with_its_sender_but_waits_for_a_connection() {
    let lines = lines("ipc-channel-pipe", &[]);
    let texts: Vec<_> = lines.iter().filter_map(|line| said(line)).map(|(_, text)| text).collect();
    let expected = ["안녕", "파이프", "예제", "데이터", "안녕"];
    assert_eq!(texts, expected.map(|msg| format!("메시지 받음: {msg}")));
    assert!(find(&lines, "종료 상태").contains("SIGABRT"));
    find(&lines, "accept는 기다립니다");
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
    assert!(find(&lines, "인덱스 2의 항목이").contains("SIGABRT"));
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

/// 둘러보기를 다른 폴더에 두고, 그 옆의 예제들과 cargo는 `body`만 하는 셸로 꾸며 실행합니다.
fn tour_with(cargo: &str, body: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let staged = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tour = staged.path().join("tour");
    // 테스트의 스레드가 쓰던 파일은 다른 스레드가 그 사이에 띄운 자식에게도 열려 있어, 실행이 거절되기도 합니다.
    // 그래서 다른 프로세스가 쓰게 합니다.
    let write = r#"cp "$1" "$2/tour" && printf '#!/bin/sh\n%s\n' "$3" > "$2/cargo" && shift 3 &&
        for name in "$@"; do printf '#!/bin/sh\n%s\n' "$BODY" > "$FOLDER/$name"; done && chmod +x "$FOLDER"/*"#;
    let mut stage = Command::new("sh");
    stage
        .args(["-c", write, "sh"])
        .arg(program("tour").get_program())
        .arg(staged.path())
        .arg(cargo);
    stage.args(PROGRAMS.iter().filter(|name| **name != "tour")).args(LESSONS);
    assert!(stage.env("BODY", body).env("FOLDER", staged.path()).status().unwrap().success());
    let output =
        Command::new(tour).args(args).env("CARGO", staged.path().join("cargo")).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn tour_visits_every_section_in_order() {
    let (code, text, errors) = tour_with("exit 0", r#"echo "${0##*/} $*""#, &[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(text.lines().last(), Some("모든 예제 완료"));
    let visited: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[")).collect();
    let sections: Vec<_> =
        visited.iter().map(|line| line.split(' ').nth(1).unwrap_or_default()).collect();
    assert!(sections.is_sorted(), "{sections:?}");
    assert_eq!(BTreeSet::from_iter(sections).len(), 8);
    let lines: Vec<&str> = text.lines().collect();
    // 보여 준 명령 다음에, 그 명령이 실행하는 프로그램이 말합니다.
    let shows = |typed: String, name: &str| {
        let at = lines.iter().position(|line| line.starts_with(&typed)).expect(&typed);
        let args = lines[at].split(" -- ").nth(1).unwrap_or_default();
        assert_eq!(lines[at + 2], format!("{name} {args}"), "{typed}");
    };
    for name in PROGRAMS.iter().filter(|name| **name != "tour") {
        shows(format!("cargo run -p examples-ko --bin {name}"), name);
    }
    for name in LESSONS {
        shows(format!("cargo run -p {name}"), name);
    }
    assert!(!text.contains('\x1b'), "터미널이 아닌데 색이 있습니다");
}

#[test]
fn tour_stops_at_the_first_failure() {
    let stopped = |body| tour_with("exit 0", body, &[]);
    let (code, text, errors) = stopped(r#"case $0 in */process) exit 7;; esac"#);
    assert_eq!(code, Some(1));
    assert!(errors.contains("11.4 Process") && errors.contains("종료 코드 7"), "{errors}");
    assert!(!text.contains("11.5") && !text.contains("모든 예제 완료"), "{text}");

    // 백그라운드의 셸은 SIGINT를 무시하게 물려주기도 하므로, 기본 동작으로 바꾼 뒤에 죽습니다.
    let (code, _, errors) = stopped("exec env --default-signal=INT sh -c 'kill -INT $$'");
    assert_eq!(code, Some(130), "{errors}");

    // 실행한 예제의 출력을 받는 쪽이 닫혔을 뿐입니다.
    let (code, _, errors) = stopped("exec env --default-signal=PIPE sh -c 'kill -PIPE $$'");
    assert_eq!((code, errors.as_str()), (Some(141), ""));

    let (code, _, errors) = tour_with("echo 왜냐하면 >&2; exit 101", "exit 0", &[]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("빌드하지 못했습니다") && errors.contains("왜냐하면"), "{errors}");

    let output = program("tour").env("CARGO", "/없는 cargo").output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("cargo를 실행하지 못했습니다"), "{errors}");
}

/// `cargo run lock`처럼 이름을 적으면 그것만 실행합니다.
#[test]
fn tour_runs_one_example_by_its_name() {
    let typed = |args: &[&str]| tour_with(r#"echo "$@""#, "exit 0", args);
    let (code, text, _) = typed(&["lock", "--help"]);
    assert_eq!((code, text.as_str()), (Some(0), "run -p lock -- --help\n"));
    let (code, text, _) = typed(&["heartbeat"]);
    assert_eq!((code, text.as_str()), (Some(0), "run -p examples-ko --bin heartbeat --\n"));
    let (code, text, errors) = typed(&["lokc"]);
    assert_eq!((code, text.as_str()), (Some(2), ""));
    assert!(errors.contains("'lokc'") && errors.contains(" lock "), "{errors}");
}

/// `--help`는 독자가 입력한 명령을 보여 주고, 잘못 적은 것은 어느 것이 왜 잘못되었는지 알립니다.
#[test]
fn usage_shows_the_typed_command_and_the_reason() {
    let cargo = |name: &str, args: &[&str]| {
        let mut run = Command::new(env!("CARGO"));
        run.args(["run", "-q", "--manifest-path", MANIFEST, "--bin", name]);
        let target = folder().parent().unwrap();
        let output = run.arg("--target-dir").arg(target).arg("--").args(args).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let typed = "사용법: cargo run -p examples-ko --bin";
    assert!(cargo("order", &["--help"]).contains(&format!("{typed} order\n")));
    assert!(cargo("heartbeat", &["--help"]).contains(&format!("{typed} heartbeat -- [--interval")));
    for (name, args, reason) in [
        ("heartbeat", &["--interval", "7000"][..], "--interval에는 0.01에서 3600까지의 수(초)를"),
        ("heartbeat", &["--interval", "7000"], ": 7000\n"),
        ("heartbeat", &["--interval"], "--interval 뒤에 값이 없습니다"),
        ("factorial", &["--numbers", "many"], "--numbers에는 1 이상의 정수를 적으십시오: many"),
        ("factorial", &["--naive=yes"], "--naive에는 값을 적지 않습니다: yes"),
        ("order", &["--fast"], "모르는 옵션입니다: --fast"),
        ("order", &["빨리"], "모르는 인수입니다: 빨리"),
    ] {
        let said = String::from_utf8(run(name, args).stderr).unwrap();
        assert!(said.contains(reason), "{name} {args:?}: {said}");
    }
}
