//! 공유 메모리를 쓰는 코드를 *그대로* 가져와 loom 위에서 컴파일되게 합니다.
//!
//! 바꾸는 것은 셋입니다. 이름을 들여오는 곳([`IMPORTS`]: 아토믹, 퓨텍스, pthread, 시계)은 대역(`src/machine.rs`)을 가리키게
//! 하고, 크기([`CHANGES`])는 모형이 다 돌 수 있게 줄이고, 일부러 틀린 줄([`TWISTS`])을 켜고 끌 수 있게 끼워 넣습니다.
//!
//! 코드가 바뀌어 여기에 적힌 것을 찾지 못하면, 모형의 테스트가 그 줄을 알리며 실패합니다.

use std::path::Path;
use std::{env, fs};

/// 가져오는 파일들. 이름이 겹치지 않습니다.
const FILES: &[&str] = &[
    "ipc-core/src/wait.rs",
    "ipc-core/src/mutex.rs",
    "ipc-core/src/plain.rs",
    "ipc-core/src/words.rs",
    "queue/src/queue.rs",
    "queue/src/error.rs",
    "queue/src/joinable.rs",
    "queue/src/ring.rs",
    "pool/src/board.rs",
];

/// 어느 파일에서나 바꾸는 이름들.
const IMPORTS: &[(&str, &str)] = &[
    ("std::sync::atomic", "crate::machine::atomic"),
    ("std::time::{Duration, Instant}", "crate::machine::{Duration, Instant}"),
    ("crate::core::awake::Awake", "crate::machine::Awake"),
    ("rustix::thread::futex", "crate::machine::futex"),
    ("clock_gettime(ClockId::Monotonic)", "crate::machine::clock()"),
    ("libc::", "crate::machine::libc::"),
    ("*OWN_PID", "crate::machine::own_pid()"),
    // loom의 아토믹은 실행마다 새로 만들어야 합니다.
    ("const fn new()", "fn new()"),
];

/// 파일 하나에서 바꾸는 것들: 파일, 코드, 바꾼 것.
const CHANGES: &[(&str, &str, &str)] = &[
    // libc 크레이트에 없어 직접 선언한 함수도 대역을 씁니다.
    (
        "mutex.rs",
        "use crate::clocklock::pthread_mutex_clocklock;",
        "use libc::pthread_mutex_clocklock;",
    ),
    // 줄이는 크기들.
    ("joinable.rs", "MAX_TASKS: usize = 1024;", "MAX_TASKS: usize = 2;"),
    ("board.rs", "POST_MAX: usize = 128 * 1024;", "POST_MAX: usize = 8;"),
    ("board.rs", "DESK_WORDS: usize = 16 * 1024;", "DESK_WORDS: usize = 4;"),
];

/// 한 줄을 틀리게 고친 것. 모형이 하나하나 잡아내야 합니다.
struct Twist {
    name: &'static str,
    file: &'static str,
    /// 코드와, 그것을 바꾼 것. `ON`은 이 비틀기를 켰는지입니다.
    changes: &'static [(&'static str, &'static str)],
}

include!("twists.rs");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=twists.rs");
    let out = env::var("OUT_DIR").unwrap();
    let mut missing = Vec::new();
    let mut used = vec![false; IMPORTS.len()];
    for file in FILES {
        let path = format!("../../crates/{file}");
        println!("cargo::rerun-if-changed={path}");
        let source = fs::read_to_string(&path).unwrap();
        let name = file.rsplit('/').next().unwrap();
        fs::write(Path::new(&out).join(name), rewrite(file, name, source, &mut missing, &mut used))
            .unwrap();
    }
    let unused = IMPORTS.iter().zip(used).filter(|(_, used)| !used);
    missing.extend(unused.map(|((from, _), _)| (*from).to_string()));
    let names: Vec<_> = TWISTS.iter().map(|twist| twist.name).collect();
    let lists = format!(
        "/// 코드에서 찾지 못한 것들. 비어 있어야 합니다.\npub const MISSING: &[&str] = &{missing:?};\n\
         /// 일부러 틀리게 할 수 있는 것들.\npub const TWISTS: &[&str] = &{names:?};\n"
    );
    fs::write(Path::new(&out).join("lists.rs"), lists).unwrap();
}

fn rewrite(
    file: &str,
    name: &str,
    mut source: String,
    missing: &mut Vec<String>,
    used: &mut [bool],
) -> String {
    let mut replace = |source: &mut String, from: &str, to: &str| {
        if source.matches(from).count() == 1 {
            *source = source.replace(from, to);
        } else {
            missing.push(format!("{file}: {from}"));
        }
    };
    for (_, from, to) in CHANGES.iter().filter(|(file, ..)| *file == name) {
        replace(&mut source, from, to);
    }
    for twist in TWISTS.iter().filter(|twist| twist.file == name) {
        let on = format!("crate::machine::twisted({:?})", twist.name);
        for (from, to) in twist.changes {
            replace(&mut source, from, &to.replace("ON", &on));
        }
    }
    let home = file.split('/').next().unwrap().replace('-', "_").replace("ipc_core", "core");
    let source = source.replace("crate::", &format!("crate::{home}::"));
    let source = source.replace(&format!("crate::{home}::machine"), "crate::machine");
    let mut source = source.replace("ipc_core::", "crate::core::");
    for ((from, to), used) in IMPORTS.iter().zip(used) {
        *used |= source.contains(from);
        source = source.replace(from, to);
    }
    // 문서의 예는 빼고 가져옵니다. 원래 크레이트의 이름을 쓰므로, 여기서 문서 테스트로 컴파일하면 실패합니다.
    let mut example = false;
    let lines = source.lines().filter(|line| {
        let fence = line.trim_start().starts_with("/// ```");
        let inside = fence || example;
        example ^= fence;
        !inside && !line.starts_with("//!")
    });
    lines
        .map(|line| match line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            // 큐의 파일들은 서로를 `crate::`로 찾습니다.
            Some(inner) => format!(
                "pub mod {inner} {{ include!(concat!(env!(\"OUT_DIR\"), \"/{inner}.rs\")); }}\n"
            ),
            None => format!("{line}\n"),
        })
        .collect()
}
