//! 파이썬 쌍둥이(twin.py): 수업의 줄을 출력하고, 파이프의 것만 끝나지 않습니다. `just py`는 그것을 알려 줍니다.
//!
//! `python3`가 없으면 파이썬을 실행하는 테스트는 아무것도 확인하지 않고 지나갑니다.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use tests::hang::{Outcome, watch};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn has_python() -> bool {
    let version = Command::new("python3").arg("--version").output();
    version.is_ok_and(|version| version.status.success())
}

/// `Process ID: N - 말`은 프로세스마다 모은 말로, 나머지는 부모의 줄로. 소수와, 누가 꺼냈는지는 지웁니다.
fn shape(output: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let (mut parent, mut children) = (Vec::new(), BTreeMap::<&str, Vec<String>>::new());
    let mut consumed = Vec::new();
    for line in output.lines() {
        match line.strip_prefix("Process ID: ").and_then(|rest| rest.split_once(" - ")) {
            Some((_, said)) if said.ends_with(" 소비") => {
                consumed.push(said.split(" - ").last().unwrap_or_default().to_owned());
            }
            Some((pid, said)) => children.entry(pid).or_default().push(said.to_owned()),
            None if line.starts_with("총 실행 시간: ") => {
                parent.push("총 실행 시간: ".to_owned())
            }
            None => parent.push(line.to_owned()),
        }
    }
    consumed.sort();
    let mut children: Vec<_> = children.into_values().chain([consumed]).collect();
    children.sort();
    (parent, children)
}

/// 우리 프로그램의 출력. 수업의 줄과 같은지는 예제마다의 테스트가 확인합니다.
fn rust(name: &str) -> Result<String> {
    let program = tests::lesson::build_all()?.join(name);
    Ok(String::from_utf8(Command::new(program).output()?.stdout)?)
}

/// 저장소의 최상위 폴더에서 `scripts/py`를 실행합니다. `just py`가 하는 일과 같습니다.
fn py(args: &[&str], environment: &[(&str, &str)]) -> Result<(Option<i32>, String, String)> {
    let Output { status, stdout, stderr } = Command::new("/bin/sh")
        .args(["scripts/py"])
        .args(args)
        .envs(environment.iter().copied())
        .current_dir(ROOT)
        .output()?;
    Ok((status.code(), String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

#[test]
fn every_twin_prints_the_lines_of_the_lesson() -> Result {
    if !has_python() {
        return Ok(());
    }
    let names = ["pool", "process", "queue", "lock", "semaphore"];
    thread::scope(|scope| {
        let runs = names.map(|name| {
            scope.spawn(move || -> Result {
                let (code, printed, errors) = py(&[name], &[("LIMIT", "300")])?;
                assert_eq!((code, errors.as_str()), (Some(0), ""), "{name}\n{printed}");
                assert_eq!(shape(&printed), shape(&rust(name)?), "{name}");
                Ok(())
            })
        });
        runs.into_iter().try_for_each(|run| run.join().expect("검사가 패닉했습니다"))
    })
}

/// 메시지를 다 받은 뒤로는 아무 일도 일어나지 않습니다. 양방향 부분은 따로 호출하면 끝납니다.
#[test]
fn pipe_twin_waits_forever_after_the_last_message() -> Result {
    if !has_python() {
        return Ok(());
    }
    let mut twin = Command::new("python3");
    twin.arg("crates/pipe/twin.py").env_remove("PYTHONUNBUFFERED").current_dir(ROOT);
    // 수신자가 메시지마다 쉬는 0.7초보다 깁니다.
    let Outcome { printed, hung, .. } = watch(&mut twin, Duration::from_secs(3))?;
    assert!(hung, "끝나지 않아야 합니다: {printed}");

    let ours = rust("pipe")?;
    let (one_way, two_way) = ours.split_once("\n\n").ok_or("양방향이 없습니다")?;
    let one_way = one_way.lines().filter(|line| !line.ends_with("Receiver 완료"));
    let one_way: String = one_way.map(|line| format!("{line}\n")).collect();
    assert_eq!(shape(&printed), shape(&one_way));

    let call = "import twin\nif __name__ == '__main__': twin.two_way()";
    let called = Command::new("python3")
        .args(["-B", "-c", call])
        .env_remove("PYTHONUNBUFFERED")
        .current_dir(Path::new(ROOT).join("crates/pipe"))
        .output()?;
    let printed = String::from_utf8(called.stdout)?;
    assert_eq!(shape(&printed).1, shape(two_way).1);
    Ok(())
}

/// 나머지 작은 프로그램 가운데 장이 출력을 싣지 않는 것들입니다.
#[test]
fn small_programs_end_with_their_last_line() -> Result {
    if !has_python() {
        return Ok(());
    }
    let ending = |args: &[&str], parts: &[&str]| -> Result {
        let (code, printed, errors) = py(args, &[("LIMIT", "300")])?;
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{args:?}\n{printed}");
        for part in parts {
            assert!(printed.contains(part), "{args:?}: {part}\n{printed}");
        }
        Ok(())
    };
    let counted = "소수 33860개"; // 400,000 아래의 소수
    let bits = "두 결과는 같습니다. 모두 1272771비트"; // 0!부터 599!까지
    let programs: [(&[&str], [&str; 2]); 3] = [
        (&["threads-vs-processes"], [counted, "프로세스  main이 보는 값은 0\n"]),
        (&["factorial", "600"], [bits, "--- 팩토리얼 예제 종료 ---\n"]),
        (&["heartbeat", "0.4"], ["아직 계산하고 있습니다", "--- 맥박 예제 종료 ---\n"]),
    ];
    thread::scope(|scope| {
        let runs = programs.map(|(args, parts)| scope.spawn(move || ending(args, &parts)));
        runs.into_iter().try_for_each(|run| run.join().expect("검사가 패닉했습니다"))
    })
}

#[test]
fn py_tells_why_it_stopped() -> Result {
    let (code, printed, errors) = py(&["없는-예제"], &[])?;
    assert_eq!((code, printed.as_str()), (Some(2), ""));
    for name in ["pool", "process", "queue", "pipe", "lock", "semaphore", "hang", "factorial"] {
        assert!(errors.contains(&format!(" {name}")), "{errors}");
    }
    assert_eq!(py(&[], &[])?.0, Some(2));

    let (code, _, errors) = py(&["lock"], &[("PATH", "/없는 폴더")])?;
    assert_eq!(code, Some(127));
    assert!(errors.contains("sudo apt install python3"), "{errors}");

    if has_python() {
        let (code, _, errors) = py(&["pipe"], &[("LIMIT", "1")])?;
        assert_eq!(code, Some(124), "{errors}");
        assert!(errors.contains("제한 시간 1초가 지나도 끝나지 않아"), "{errors}");
    }
    Ok(())
}
