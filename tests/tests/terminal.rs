//! 80칸 24줄의 터미널에서 보이는 모습: 넘치는 줄, 지워지지 않은 막대, 파일에 섞인 제어 문자가 없고, Ctrl-C 뒤에 남는 것이 없습니다.
//!
//! 실행: `cargo test -p tests --test terminal`

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use tempfile::TempDir;
use tests::terminal::{Left, Terminal};
use unicode_width::UnicodeWidthStr;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const WIDTH: usize = 80;
/// 프로그램과 인수.
const PROGRAMS: [(&str, &[&str]); 20] = [
    ("factorial", &["--numbers", "2000"]),
    ("full-queue", &[]),
    ("heartbeat", &["--interval", "0.1"]),
    ("ipc-channel-pipe", &[]),
    ("lock", &[]),
    ("no-lock", &[]),
    ("order", &[]),
    ("pipe", &[]),
    ("pipe-end", &[]),
    ("pool", &[]),
    ("process", &[]),
    ("progress", &[]),
    ("queue", &[]),
    ("semaphore", &[]),
    ("shared-histogram", &[]),
    ("signals", &[]),
    ("threads-vs-processes", &[]),
    ("two-acquires", &[]),
    ("two-cooks-processes", &[]),
    ("two-locks", &[]),
];
/// 타임라인을 그려 볼 예제.
const DRAWN: [&str; 9] =
    ["full-queue", "lock", "no-lock", "pipe", "pool", "process", "progress", "queue", "semaphore"];
/// 라이브러리가 하는 말로 끝나는 줄. 두세 문장이라 80칸에 들어가지 않습니다.
const SENTENCES: [&str; 2] =
    ["작업 3: progress::work(PID ", "  프로세스  인덱스 2의 항목이 실패했습니다: "];

/// 빌드한 프로그램이 놓인 폴더. 처음 호출할 때 한 번만 빌드합니다.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let messages = escargot::CargoBuild::new()
            .manifest_path(format!("{ROOT}/Cargo.toml"))
            .bins()
            .current_release()
            .target_dir(test.ancestors().nth(3).unwrap())
            .exec()
            .expect("예제를 빌드하지 못했습니다");
        messages.for_each(|message| drop(message.expect("빌드가 실패했습니다")));
        test.ancestors().nth(2).unwrap().to_owned()
    })
}

/// `CARGO`는 `timeline`이 예제를 다시 빌드하지 않게 합니다.
fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(folder().join(name));
    command.args(args).env("CARGO", "/bin/true").env_remove("NO_COLOR");
    command
}

fn narrow(name: &str, lines: &[String]) {
    for line in lines.iter().filter(|line| !SENTENCES.iter().any(|said| line.starts_with(said))) {
        assert!(line.width() <= WIDTH, "{name}: {}칸: {line}", line.width());
    }
}

/// 파일로 보낸 출력. 제어 문자는 줄 바꿈뿐입니다.
fn piped(name: &str, command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let control = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{name}: {text}");
    text.lines().map(str::to_owned).collect()
}

/// 끝난 터미널의 화면. 커서가 보이고 설정이 그대로이고, 막대는 지워졌습니다.
fn tidy(name: &str, left: &Left) {
    assert!(left.modes_kept && !left.screen.hide_cursor(), "{name}: 커서나 터미널의 설정");
    assert!(!left.screen.alternate_screen(), "{name}");
    let bars: Vec<_> =
        left.lines().into_iter().filter(|line| line.contains(['█', '░', '⠋', '⠙'])).collect();
    assert!(bars.is_empty(), "{name}: 지워지지 않은 막대: {bars:?}");
}

/// 색과 굵기를 정하는 제어 문자.
fn coloured(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.split("\x1b[").skip(1).any(|rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
    })
}

fn each(
    items: impl IntoIterator<Item = (&'static str, Vec<&'static str>)>,
    check: fn(&str, &[&str]),
) {
    thread::scope(|scope| {
        for (name, args) in items {
            scope.spawn(move || check(name, &args));
        }
    });
}

/// 모든 프로그램과, 그 타임라인.
fn everything() -> Vec<(&'static str, Vec<&'static str>)> {
    let programs = PROGRAMS.map(|(name, args)| (name, args.to_vec()));
    programs.into_iter().chain(DRAWN.map(|name| ("timeline", vec![name]))).collect()
}

#[test]
fn output_fits_a_small_terminal_and_leaves_it_tidy() {
    folder();
    each(everything(), |name, args| {
        let name_args = format!("{name} {args:?}");
        let left = Terminal::start(&program(name, args)).unwrap().finish().unwrap();
        assert!(left.status.success(), "{name_args}: {:?}", left.lines());
        tidy(&name_args, &left);
        narrow(&name_args, &left.lines());
        let lines = piped(&name_args, &mut program(name, args));
        narrow(&name_args, &lines);
        // 막대를 그리는 프로그램의 줄도 덜 지워지거나 겹쳐 쓰이지 않습니다.
        if name == "factorial" {
            let shown = left.lines();
            for start in ["혼자서: ", "프로세스 5개로: ", "두 결과는 같습니다", "--- 팩토리얼"]
            {
                let count =
                    |lines: &[String]| lines.iter().filter(|l| l.starts_with(start)).count();
                assert_eq!(count(&shown), count(&lines), "{start}:\n{}", shown.join("\n"));
            }
        }
    });
}

#[test]
fn colour_stays_off_when_asked() {
    folder();
    let plain = |command: &mut Command| {
        let left = Terminal::start(command).unwrap().finish().unwrap();
        (coloured(&left.bytes), left)
    };
    // 굵게 쓰는 줄이 있는 프로그램.
    let (bold, _) = plain(&mut program("break", &["process"]));
    assert!(bold, "터미널에서는 굵은 글자가 있어야 합니다");
    for (name, args) in [("break", &["process"][..]), ("factorial", &["--numbers", "2000"])] {
        let (bold, left) = plain(program(name, args).env("NO_COLOR", "1"));
        assert!(!bold, "{name}: {:?}", String::from_utf8_lossy(&left.bytes));
    }
    let quick = ["--quick", "--rounds", "1", "lock"];
    assert!(plain(&mut program("compare", &quick)).0);
    let (dim, left) = plain(program("compare", &quick).env("NO_COLOR", "1"));
    assert!(!dim, "{}", left.lines().join("\n"));
    narrow("compare", &left.lines());
    narrow("compare", &piped("compare", &mut program("compare", &quick)));
}

/// 도움말과 거절하는 말은, 소스의 줄이 길어도 80칸에 들어갑니다.
#[test]
fn help_fits_a_small_terminal() {
    folder();
    let others = ["break", "compare", "timeline", "torture", "tour", "two-cooks-threads"];
    for name in PROGRAMS.iter().map(|(name, _)| *name).chain(others) {
        let package = if Path::new(ROOT).join("crates").join(name).exists() {
            (name, format!("{ROOT}/crates/{name}"))
        } else {
            ("examples-ko", format!("{ROOT}/examples-ko"))
        };
        for argument in ["--help", "--그런-옵션은-없습니다"] {
            let mut command = program(name, &[argument]);
            command.env("CARGO_PKG_NAME", package.0).env("CARGO_MANIFEST_DIR", &package.1);
            let lines = piped(name, &mut command);
            assert!(lines.len() > 2, "{name} {argument}: {lines:?}");
            narrow(name, &lines);
        }
    }
}

/// 그리는 도중에 Ctrl-C를 눌러도 커서와 설정이 그대로이고, 그 터미널에서 실행 중인 것이 남지 않습니다.
#[test]
fn interrupting_leaves_the_terminal_as_it_was() {
    let folder = folder();
    // 빌드가 끝나지 않는 cargo. 둘러보기는 막대를 그리며 기다립니다.
    let fake = TempDir::new().unwrap();
    let cargo = fake.path().join("cargo");
    fs::write(&cargo, "#!/bin/sh\necho '{\"executable\":\"x\"}'\nexec sleep 1000\n").unwrap();
    fs::set_permissions(&cargo, Permissions::from_mode(0o755)).unwrap();
    let mut tour = Command::new(folder.join("tour"));
    tour.env("CARGO", &cargo);

    let mut cases = vec![
        ("tour", tour, "1/21"),
        ("tour(예제)", program("tour", &[]), "스레드와 프로세스 예제 시작"),
        ("factorial", program("factorial", &[]), "/12000"),
        ("progress", program("progress", &[]), "진행  1/12"),
        ("semaphore", program("semaphore", &[]), "작업 시작!"),
        ("timeline", program("timeline", &["semaphore"]), "작업 시작!"),
    ];
    if Command::new("python3").arg("--version").output().is_ok_and(|v| v.status.success()) {
        cases.push(("break", program("break", &["lock"]), "쥔 쪽은 끝났고"));
    }
    thread::scope(|scope| {
        for (name, command, moment) in cases {
            scope.spawn(move || {
                let mut terminal = Terminal::start(&command).unwrap();
                terminal.wait_for(moment).unwrap();
                terminal.interrupt().unwrap();
                let left = terminal.finish().unwrap_or_else(|error| panic!("{name}: {error}"));
                let shown = left.lines().join("\n");
                assert!(left.modes_kept && !left.screen.hide_cursor(), "{name}: {shown}");
                assert!(!left.status.success(), "{name}: {shown}");
            });
        }
    });
}
