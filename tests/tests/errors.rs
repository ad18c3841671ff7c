//! "막혔을 때"(examples-ko/troubleshooting.md): 표의 각 줄이 말하는 상황을 실제로 재현해, 표에 적힌 메시지가 나오고 해결 방법을 알려 주는지 봅니다.
//!
//! 실행: `cargo test -p tests --test errors`

#[path = "errors/building.rs"]
mod building;
#[path = "errors/dying.rs"]
mod dying;
#[path = "errors/limits.rs"]
mod limits;
#[path = "errors/starting.rs"]
mod starting;
#[path = "errors/using.rs"]
mod using;

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

const PAGE: &str = include_str!("../../examples-ko/troubleshooting.md");

/// 표에 적힌 메시지, 그 메시지가 스스로 알려 주는 해결 방법의 일부, 상황을 재현해 나온 메시지들을 모으는 함수.
type Row = (&'static str, &'static str, fn() -> Result<Vec<String>>);

/// 우리가 만든 메시지가 아니거나, 뒤에 다른 에러가 이어지는 것입니다. 해결 방법은 표만 알려 줍니다.
const NO_ADVICE: &str = "";

const ROWS: &[Row] = &[
    ("linker `cc` not found", NO_ADVICE, building::without_linker),
    ("requires rustc 1.86", NO_ADVICE, building::with_old_rust),
    ("이 프로젝트는 리눅스(x86-64, aarch64)에서 동작합니다", "WSL2", building::for_other_systems),
    ("바깥 변수를 캡처한 클로저나 함수 포인터는", "인수로 건네십시오", building::capturing_closure),
    ("이 인수로 다른 프로세스에서 호출할 수 없습니다", "여섯 개까지", building::unfit_function),
    ("빌린_값은_보낼_수_없습니다", "소유한_값을_쓰십시오", building::string_slice),
    ("값은 다른 프로세스로 보낼 수 없습니다", "derive", building::unsendable_value),
    ("값은 큐에 넣을 수 없습니다", "파이프로 보내십시오", building::unfit_for_queue),
    ("값은 락 안에 둘 수 없습니다", "큐나 파이프로", building::unfit_for_lock),
    ("ipc_core::init()을 먼저 호출해야 합니다", "첫 줄에", starting::without_init),
    ("init()에 이르기 전에 끝났습니다", "main의 첫 줄로", starting::ended_before_init),
    ("거듭 일을 받기 전에 끝났습니다", NO_ADVICE, starting::workers_ended_before_init),
    ("같은 줄이 프로세스마다 출력됩니다", NO_ADVICE, starting::line_before_init),
    ("조인하지 않고 버려서 강제로 끝냈습니다", "join()을", starting::not_joined),
    ("작업이 실패했습니다", NO_ADVICE, using::task_fails),
    ("값을 반환하지 않고 끝났습니다", "exit을 호출하지 않았는지", dying::task_exits),
    ("시그널로 죽었습니다", "dmesg", dying::process_killed),
    ("어떻게 끝났는지 알 수 없습니다", "waitpid", dying::reaped_by_others),
    ("작업자가 죽었습니다", "retries", dying::worker_killed),
    ("initializer를 확인하십시오", "initializer를 확인하십시오", dying::initializer_fails),
    ("결과가 나오기 전에 풀이 끝났습니다", "결과를 받을 때까지", using::pool_dropped),
    ("개에 비해 너무 많습니다", "ulimit -n", limits::workers),
    ("Resource temporarily unavailable", "ulimit -u", limits::processes),
    ("Too many open files", "ulimit -n", limits::descriptors),
    ("값에 든 디스크립터를 옮기지 못했습니다", "ulimit -n", limits::descriptors_in_values),
    ("아직 읽지 않은 디스크립터가 한도", "받는 쪽이 읽게", limits::descriptors_in_flight),
    ("Cannot allocate memory", "남은 메모리", limits::memory),
    ("파일 크기의 한도", "ulimit -f", limits::file_size),
    ("Permission denied", "다시 빌드해", starting::permission_taken_away),
    ("상대 쪽이 닫혔습니다", "join으로 확인하십시오", dying::peer_gone),
    ("그대로 보낼 수 없습니다", "Json(값)으로 감싸", using::varying_shape),
    ("값으로 읽지 못했습니다", "Deserialize 구현을 확인", using::field_not_sent),
    ("디스크립터가 든 값은 Process의 인수나 파이프로만", NO_ADVICE, using::hidden_descriptor),
    ("recover()로 넘겨받아", "repair()로", dying::owner_killed),
    ("이 스레드가 이미 쥐고 있습니다", "먼저 drop하십시오", using::lock_held_twice),
    ("락 안의 값이 망가졌습니다", "새로 만드십시오", using::lock_corrupted),
    ("큐에 들어갈 수 없습니다", "Queue::with_capacity", using::item_too_large),
    ("큐를 쓰는 자식의 join이 끝나지 않습니다", NO_ADVICE, using::joined_before_drained),
    ("아무도 마치지 못합니다", "join이 반환한 에러", using::task_not_done),
    ("큐의 공유 메모리가 망가졌습니다", "새로 만드십시오", using::queue_corrupted),
    ("제한 시간", "더 기다리", using::time_passes),
    ("호출을 쓸 수 없습니다", "리눅스 5.4 이상에서", limits::calls),
];

fn main() -> ! {
    ipc_core::init();
    // 표에만 있는 줄도, 여기에만 있는 줄도 테스트가 되어 실패합니다.
    let rows: BTreeSet<&str> = in_table().chain(ROWS.iter().map(|row| row.0)).collect();
    tests::harness::run_in_turn(rows.into_iter().map(|seen| (seen, move || happens(seen))))
}

/// 표에 적힌 메시지들.
fn in_table() -> impl Iterator<Item = &'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.filter_map(|row| row.split(" | ").next()).map(|cell| cell.trim_matches(['|', ' ', '`']))
}

fn happens(seen: &str) -> Result<()> {
    ensure!(in_table().any(|row| row == seen), "표에 없습니다");
    let row = ROWS.iter().find(|row| row.0 == seen);
    let (_, advice, cause) = row.context("이 상황을 재현하는 테스트가 없습니다")?;
    let texts = cause()?;
    ensure!(!texts.is_empty(), "아무것도 재현하지 않았습니다");
    for text in texts {
        ensure!(text.contains(seen), "다른 메시지가 나왔습니다: {text}");
        ensure!(text.contains(advice), "해결 방법({advice})을 알려 주지 않습니다: {text}");
    }
    Ok(())
}

/// 실패해야 하는 일의 에러 메시지. `source()`까지 따라가며 출력해도(`{:#}`) 같은 말을 두 번 하지 않습니다.
fn said<T, E: Into<anyhow::Error>>(outcome: Result<T, E>) -> Result<String> {
    let Err(error) = outcome else { bail!("에러가 나야 하는데 성공했습니다") };
    let error = error.into();
    let whole = format!("{error:#}");
    ensure!(whole == error.to_string(), "같은 말을 두 번 합니다: {whole}");
    Ok(whole)
}

/// 실패해야 하는 명령이 표준 에러에 출력한 것.
fn complained(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(!output.status.success(), "실패해야 하는데 성공했습니다: {command:?}");
    Ok(String::from_utf8(output.stderr)?)
}
