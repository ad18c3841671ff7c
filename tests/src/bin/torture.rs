//! 스트레스 테스트: 예제의 기본 요소를 오래 괴롭힙니다.
//!
//! 실행: `cargo run --release -p tests --bin torture` 또는 `just torture [사례 …] [--seed N]`
//! 약속을 어기는 상대가 테스트에 걸리는지 보려면: `just torture --controls`

use std::process::ExitCode;

use tests::torture::{Case, cases, run, run_control};

const HELP: &str = "\
스트레스 테스트: 죽이고 막고 넘치게 하기를 되풀이해, 멈추거나 잃거나 남는 것이
없는지 봅니다.

사용법: torture [사례 번호나 이름 …] [--seed N] [--short] [--controls] [--list]
  --seed N     같은 차례를 되풀이합니다
  --short      cargo test와 같은 짧은 횟수만 되풀이합니다
  --controls   약속을 어기는 상대들이 테스트에 걸리는지 봅니다
  --list       사례의 목록";

struct Arguments {
    wanted: Vec<String>,
    seed: u64,
    short: bool,
    controls: bool,
    list: bool,
}

fn main() -> ExitCode {
    ipc_core::init();
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let _temporary = match tests::harness::prepare() {
        Ok(temporary) => temporary,
        Err(error) => {
            eprintln!("시작하지 못했습니다: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let chosen: Vec<Case> = cases()
        .into_iter()
        .filter(|case| {
            arguments.wanted.is_empty() || arguments.wanted.iter().any(|w| names(case, w))
        })
        .collect();
    if chosen.is_empty() {
        eprintln!("그런 사례가 없습니다. --list를 보십시오");
        return ExitCode::from(2);
    }
    if arguments.list {
        list(&chosen);
        return ExitCode::SUCCESS;
    }
    // 멈춘 차례는 테스트 전체를 끝내므로, 시드는 시작하기 전에 적습니다.
    println!("시드 {}", arguments.seed);
    let failed = if arguments.controls {
        controls(&chosen, arguments.seed)
    } else {
        torture(&chosen, &arguments)
    };
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let seed = fastrand::u64(..);
    let mut parsed = Arguments { wanted: vec![], seed, short: false, controls: false, list: false };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--short" => parsed.short = true,
            "--controls" => parsed.controls = true,
            "--list" => parsed.list = true,
            "--seed" => {
                let number = words.next().and_then(|word| word.parse().ok());
                parsed.seed = number.ok_or("--seed 다음에는 부호 없는 정수를 적으십시오")?;
            }
            flag if flag.starts_with('-') => return Err(format!("모르는 인수입니다: {flag}")),
            _ => parsed.wanted.push(word),
        }
    }
    Ok(Some(parsed))
}

fn names(case: &Case, wanted: &str) -> bool {
    case.name == wanted || case.number.to_string() == wanted
}

fn list(cases: &[Case]) {
    for case in cases {
        println!(
            "{:>2} {}: {} (짧게 {}번, 길게 {}번)",
            case.number, case.name, case.promise, case.short, case.long
        );
    }
}

fn torture(cases: &[Case], arguments: &Arguments) -> usize {
    let mut failed = 0;
    for case in cases {
        let report = run(case, !arguments.short, arguments.seed);
        println!(
            "{:>2} {}: {}번, 죽임 {}번, 실패 {}번, 시드 {}, {:.1}초",
            case.number,
            case.name,
            report.rounds,
            report.landed,
            report.failures.len(),
            arguments.seed,
            report.took.as_secs_f64()
        );
        for (round, why) in &report.failures {
            println!("   {round}번째 차례: {why}");
        }
        failed += report.failures.len();
    }
    failed
}

fn controls(cases: &[Case], seed: u64) -> usize {
    let mut failed = 0;
    for case in cases {
        let Some(control) = &case.control else { continue };
        match run_control(case, control, seed) {
            Ok(why) => {
                println!("{:>2} {}: {} — 걸렸습니다: {why}", case.number, case.name, control.name)
            }
            Err(error) => {
                println!("{:>2} {}: {error:#}", case.number, case.name);
                failed += 1;
            }
        }
    }
    failed
}
