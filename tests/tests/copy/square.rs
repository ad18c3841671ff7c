// ANCHOR: library
use ipc_core::Process;

/// 스크립트가 맨 먼저 호출합니다. 자식은 같은 스크립트를 실행하다가, 여기서 맡은 작업을 하고 끝납니다.
#[unsafe(no_mangle)]
pub extern "C" fn start() {
    ipc_core::init();
}

#[unsafe(no_mangle)]
pub extern "C" fn square(n: i32) -> i32 {
    match Process::spawn(|n: i32| n * n, n).and_then(Process::join) {
        Ok(square) => square,
        Err(error) => {
            eprintln!("{error}");
            -1
        }
    }
}
// ANCHOR_END: library
