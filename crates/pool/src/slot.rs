//! 칸(slot): 작업자 하나의 부모 쪽. 띄우고, 결과를 모으고, 끝나면 정리합니다.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering::Acquire;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ipc_core::build::{Channel, Deadline, after};
use ipc_core::{ChannelError, Process, ProcessError, signal_name};

use crate::board::{Board, Corrupted, Desk, Kind, Who, desk, first_record, read_records};
use crate::chunk::{Chunk, Results};
use crate::error::PoolError;
use crate::worker::{Contract, Initializer, ToParent, ToWorker, serve};

/// 채널을 닫거나 풀이 끝난 뒤, 작업자가 끝나기를 기다리는 시간. 지나면 강제로 끝냅니다.
pub const EXIT_GRACE: Duration = Duration::from_secs(1);
/// 칸 하나에서 작업자가 거듭 실패해도 되는 횟수.
const MAX_FAILED_STARTS: u32 = 3;
/// 한 번에 읽는 우편의 수. 소켓의 버퍼(512KiB)에 쌓일 수 있는 수보다 많습니다.
const LETTERS_MAX: usize = 4096;
/// 작업자 하나가 부모에서 차지하는 디스크립터: 프로세스(pidfd), 제어 소켓, 우편, 책상.
pub const DESCRIPTORS: usize = 4;

/// 작업자 하나가 앉는 칸.
#[derive(Default)]
pub struct Slot {
    pub worker: Option<Worker>,
    /// 묶음을 하나도 마치지 못하고 거듭 끝난 횟수.
    pub failed_starts: u32,
}

/// 기다리는 동안에도 살아 있어야 하는, 작업자의 디스크립터들.
pub struct Link {
    pub process: Process<()>,
    pub channel: Channel,
    /// 작업자가 채널을 닫은 것을 처음 본 때. 끝나는 작업자도 채널을 먼저 닫습니다.
    hung_up: OnceLock<Instant>,
}

impl Slot {
    /// 거듭 실패해 더는 띄우지 않습니다. 다음 호출이 다시 해 봅니다.
    pub fn given_up(&self) -> bool {
        self.failed_starts >= MAX_FAILED_STARTS
    }
}

impl Link {
    /// 기다릴 디스크립터들. 닫힌 채널은 언제나 준비되어 있으므로 기다리지 않습니다.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let channel = self.hung_up.get().is_none().then(|| self.channel.as_fd());
        [self.process.as_fd()].into_iter().chain(channel)
    }

    /// 채널을 닫고 끝나지 않는 작업자를 언제까지 기다릴지. 채널이 열려 있으면 `None`입니다.
    pub fn overdue_at(&self) -> Deadline {
        self.hung_up.get().map(|since| *since + EXIT_GRACE)
    }
}

/// 띄워 둔 작업자 하나.
pub struct Worker {
    /// 표지에 적는 번호.
    pub who: Who,
    pub link: Arc<Link>,
    pub desk: Desk,
    /// 책상에서 지금까지 읽은 칸과 우편의 수.
    read: u64,
    mailed: u32,
    /// 책상에서 복사한 기록들을 담는 버퍼.
    copy: Vec<u8>,
    /// 시작했지만 마치지 않은 묶음이 놓인 게시판의 위치와, 그 묶음의 번호.
    pub working_on: Option<(usize, u64)>,
    /// 지금까지 마친 묶음의 수.
    finished: u64,
    /// 살펴보라는 우편을 꺼냈습니다.
    pub looked: bool,
    /// 작업자가 있을 수 없는 것을 적었습니다. 그 뒤의 것은 읽지 않습니다.
    broken: bool,
}

impl Worker {
    /// 새 프로세스에 띄웁니다. 준비되기를 기다리지 않습니다.
    pub fn start(
        who: Who,
        board: &Board,
        initializer: Option<&Initializer>,
        max_chunks: u64,
    ) -> Result<Worker, PoolError> {
        let (channel, theirs) = Channel::pair().map_err(ProcessError::from)?;
        let desk = desk().map_err(ChannelError::Io).map_err(ProcessError::from)?;
        let (board, given) = (board.view(), desk.clone());
        // 인수는 직렬화되어 건너가므로, 갖고 있는 것을 빌려 보낼 수 없습니다. 다시 띄울 때를 위해 복제합니다.
        let initializer = initializer.map(Initializer::try_clone).transpose();
        let initializer = initializer.map_err(ChannelError::Io).map_err(ProcessError::from)?;
        let contract =
            Contract { who, board, desk: given, channel: theirs, initializer, max_chunks };
        let process = Process::spawn(serve, (contract,))?;
        let link = Arc::new(Link { process, channel, hung_up: OnceLock::new() });
        Ok(Worker {
            who,
            link,
            desk,
            read: 0,
            mailed: 0,
            copy: Vec::new(),
            working_on: None,
            finished: 0,
            looked: false,
            broken: false,
        })
    }

    /// `initializer`까지 마쳤는지 봅니다.
    pub fn is_ready(&self) -> bool {
        self.desk.ready.load(Acquire) != 0
    }

    /// 정해진 수의 묶음을 마치고 스스로 끝났는지 봅니다.
    pub fn is_retired(&self, max_chunks: Option<u64>) -> bool {
        max_chunks.is_some_and(|max| self.finished >= max)
    }

    /// 책상과 우편에서 새 결과를 모아 게시판의 묶음(`posted`)에 담고, 마친 묶음은 `finished`로 옮깁니다.
    ///
    /// `mail`이면 우편이 왔는지 운영체제에 물어봅니다. 아니면 왔다고 책상에 적혀 있을 때만 읽습니다. 작업자가 있을 수 없는 것을
    /// 적었으면 `false`이며, 그 뒤로는 읽지 않습니다.
    pub fn collect(
        &mut self,
        board: &Board,
        posted: &mut [Option<Posted>],
        finished: &mut Vec<Chunk>,
        mail: bool,
    ) -> bool {
        self.broken = self.broken || self.read_desk(board, posted, finished, mail).is_err();
        !self.broken
    }

    fn read_desk(
        &mut self,
        board: &Board,
        posted: &mut [Option<Posted>],
        finished: &mut Vec<Chunk>,
        mail: bool,
    ) -> Result<(), Corrupted> {
        let (who, mut copy) = (self.who, std::mem::take(&mut self.copy));
        copy.clear();
        read_records(&self.desk, &mut self.read, &mut copy)?;
        // 책상의 끝을 읽은 *뒤에* 우편을 비웁니다. 그러면 여기서 읽을 기록보다 먼저 보낸 우편은 모두 담긴 뒤입니다.
        let mailed = self.desk.mailed.load(Acquire);
        let mut letters = Vec::new();
        if mail || mailed != self.mailed {
            self.mailed = mailed;
            if !read_mail(&self.link.channel, &mut letters) {
                self.link.hung_up.get_or_init(Instant::now);
            }
        }
        let mut lost = None;
        for letter in letters {
            match letter {
                Ok(ToParent::Look) => self.looked = true,
                Ok(ToParent::Result { seq, index, value }) => {
                    addressee(board, who, posted, seq, index)?.mailed.push((index, value));
                }
                Ok(ToParent::Cause { seq, index, cause }) => {
                    addressee(board, who, posted, seq, index)?.failed.push((index, cause));
                }
                Err(error) => lost = Some(error.to_string()),
            }
        }
        let mut left = &copy[..];
        loop {
            let Some((place, seq)) = self.working_on else {
                // 이 작업자가 차지한 묶음의 시작만 올 수 있습니다.
                let Some((head, place, rest)) = first_record(left) else { break };
                left = rest;
                let place = place.try_into().map(u64::from_le_bytes).map_err(|_| Corrupted)?;
                let place = place as usize;
                let begun = posted.get_mut(place).and_then(Option::as_mut);
                let begun = begun.filter(|posted| posted.seq as u32 == head.index);
                let begun = begun.filter(|_| head.kind == Kind::Begin).ok_or(Corrupted)?;
                // 표지는 누구나 고칠 수 있습니다. 다른 작업자가 이미 시작한 묶음은 다시 시작할 수 없습니다.
                if board.owner(place, begun.seq)? != who || begun.begun_by.is_some() {
                    return Err(Corrupted);
                }
                begun.begun_by = Some(who);
                self.working_on = Some((place, begun.seq));
                continue;
            };
            let current = posted[place].as_mut().filter(|posted| posted.seq == seq);
            let current = current.ok_or(Corrupted)?;
            let results = &mut current.chunk.results;
            if let Some(reason) = &lost {
                results.not_received = Some(reason.clone());
            }
            let (values, ending) = results.next_run(left, current.chunk.to_run);
            results.records.extend_from_slice(values);
            left = &left[values.len()..];
            match ending {
                None => break,
                Some(head) if head.kind == Kind::End && head.index == seq as u32 => {
                    left = &left[8 * head.words()..];
                    self.working_on = None;
                    let done = posted[place].take();
                    finished.extend(done.map(|posted| posted.chunk));
                    self.finished += 1;
                }
                Some(_) => return Err(Corrupted),
            }
        }
        // 작업자는 기록을 온전히 놓은 뒤에 알립니다.
        if !left.is_empty() {
            return Err(Corrupted);
        }
        self.copy = copy;
        Ok(())
    }

    /// 게시판에 다 싣지 못한 항목들을 보냅니다. 지금 보낼 수 없으면 `false`이며 나중에 다시 합니다.
    pub fn mail(&self, posted: &Posted) -> bool {
        match self.link.channel.send(&posted.chunk.items, after(Duration::ZERO)) {
            Ok(()) | Err(ChannelError::Disconnected) => true, // 끊긴 것은 죽음으로 알게 됩니다.
            Err(ChannelError::Timeout) => false,
            Err(error) => {
                let refused = ToWorker::Refused(error.to_string());
                self.link.channel.send(&refused, after(Duration::ZERO)).is_ok()
            }
        }
    }

    /// 끝난 작업자가 어떻게 끝났는지. 반환했으면 정말 끝났으므로, 책상이 더 바뀌지 않습니다.
    ///
    /// `patience`까지 스스로 끝나지 않으면 강제로 끝냅니다.
    pub fn ending(&mut self, patience: Duration) -> Ending {
        // 작업자의 디스크립터를 기다리던 것은 이 스레드뿐이므로, 이제 혼자 갖고 있습니다.
        let Some(link) = Arc::get_mut(&mut self.link) else { return Ending::unknown() };
        let pid = link.process.id();
        let ended = match link.process.join_timeout(patience) {
            Err(ProcessError::Timeout { .. }) => {
                link.process.kill();
                link.process.join_timeout(Duration::MAX)
            }
            ended => ended,
        };
        let (how, by_itself) = match ended {
            Ok(()) => ("종료 코드 0".into(), false),
            Err(ProcessError::Killed { signal, .. }) => (signal_name(signal), false),
            Err(ProcessError::Exited { code, .. }) => (format!("종료 코드 {code}"), true),
            Err(ProcessError::Failed { message, .. } | ProcessError::Panicked { message, .. }) => {
                (message, true)
            }
            Err(error) => (error.to_string(), false),
        };
        let what =
            if self.broken { ", 공유 메모리에 잘못된 값을 적었습니다" } else { "" };
        Ending { death: format!("PID {pid}, {how}{what}"), by_itself }
    }
}

/// 작업자가 끝난 이유.
pub struct Ending {
    pub death: String,
    /// 시그널이나 `init()`의 문제가 아니라, 작업자의 코드가 실패한 것입니다.
    pub by_itself: bool,
}

impl Ending {
    fn unknown() -> Ending {
        Ending { death: "알 수 없음".into(), by_itself: false }
    }
}

/// `who`가 가진 `seq`번 묶음의 `index`번째 항목의 결과가 담길 곳.
fn addressee<'a>(
    board: &Board,
    who: Who,
    posted: &'a mut [Option<Posted>],
    seq: u64,
    index: u32,
) -> Result<&'a mut Results, Corrupted> {
    let places = posted.iter_mut().enumerate();
    let mut ours = places.filter_map(|(place, posted)| Some((place, posted.as_mut()?)));
    let (place, found) = ours.find(|(_, posted)| posted.seq == seq).ok_or(Corrupted)?;
    let (results, to_run) = (&mut found.chunk.results, found.chunk.to_run);
    // 항목은 차례로 계산하므로 위치는 늘기만 합니다. 하나를 거듭 보내 메모리를 채우지도 못합니다.
    if board.owner(place, seq)? != who || !(results.next_mailed..to_run).contains(&index) {
        return Err(Corrupted);
    }
    results.next_mailed = index + 1;
    Ok(results)
}

/// 와 있는 우편을 읽습니다. 읽지 못한 것은 에러로 남깁니다. 작업자가 채널을 닫았으면 `false`입니다.
///
/// 소켓의 버퍼에 담기는 것보다 많이 읽어도, 쉬지 않고 보내는 작업자 하나만 끝없이 읽지는 않습니다.
fn read_mail(channel: &Channel, letters: &mut Vec<Result<ToParent, ChannelError>>) -> bool {
    while letters.len() < LETTERS_MAX {
        match channel.recv(after(Duration::ZERO)) {
            Err(ChannelError::Disconnected) => return false,
            Err(ChannelError::Timeout) => return true,
            // 메시지는 버려졌지만, 다음 것은 읽을 수 있습니다. 운영체제가 거절한 것도 메시지 하나를 잃은 것입니다.
            letter => {
                let failed = matches!(letter, Err(ChannelError::Io(_)));
                letters.push(letter);
                if failed {
                    return true;
                }
            }
        }
    }
    true
}

/// 게시판에 붙어 있는 묶음.
pub struct Posted {
    pub seq: u64,
    pub chunk: Chunk,
    /// 이 묶음을 시작한 작업자.
    pub begun_by: Option<Who>,
    /// 누가 차지했지만 아직 시작하지 않은 것을 처음 본 때.
    pub unbegun_since: Option<Instant>,
}

impl Posted {
    /// 다시 나누어 줄 수 있게 떼어 냅니다. `worker`가 갖고 있다 죽은 것이면 그 뒤를 정합니다.
    pub fn reclaim(mut self, worker: Option<&Worker>, death: &str) -> Chunk {
        if let Some(worker) = worker {
            self.chunk.recover(worker.desk.item_of(self.seq), death);
        }
        self.chunk
    }
}
