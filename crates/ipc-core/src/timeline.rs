//! 기록: 누가 언제 기다렸고 언제 쥐고 있었는지 파일에 적습니다. `just timeline`이 이것으로 그림을 그립니다.
//!
//! 환경 변수 [`VARIABLE`]에 파일의 이름이 있을 때만 적습니다. 없으면 자리마다 [`ON`]을 한 번 보고 지나갑니다. 구간 하나가 한 줄(JSON)
//! 이고, 여러 프로세스가 같은 파일에 덧붙입니다. 시계는 모든 프로세스에 같은 단조 시계입니다.
//!
//! 구간은 획득한 *뒤에* 시작해 해제하기 *전에* 끝납니다. 그러지 않으면 락을 둘이 함께 쥔 것처럼 보이는 순간이 생깁니다. 쥔 채 죽는
//! 프로세스는 끝을 적지 못하므로, 쥐거나 실행하는 구간은 시작할 때도 한 줄을 적습니다(`end`가 `null`). 그것이 언제 끝났는지는 부모가
//! 자식을 회수할 때 적는 줄([`What::End`])로 압니다.

use std::env::var_os;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{exit, id};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::thread::gettid;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// 기록할 파일의 이름이 든 환경 변수.
const VARIABLE: &str = "IPC_TIMELINE";
/// 이보다 짧은 기다림(나노초)은 적지 않습니다. 잠들지 않고 바로 얻은 것입니다.
const SHORTEST_WAIT: u64 = 10_000;

/// 기록하는지. [`start`]만 바꿉니다.
static ON: AtomicBool = AtomicBool::new(false);
static FILE: OnceLock<File> = OnceLock::new();
/// 이 프로세스가 맡은 함수의 이름. 자식이 아니면 비어 있습니다.
static TASK: OnceLock<String> = OnceLock::new();

/// 기록 한 줄.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Span {
    pub pid: u32,
    pub thread: u32,
    /// 맡은 함수의 이름. 부모는 `main`입니다.
    pub task: String,
    pub kind: SpanKind,
    pub what: What,
    /// 같은 것을 쓰는 프로세스들에서 같은 번호.
    pub object: u64,
    /// 함께 쥘 수 있는 수. 정해지지 않았으면 0입니다.
    pub places: u32,
    /// 단조 시계의 나노초.
    pub start: u64,
    /// 시작할 때 적은 줄에는 없습니다.
    pub end: Option<u64>,
}

/// 무엇을 기다리거나 쥐었는지.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    Process,
    Pool,
    Queue,
    Pipe,
    Lock,
    Semaphore,
}

/// 그 구간에 한 일.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    Wait,
    Hold,
    Run,
    /// 프로세스가 끝난 것을 부모가 알았습니다.
    End,
}

/// 아직 끝나지 않은 구간. 사라질 때 적습니다. 기록하지 않으면 비어 있습니다.
#[derive(Debug, Default)]
#[must_use = "바로 버리면 구간이 그 자리에서 끝납니다. 변수에 담아 두십시오"]
pub struct Open(Option<Box<Span>>);

/// 구간을 시작합니다.
#[inline]
pub fn begin(what: What, kind: SpanKind, places: u32, object: impl FnOnce() -> u64) -> Open {
    Open(ON.load(Relaxed).then(|| Span::now(what, kind, places, object())))
}

/// `wait`를 호출합니다. 오래 걸렸으면 기다린 구간으로 적습니다.
#[inline]
pub fn waiting<R>(kind: SpanKind, object: impl FnOnce() -> u64, wait: impl FnOnce() -> R) -> R {
    let _open = begin(What::Wait, kind, 0, object);
    wait()
}

impl Drop for Open {
    #[inline]
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            span.finish();
        }
    }
}

impl Span {
    #[cold]
    fn now(what: What, kind: SpanKind, places: u32, object: u64) -> Box<Span> {
        let task = TASK.get().map_or("main", |task| task).to_owned();
        let thread = gettid().as_raw_pid() as u32;
        let start = nanoseconds();
        let span = Box::new(Span {
            pid: id(),
            thread,
            task,
            kind,
            what,
            object,
            places,
            start,
            end: None,
        });
        // 기다림은 대개 짧아서 적지 않게 되므로, 끝난 다음에 봅니다.
        if what != What::Wait {
            span.write();
        }
        span
    }

    #[cold]
    #[expect(
        clippy::boxed_local,
        reason = "통째로 넘겨, 흔한 길에 정리하는 코드가 들어가지 않습니다"
    )]
    fn finish(mut self: Box<Self>) {
        let end = nanoseconds();
        self.end = Some(end);
        if self.what != What::Wait || end - self.start >= SHORTEST_WAIT {
            self.write();
        }
    }

    fn write(&self) {
        let (Some(mut file), Ok(mut line)) = (FILE.get(), serde_json::to_vec(self)) else {
            return;
        };
        line.push(b'\n');
        // 덧붙이는 쓰기 한 번은 다른 프로세스의 것과 섞이지 않으므로, 나누어 쓸 수도 있는 write_all을 쓰지 않습니다. 적지 못해도 하던
        // 일은 계속합니다.
        let _ = file.write(&line);
    }
}

/// 프로세스 `pid`가 끝난 것을 적습니다. 회수한 쪽이 호출합니다.
pub fn ended(pid: u32) {
    if ON.load(Relaxed) {
        let (now, task) = (nanoseconds(), String::new());
        let (kind, what, object) = (SpanKind::Process, What::End, u64::from(pid));
        let end = Some(now);
        Span { pid, thread: pid, task, kind, what, object, places: 0, start: now, end }.write();
    }
}

/// 이 프로세스의 수명을 시작합니다.
pub(crate) fn live() -> Open {
    begin(What::Run, SpanKind::Process, 0, || u64::from(id()))
}

fn nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// 환경 변수가 있으면 기록을 시작합니다.
pub(crate) fn start() {
    let Some(path) = var_os(VARIABLE).filter(|path| !path.is_empty()) else { return };
    match OpenOptions::new().append(true).create(true).open(&path) {
        Ok(file) => ON.store(FILE.set(file).is_ok(), Relaxed),
        Err(error) => {
            eprintln!(
                "{VARIABLE}의 파일을 열지 못했습니다({}: {error}). 쓸 수 있는 파일의 이름을 주거나 이 변수를 지우십시오",
                Path::new(&path).display()
            );
            exit(2);
        }
    }
}

/// 이 프로세스가 맡은 함수의 이름을 적어 둡니다.
pub(crate) fn set_task(name: &str) {
    let _ = TASK.set(name.to_owned());
}
