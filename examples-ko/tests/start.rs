//! `cargo test`가 처음에 실행하는 것: 얼마나 걸리는지 알립니다. 확인하는 것은 없습니다.
//!
//! cargo는 패키지를 이름의 차례로 테스트하므로 이 패키지가 첫째입니다(structure.rs가 확인합니다).

fn main() {
    if std::env::args().any(|arg| arg == "--list") {
        return; // 편집기가 테스트의 목록을 물었습니다.
    }
    eprintln!(
        "모든 테스트를 실행합니다. 코어가 둘인 한가한 컴퓨터에서 3분쯤 걸립니다(time cargo test로 잰 것).\n\
         하나만 실행하려면 이름을 적으십시오: cargo test -p tests --test lock"
    );
}
