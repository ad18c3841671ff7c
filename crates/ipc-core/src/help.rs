//! 명령행 인수가 없는 예제 프로그램의 `--help`입니다.

use std::env::args_os;
use std::process::exit;

/// `--help`에는 `about`을 보여 주고 0으로, 그 밖의 인수에는 사용법을 알리고 2로 끝냅니다.
///
/// 인수가 없으면 아무 일도 하지 않습니다. [`crate::init`] 다음 줄에서 부릅니다.
pub fn help(about: &str) {
    let mut args = args_os();
    let program = args.next().unwrap_or_default();
    match args.next() {
        None => {}
        Some(arg) if arg == "--help" || arg == "-h" => {
            println!("{about}\n\n사용법: {}", program.to_string_lossy());
            exit(0);
        }
        Some(arg) => {
            eprintln!(
                "모르는 인수입니다: {}\n이 예제는 인수를 받지 않습니다. --help를 보십시오.",
                arg.to_string_lossy()
            );
            exit(2);
        }
    }
}
