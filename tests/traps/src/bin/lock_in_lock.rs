//! 기대: 락 안에 둘 수 없습니다
//! 줄: Lock::new(Mutex::new())
//! 줄: Lock::new([Mutex::new(), Mutex::new()])
//!
//! 락 안에는 데이터만 둡니다. 뮤텍스를 값으로 옮겨 넣으면 기다리는 프로세스도 쥔 프로세스도 없는 새 뮤텍스가 되어
//! 아무것도 지키지 못합니다. 락이 둘 필요하면 `Lock`을 둘 만듭니다.

use ipc_core::build::Mutex;
use lock::Lock;

fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let one = Lock::new(Mutex::new())?;
    let two = Lock::new([Mutex::new(), Mutex::new()])?;
    println!("{} {}", one.acquire().is_ok(), two.acquire().is_ok());
    Ok(())
}
