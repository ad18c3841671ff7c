//! 비교: 예제의 기본 요소를 스레드, 커널의 기본 요소, 파이썬과 나란히 잽니다.
//!
//! 실행: `cargo run --release -p tests --bin compare` 또는 `just compare [항목 …] [--rounds N] [--json]`
//! 양이 늘 때의 시간과 메모리를 보려면: `just compare --growth`

use std::process::ExitCode;

use tests::compare::{
    BARE, ENOUGH_ROUNDS, Machine, Plan, Row, rows, run, run_growth, run_recording,
};

const HELP: &str = "\
비교: 같은 일을 우리 크레이트, 스레드, 커널의 기본 요소, 파이썬에 차례로 시키고
비율을 봅니다. 다른 일을 하지 않는 컴퓨터에서 실행하십시오. 파이썬은 python3이나
환경 변수 PYTHON의 것입니다.

사용법: compare [옵션 …] [항목 …]
  --rounds N   준비를 빼고 N번 잽니다 (기본 7. 더 적으면 판정하지 않습니다)
  --json       한 줄에 JSON 하나씩 출력합니다
  --quick      양을 줄여 결과만 확인합니다
  --growth     양이 늘어도 시간과 메모리가 그대로인지 봅니다
  --recording  기록(IPC_TIMELINE)을 끈 채로 드는 비용을 봅니다
  --list       항목의 목록";

struct Arguments {
    rows: Vec<Row>,
    plan: Plan,
    growth: bool,
    recording: bool,
    list: bool,
}

fn main() -> ExitCode {
    ipc_core::init();
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match compare(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("비교하지 못했습니다: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.list {
        arguments.rows.iter().for_each(|row| println!("{:<11} {}", row.name, row.title));
        return Ok(());
    }
    let machine = Machine::look()?;
    if arguments.growth {
        return run_growth(&arguments.plan, &machine);
    }
    if arguments.recording {
        return run_recording(&arguments.plan, &machine);
    }
    run(&arguments.rows, &arguments.plan, &machine)
}

/// 이름으로 고른 항목들. 이름이 없으면 모두입니다.
fn choose(wanted: &[String]) -> Result<Vec<Row>, String> {
    let mut rows = rows();
    let unknown = wanted.iter().find(|name| rows.iter().all(|row| row.name != **name));
    if let Some(name) = unknown {
        return Err(format!("{name}: 그런 항목이 없습니다. --list를 보십시오"));
    }
    rows.retain(|row| wanted.is_empty() || wanted.iter().any(|name| name == row.name));
    Ok(rows)
}

/// 더 할 일이 없으면 `None`입니다.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let plan = Plan { rounds: ENOUGH_ROUNDS, quick: false, json: false };
    let mut parsed = Arguments { rows: vec![], plan, growth: false, recording: false, list: false };
    let mut wanted = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            // 다시 실행하기만 하는 참가자입니다. 아무것도 하지 않고 끝납니다.
            BARE => return Ok(None),
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(None);
            }
            "--json" => parsed.plan.json = true,
            "--quick" => parsed.plan.quick = true,
            "--growth" => parsed.growth = true,
            "--recording" => parsed.recording = true,
            "--list" => parsed.list = true,
            "--rounds" => {
                let number = words.next().and_then(|word| word.parse().ok()).filter(|n| *n > 0);
                parsed.plan.rounds =
                    number.ok_or("--rounds 다음에는 1 이상의 정수를 적으십시오")?;
            }
            flag if flag.starts_with('-') => return Err(format!("모르는 인수입니다: {flag}")),
            _ => wanted.push(word),
        }
    }
    parsed.rows = choose(&wanted)?;
    Ok(Some(parsed))
}
