//! [`test_support!`](crate::test_support!): 표준 테스트(`#[test]`)에서 프로세스를 시작합니다.
//!
//! 자식은 같은 실행 파일을 다시 실행한 것이고, 테스트의 실행 파일은 `main`이 테스트 실행기의 것이라 `init()`을 적을 곳이 없습니다.
//! 그래서 `main`보다 먼저 호출되는 함수들의 목록(`.init_array`)에 `init()`을 올립니다. 자식은 거기서 작업을 실행하고 끝나므로 테스트
//! 실행기에는 이르지 않습니다.
//!
//! 그때는 표준 라이브러리가 아직 준비하기 전입니다. 명령행 인수, 환경 변수, 출력, 패닉, 스레드는 그대로 됩니다. 표준 라이브러리가
//! `main` 앞에서 하는 일 가운데 `SIGPIPE`를 무시하는 것은 여기서 대신 합니다. 남는 차이는 둘입니다. 패닉 메시지에 스레드의 이름이
//! `main`으로 나오지 않고, 스택이 넘친 자식은 안내 한 줄 없이 `SIGSEGV`로 죽습니다.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::child::{MARK, init};

/// 이 파일의 `#[test]`들이 [`Process`](crate::Process)를 시작할 수 있게 합니다. 테스트 파일마다 한 번, 모듈의 맨 바깥에 적습니다.
///
/// `tests/`의 파일이나, `#[cfg(test)]` 모듈 안에 적습니다. 테스트가 아닌 빌드에는 아무것도 더하지 않습니다. `main`을 직접 적는
/// 테스트(`harness = false`)와 벤치마크, 문서 테스트에서는 이것 대신 `main`의 첫 줄에서 [`init`](crate::init)을 호출합니다.
///
/// ```no_run
/// // tests/squares.rs
/// ipc_core::test_support!();
///
/// #[test]
/// fn a_child_computes() {
///     let process = ipc_core::Process::spawn(|n: u32| n * n, 7).unwrap();
///     assert_eq!(process.join().unwrap(), 49);
/// }
/// ```
///
/// 자식의 출력은 테스트 실행기가 모으지 못하고 화면으로 바로 나갑니다.
#[macro_export]
macro_rules! test_support {
    () => {
        #[cfg(test)]
        const _: () = {
            // SAFETY: `.init_array`는 동적 링커가 `main` 앞에서 한 번씩 호출하는 C 함수들의 주소입니다. 이 값은 그런 함수의 주소이며,
            // 그 함수는 인수를 읽지 않으므로 어떤 인수로 호출되어도 됩니다.
            #[used]
            #[unsafe(link_section = ".init_array")]
            static START: extern "C" fn() = $crate::testing::start;
        };
    };
}

/// 자식이면 작업을 실행하고 끝냅니다. 부모이면 [`init`]이 하는 일만 합니다.
pub extern "C" fn start() {
    if std::env::var_os(MARK).is_some() {
        let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        // SAFETY: 처리기를 설치하지 않고 시그널을 무시하게만 합니다.
        let _ = unsafe { sigaction(Signal::SIGPIPE, &ignore) };
    }
    init();
}
