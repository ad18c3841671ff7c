//! [`Row`]: 비교 항목 하나. 이름과 목표, 그리고 같은 일을 하는 참가자들입니다.

use anyhow::Result;

/// 비교 항목 하나입니다. 참가자의 시간은 모두 항목 하나(반복 한 번)의 나노초입니다.
pub struct Row {
    /// 명령행과 JSON에서 쓰는 이름.
    pub name: &'static str,
    /// 표에서 쓰는 이름.
    pub title: &'static str,
    /// 우리가 파이썬보다 적어도 이만큼 빨라야 합니다(배).
    pub target_python: f64,
    /// 판정에 쓰는 상대와, 그 시간의 몇 배까지 써도 되는지.
    pub rival: Option<(Role, f64)>,
    pub contestants: Vec<Contestant>,
}

/// 참가자의 역할. 항목마다 역할 하나에 참가자는 많아야 하나입니다.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// 우리 크레이트.
    Ours,
    /// 스레드로 같은 일을 하는 것.
    Twin,
    /// 커널의 기본 요소를 그대로 쓰는 것.
    Raw,
    /// 같은 일을 하는 또 다른 것(예: ipc-channel).
    Peer,
    /// CPython의 multiprocessing.
    Python,
}

/// 같은 일을 하는 참가자.
pub struct Contestant {
    pub role: Role,
    pub name: &'static str,
    /// 한 라운드를 실행해 결과를 확인하고, 항목 하나의 나노초를 반환합니다.
    pub run: fn(Size) -> Result<f64>,
}

/// 한 라운드의 양.
#[derive(Clone, Copy)]
pub struct Size {
    pub quick: bool,
}

impl Size {
    /// `--quick`이면 열 배 적게.
    pub fn of(self, full: u32) -> u32 {
        if self.quick { (full / 10).max(1) } else { full }
    }
}

impl Row {
    pub fn new(name: &'static str, title: &'static str) -> Row {
        Row { name, title, target_python: 0.0, rival: None, contestants: Vec::new() }
    }

    /// 목표: 파이썬보다 `times`배 빠르게.
    pub fn faster_than_python(mut self, times: f64) -> Row {
        self.target_python = times;
        self
    }

    /// 목표: `rival`이 쓰는 시간의 `times`배 안에.
    pub fn within(mut self, times: f64, rival: Role) -> Row {
        self.rival = Some((rival, times));
        self
    }

    pub fn ours(self, run: fn(Size) -> Result<f64>) -> Row {
        self.contestant(Role::Ours, "우리", run)
    }

    pub fn twin(self, name: &'static str, run: fn(Size) -> Result<f64>) -> Row {
        self.contestant(Role::Twin, name, run)
    }

    pub fn raw(self, name: &'static str, run: fn(Size) -> Result<f64>) -> Row {
        self.contestant(Role::Raw, name, run)
    }

    pub fn peer(self, name: &'static str, run: fn(Size) -> Result<f64>) -> Row {
        self.contestant(Role::Peer, name, run)
    }

    /// 판정에 쓰는 상대의 이름.
    pub fn rival_name(&self) -> Option<&'static str> {
        let (rival, _) = self.rival?;
        self.contestants.iter().find(|other| other.role == rival).map(|other| other.name)
    }

    fn contestant(mut self, role: Role, name: &'static str, run: fn(Size) -> Result<f64>) -> Row {
        self.contestants.push(Contestant { role, name, run });
        self
    }
}
