//! 자리(seat): 작업자 하나의 부모 쪽. 띄우고, 결과를 받고, 떠나보냅니다.

use std::collections::VecDeque;
use std::time::Duration;

use ipc_core::channel::fingerprint;
use ipc_core::codec::{Encoder, Incoming, decode_first};
use ipc_core::futex::after;
use ipc_core::{Channel, ChannelError, Process, ProcessError, Shared, signal_name};

use crate::chunk::{Chunk, Piece};
use crate::error::{Cause, PoolError};
use crate::worker::{
    ChunkHead, Initialize, Progress, ResultHead, SAVED_WORDS, SharedProgress, serve,
};

/// 채널이 닫힌 작업자가 끝나기를 기다리는 시간. 지나면 강제로 끝냅니다.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// 풀을 만들 때 정하는 것들.
pub struct Options {
    pub workers: usize,
    pub retries: u32,
    pub max_tasks_per_child: Option<u64>,
    pub initializer: Option<Initializer>,
}

/// 작업자마다 처음에 부를 함수와, 그 인수를 보내는 방법.
pub struct Initializer {
    pub run: Initialize,
    pub send_args: SendArgs,
}

pub type SendArgs = Box<dyn Fn(&Channel) -> Result<(), ChannelError> + Send>;

/// 작업자가 앉는 자리.
#[derive(Default)]
pub struct Seat {
    pub worker: Option<Worker>,
    /// 마지막 호출부터 이 자리의 작업자가 거듭 준비하지 못하고 끝난 횟수.
    pub failed_starts: u32,
}

/// 띄워 둔 작업자 하나.
pub struct Worker {
    pub process: Process<()>,
    pub channel: Channel,
    pub progress: SharedProgress,
    /// 보낸 순서대로. 거두어들인 묶음은 `None`으로 남아, 작업자가 앞의 것을 마칠 때까지 자리를 차지합니다.
    pub in_flight: VecDeque<(u64, Option<Chunk>)>,
    /// 지금까지 보낸 묶음의 수이자 마지막 묶음의 번호.
    sent: u64,
}

impl Worker {
    /// 새 프로세스에 띄웁니다. 준비되기를 기다리지 않습니다.
    pub fn start(options: &Options) -> Result<Worker, PoolError> {
        let (channel, workers_end) = Channel::pair()?;
        let progress =
            Shared::with_tail(Progress::default(), SAVED_WORDS).map_err(ChannelError::Io)?;
        if let Some(initializer) = &options.initializer {
            (initializer.send_args)(&channel)?;
        }
        let initialize = options.initializer.as_ref().map(|initializer| initializer.run);
        let process = Process::spawn(serve, (workers_end, progress.clone(), initialize))?;
        Ok(Worker { process, channel, progress, in_flight: VecDeque::new(), sent: 0 })
    }

    /// 묶음을 보냅니다. 보낼 수 없는 묶음이면, 남은 항목을 모두 실패로 하여 돌려줍니다.
    pub fn send(&mut self, mut chunk: Chunk) -> Option<Chunk> {
        self.sent += 1;
        match self.send_frame(&chunk) {
            // 끊긴 것은 놀던 사이에 죽은 작업자입니다. 맡은 것으로 두면, 죽음을 볼 때 다시 나누어 줍니다.
            Ok(()) | Err(ChannelError::Disconnected) => {
                self.in_flight.push_back((self.sent, Some(chunk)));
                None
            }
            Err(error) => {
                // 보내지 못한 번호는 다시 씁니다. 번호를 건너뛰면 다음 묶음이 앞 묶음의 권리를 덮어씁니다.
                self.sent -= 1;
                chunk.lose_rest(&Cause::Failed(error.to_string()));
                Some(chunk)
            }
        }
    }

    fn send_frame(&self, chunk: &Chunk) -> Result<(), ChannelError> {
        let mut head = Encoder::default();
        head.push(&ChunkHead { chunk: self.sent, run: chunk.run, skip: chunk.done })?;
        self.progress.offer(self.sent);
        let (head, _) = head.finish();
        let fingerprint = fingerprint::<ChunkHead>();
        self.channel.send_frame(fingerprint, &[&head, &chunk.items], &chunk.fds, None)
    }

    /// 작업자가 보낸 결과를 받습니다. 기다리지 않으며, 온 것이 없으면 [`ChannelError::Timeout`]입니다.
    pub fn receive(&self) -> Result<(ResultHead, Piece), ChannelError> {
        let frame = self.channel.recv_frame(after(Duration::ZERO))?;
        frame.check::<ResultHead>()?;
        let (head, records) = decode_first::<ResultHead>(&frame.bytes)?;
        let start = frame.bytes.len() - records.len();
        let handles = Incoming::from(frame.fds);
        Ok((head, Piece::Records { bytes: frame.bytes, start, handles }))
    }

    /// 정해진 수의 묶음을 받아, 더 받지 않고 바뀔 차례인지 봅니다.
    pub fn tired(&self, options: &Options) -> bool {
        options.max_tasks_per_child.is_some_and(|limit| self.sent >= limit)
    }

    /// 아직 시작하지 않은 묶음을 거두어들입니다. 작업자가 먼저 시작했으면 `None`입니다.
    pub fn take_back(&mut self) -> Option<Chunk> {
        let [_, (number, chunk)] = self.in_flight.make_contiguous() else { return None };
        if chunk.is_some() && self.progress.claim(*number) { chunk.take() } else { None }
    }

    /// 채널을 닫아 돌려보내고, 받은 일을 마치고 끝나기를 기다립니다.
    pub fn dismiss(self) {
        drop(self.channel);
        // 어떻게 끝났는지는 이제 아무에게도 뜻이 없습니다.
        let _ = self.process.join();
    }

    /// 받은 일을 모두 마친 작업자를 돌려보냅니다. 제때 끝나지 않으면 강제로 끝냅니다.
    pub fn renew(mut self) {
        drop(self.channel);
        let _ = end(&mut self.process);
    }

    /// 채널이 끊긴 작업자가 어떻게 끝났는지. 돌아왔으면 정말 끝났으므로, 적어 둔 것이 더 바뀌지 않습니다.
    pub fn describe_death(&mut self) -> String {
        let pid = self.process.id();
        let how = match end(&mut self.process) {
            Ok(()) => "종료 코드 0".into(),
            Err(ProcessError::Killed { signal, .. }) => signal_name(signal),
            Err(ProcessError::Exited { code, .. }) => format!("종료 코드 {code}"),
            Err(ProcessError::Failed { message, .. } | ProcessError::Panicked { message, .. }) => {
                message
            }
            Err(error) => error.to_string(),
        };
        format!("PID {pid}, {how}")
    }
}

/// 끝나기를 기다립니다. 제때 끝나지 않으면 강제로 끝냅니다.
fn end(process: &mut Process<()>) -> Result<(), ProcessError> {
    match process.join_timeout(EXIT_GRACE) {
        Err(ProcessError::Timeout { .. }) => {
            process.kill();
            process.join_timeout(Duration::MAX)
        }
        ended => ended,
    }
}
