use pool::*;
use std::time::*;
fn sq(n: u64) -> u64 {
    n * n
}
fn main() -> anyhow::Result<()> {
    ipc_core::init();
    let n: u64 = std::env::args().nth(1).map_or(1_000_000, |s| s.parse().unwrap());
    let pool = Pool::new(2)?;
    pool.map(sq, 0..10)?;
    for _ in 0..3 {
        let t = Instant::now();
        let r = pool.map(sq, 0..n)?;
        let e = t.elapsed();
        assert_eq!(r.len(), n as usize);
        println!("{:.1} ns/item", e.as_nanos() as f64 / n as f64);
    }
    Ok(())
}
