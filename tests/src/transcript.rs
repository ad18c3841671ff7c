//! 예제 프로그램이 찍은 줄들을 계약과 견줍니다.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::ensure_eq;

/// 도착한 때를 적어 둔 출력 한 줄.
#[derive(Debug, Clone)]
pub struct Line {
    pub at: Instant,
    pub text: String,
}

/// 작업자 한 줄: `Process ID: {pid} - {text}`.
#[derive(Debug, Clone)]
pub struct Said {
    pub at: Instant,
    pub pid: u32,
    pub text: String,
}

impl Line {
    /// 작업자의 줄이면 PID와 말로 나눕니다.
    pub fn said(&self) -> Option<Said> {
        let (pid, text) = self.text.strip_prefix("Process ID: ")?.split_once(" - ")?;
        Some(Said { at: self.at, pid: pid.parse().ok()?, text: text.to_owned() })
    }
}

/// 첫 줄이 `first`이고 마지막 줄들이 `last`인지 보고, 그 사이의 줄들을 작업자의 말로 읽습니다.
pub fn between(lines: &[Line], first: &str, last: &[&str]) -> Result<Vec<Said>> {
    let (head, rest) = lines.split_first().context("출력이 없습니다")?;
    ensure_eq!(head.text, first);
    let body = rest.len().checked_sub(last.len()).context("줄이 모자랍니다")?;
    let (body, tail) = rest.split_at(body);
    let tail: Vec<&str> = tail.iter().map(|line| line.text.as_str()).collect();
    ensure_eq!(tail, last);
    body.iter()
        .map(|line| line.said().with_context(|| format!("작업자의 줄이 아닙니다: {}", line.text)))
        .collect()
}

/// 말한 프로세스마다 나눕니다. 처음 말한 순서입니다.
pub fn by_process(said: &[Said]) -> Vec<(u32, Vec<Said>)> {
    let mut groups: Vec<(u32, Vec<Said>)> = Vec::new();
    for one in said {
        match groups.iter_mut().find(|(pid, _)| *pid == one.pid) {
            Some((_, group)) => group.push(one.clone()),
            None => groups.push((one.pid, vec![one.clone()])),
        }
    }
    groups
}

/// 첫마디가 `opening`인 프로세스를 찾아 그 말들을 반환합니다.
pub fn speaker<'a>(groups: &'a [(u32, Vec<Said>)], opening: &str) -> Result<&'a [Said]> {
    groups
        .iter()
        .find(|(_, said)| said[0].text == opening)
        .map(|(_, said)| said.as_slice())
        .with_context(|| format!("첫 줄이 `{opening}`인 프로세스가 없습니다"))
}

/// 프로세스의 수가 맞고, 모두 `main`이 아닌지 봅니다.
pub fn expect_processes(groups: &[(u32, Vec<Said>)], count: usize, main: u32) -> Result<()> {
    ensure!(groups.len() == count, "프로세스가 {count}개여야 하는데 {}개입니다", groups.len());
    ensure!(groups.iter().all(|(pid, _)| *pid != main), "작업이 main에서 실행되었습니다");
    Ok(())
}

/// 말들이 `expected`와 차례까지 같은지 봅니다.
pub fn expect_texts(said: &[Said], expected: &[&str]) -> Result<()> {
    let texts: Vec<&str> = said.iter().map(|one| one.text.as_str()).collect();
    ensure_eq!(texts, expected);
    Ok(())
}

/// 이어지는 두 말 사이가 `step`보다 크게 짧지 않은지 봅니다.
///
/// 앞줄을 늦게 읽으면 간격이 짧아 보이므로 절반까지는 받아들입니다. 잠을 빠뜨리면 0에 가깝습니다.
pub fn expect_pauses(said: &[Said], step: Duration) -> Result<()> {
    for pair in said.windows(2) {
        let gap = pair[1].at - pair[0].at;
        let (from, to) = (&pair[0].text, &pair[1].text);
        ensure!(gap >= step / 2, "`{from}` 다음 `{to}`까지 {gap:?}입니다({step:?}쯤이어야 합니다)");
    }
    Ok(())
}

/// 두 프로세스가 같은 때에 실행되었는지 봅니다.
pub fn expect_overlap(a: &[Said], b: &[Said]) -> Result<()> {
    let (a_first, a_last) = (a[0].at, a[a.len() - 1].at);
    let (b_first, b_last) = (b[0].at, b[b.len() - 1].at);
    ensure!(a_first < b_last && b_first < a_last, "두 프로세스가 함께 실행되지 않았습니다");
    Ok(())
}

/// 잠을 빠뜨리지 않았는지 봅니다. 바쁜 컴퓨터에서는 얼마든지 더 걸리므로, 함께 실행되었는지는 줄이 나온 차례로 봅니다.
pub fn expect_elapsed(took: Duration, least: Duration) -> Result<()> {
    ensure!(took >= least, "{least:?} 이상 걸려야 하는데 {took:?}입니다");
    Ok(())
}
