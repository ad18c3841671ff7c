//! [`pipe`]와 [`duplex`]: 두 프로세스가 직접 메시지를 주고받는 통로.
//!
//! 파이썬에서는 보내는 쪽을 자식에게 건네도 부모에 남아 있어서, 자식이 닫아도 받는 쪽에 EOF(`EOFError`)가 오지 않습니다.
//! 여기서는 보내는 쪽을 인수로 건네면 소유권이 옮겨 갑니다. 부모에는 남지 않으므로 EOF가 반드시 옵니다.

use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

pub use ipc_core::ChannelError;
use ipc_core::build::{Accepts, Channel, Deadline, Message, SpanKind, after, waiting};
use serde::{Deserialize, Serialize};

/// 단방향 파이프를 만듭니다. 파이썬의 `Pipe(duplex=False)`와 같은 순서로 받는 쪽이 먼저 나옵니다.
///
/// # Errors
///
/// 디스크립터가 모자라면 [`ChannelError::Io`].
///
/// ```
/// let (receiver, sender) = pipe::pipe::<String>()?;
/// sender.send("안녕")?;
/// drop(sender);
/// assert_eq!(receiver.recv()?, "안녕");
/// assert!(matches!(receiver.recv(), Err(pipe::ChannelError::Disconnected)));
/// # Ok::<(), pipe::ChannelError>(())
/// ```
pub fn pipe<T: Message>() -> Result<(Receiver<T>, Sender<T>), ChannelError> {
    let (receiver, sender) = duplex()?;
    Ok((Receiver(receiver), Sender(sender)))
}

/// 양방향 파이프를 만듭니다. 파이썬의 `Pipe()`에 해당합니다.
///
/// 왼쪽은 `A`를 보내고 `B`를 받으며, 오른쪽은 그 반대입니다.
///
/// # Errors
///
/// 디스크립터가 모자라면 [`ChannelError::Io`].
#[allow(clippy::type_complexity, reason = "양쪽의 방향을 타입이 그대로 보여 줍니다")]
pub fn duplex<A: Message, B: Message>() -> Result<(Duplex<A, B>, Duplex<B, A>), ChannelError> {
    let (left, right) = Channel::pair()?;
    Ok((
        Duplex { channel: left, types: PhantomData },
        Duplex { channel: right, types: PhantomData },
    ))
}

/// `S`를 보내고 `R`을 받는, 파이프의 한쪽입니다. 사라질 때 닫힙니다.
///
/// 복제할 수 없습니다. 하나뿐이어야, 이것이 사라졌을 때 상대가 EOF를 받습니다.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Duplex<S, R> {
    channel: Channel,
    types: PhantomData<fn(S) -> R>,
}

/// 파이프의 보내는 쪽입니다.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Sender<T>(Duplex<T, ()>);

/// 파이프의 받는 쪽입니다.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Receiver<T>(Duplex<(), T>);

impl<S: Message, R> Duplex<S, R> {
    /// 값을 복사해 보냅니다. 크기에 제한이 없습니다. 상대가 읽지 않아 버퍼가 차면 기다립니다.
    ///
    /// `S`가 `String`이면 `send("글")`처럼 문자열 조각을, `Vec`이면 슬라이스를 주어도 됩니다([`Accepts`]).
    ///
    /// 64KiB가 넘는 값은 상대가 앞의 큰 값을 꺼낸 뒤에야 보냅니다. 그래서 읽지 않은 큰 값은 하나까지만 쌓입니다.
    ///
    /// 값 안에 다른 파이프의 보내는 쪽이 있으면 복제되어 건너갑니다. 이쪽에 남은 것도 버려야 그 파이프에 EOF가 옵니다.
    ///
    /// # Errors
    ///
    /// 상대 쪽이 닫혔으면 [`ChannelError::Disconnected`], 직렬화하지 못하면 [`ChannelError::Codec`].
    pub fn send<V: ?Sized>(&self, value: &V) -> Result<(), ChannelError>
    where
        S: Accepts<V>,
    {
        self.channel.send_as::<S, V>(value, None)
    }

    /// [`send`](Duplex::send)와 같지만 `timeout`까지만 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`ChannelError::Timeout`]이며 아무것도 보내지 않은 것과 같습니다.
    pub fn send_timeout<V: ?Sized>(&self, value: &V, timeout: Duration) -> Result<(), ChannelError>
    where
        S: Accepts<V>,
    {
        self.channel.send_as::<S, V>(value, after(timeout))
    }
}

impl<S, R: Message> Duplex<S, R> {
    /// 값 하나를 받습니다. 값이 오거나 상대 쪽이 닫힐 때까지 기다립니다.
    ///
    /// # Errors
    ///
    /// 상대 쪽이 닫히고 남은 값도 없으면 [`ChannelError::Disconnected`](파이썬의 `EOFError`). 상대가 값을
    /// 보내던 도중에 죽어도 같습니다. 반쪽짜리 값은 오지 않습니다.
    pub fn recv(&self) -> Result<R, ChannelError> {
        self.receive(None)
    }

    /// [`recv`](Duplex::recv)와 같지만 `timeout`까지만 기다립니다.
    ///
    /// # Errors
    ///
    /// 시간이 지나면 [`ChannelError::Timeout`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<R, ChannelError> {
        self.receive(after(timeout))
    }

    fn receive(&self, deadline: Deadline) -> Result<R, ChannelError> {
        waiting(SpanKind::Pipe, || self.channel.id(), || self.channel.recv(deadline))
    }

    /// 받을 것(값이나 EOF)이 있는지 `timeout`까지 기다려 봅니다. 0이면 바로 반환합니다.
    ///
    /// # Errors
    ///
    /// 운영체제가 기다림을 거절하면 [`ChannelError::Io`].
    pub fn poll(&self, timeout: Duration) -> Result<bool, ChannelError> {
        self.channel.poll(after(timeout))
    }

    /// EOF가 올 때까지 값을 받는 반복자입니다. 다른 에러를 만나면 그 에러를 내고 끝냅니다.
    pub fn iter(&self) -> Iter<'_, S, R> {
        Iter { end: self, ended: false }
    }
}

/// EOF가 올 때까지 값을 받는 반복자. [`Duplex::iter`]와 `for`가 만듭니다.
#[derive(Debug)]
#[must_use = "반복자는 next를 호출해야 받습니다"]
pub struct Iter<'a, S, R> {
    end: &'a Duplex<S, R>,
    ended: bool,
}

impl<S, R: Message> Iterator for Iter<'_, S, R> {
    type Item = Result<R, ChannelError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.end.recv();
        self.ended = next.is_err();
        if let Err(ChannelError::Disconnected) = next { None } else { Some(next) }
    }
}

impl<'a, S, R: Message> IntoIterator for &'a Duplex<S, R> {
    type Item = Result<R, ChannelError>;
    type IntoIter = Iter<'a, S, R>;

    fn into_iter(self) -> Iter<'a, S, R> {
        self.iter()
    }
}

impl<'a, T: Message> IntoIterator for &'a Receiver<T> {
    type Item = Result<T, ChannelError>;
    type IntoIter = Iter<'a, (), T>;

    fn into_iter(self) -> Iter<'a, (), T> {
        self.iter()
    }
}

/// 받을 것이 있거나 상대가 닫으면 읽을 수 있게 되는 디스크립터입니다. [`wait_any`](ipc_core::wait_any)로 여럿을 함께 기다립니다.
impl<S, R> AsFd for Duplex<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

/// [`Duplex`]의 것과 같습니다.
impl<T> AsFd for Receiver<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: Message> Sender<T> {
    /// [`Duplex::send`]와 같습니다.
    pub fn send<V: ?Sized>(&self, value: &V) -> Result<(), ChannelError>
    where
        T: Accepts<V>,
    {
        self.0.send(value)
    }

    /// [`Duplex::send_timeout`]과 같습니다.
    pub fn send_timeout<V: ?Sized>(&self, value: &V, timeout: Duration) -> Result<(), ChannelError>
    where
        T: Accepts<V>,
    {
        self.0.send_timeout(value, timeout)
    }
}

impl<T: Message> Receiver<T> {
    /// [`Duplex::recv`]와 같습니다.
    pub fn recv(&self) -> Result<T, ChannelError> {
        self.0.recv()
    }

    /// [`Duplex::recv_timeout`]과 같습니다.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, ChannelError> {
        self.0.recv_timeout(timeout)
    }

    /// [`Duplex::poll`]과 같습니다.
    pub fn poll(&self, timeout: Duration) -> Result<bool, ChannelError> {
        self.0.poll(timeout)
    }

    /// [`Duplex::iter`]와 같습니다.
    pub fn iter(&self) -> Iter<'_, (), T> {
        self.0.iter()
    }
}
