//! 파이프로 `u64`를 보냅니다.

use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use ipc_channel::ipc::{self, IpcOneShotServer, IpcReceiver, IpcSender};
use ipc_core::Process;
use ipc_core::build::Descriptor;
use pipe::{Duplex, Receiver, duplex, pipe};

use super::clock::{Gate, Span, each};
use super::raw::{receive_number, send_number, sockets};
use super::row::{Role, Row, Size};

const MESSAGES: u32 = 50_000;
const ROUND_TRIPS: u32 = 5_000;

pub fn one_way() -> Row {
    Row::new("pipe", "파이프, 단방향(u64)")
        .faster_than_python(3.0)
        .within(1.0, Role::Peer)
        .ours(ours_one_way)
        .twin("mpsc", twin_one_way)
        .raw("SOCK_SEQPACKET", raw_one_way)
        .peer("ipc-channel", peer_one_way)
}

pub fn ping_pong() -> Row {
    Row::new("ping-pong", "파이프, 주고받기(u64)")
        .faster_than_python(3.0)
        .within(0.25, Role::Raw)
        .ours(ours_ping_pong)
        .twin("mpsc", twin_ping_pong)
        .raw("SOCK_SEQPACKET", raw_ping_pong)
        .peer("ipc-channel", peer_ping_pong)
}

fn ours_one_way(size: Size) -> Result<f64> {
    let (count, gate) = (size.of(MESSAGES), Gate::new(2)?);
    let (receiver, sender) = pipe()?;
    let child = Process::spawn(receive_ours, (receiver, gate.clone(), count))?;
    gate.meet();
    let ((), sent) = send_all(count, |n| Ok(sender.send(&n)?))?;
    Ok(Span::over([sent, child.join()?])?.each(count))
}

fn raw_one_way(size: Size) -> Result<f64> {
    let (count, gate) = (size.of(MESSAGES), Gate::new(2)?);
    let (receiver, sender) = sockets()?;
    let child = Process::spawn(receive_raw, (Descriptor::from(receiver), gate.clone(), count))?;
    gate.meet();
    let ((), sent) = send_all(count, |n| send_number(&sender, n))?;
    Ok(Span::over([sent, child.join()?])?.each(count))
}

fn peer_one_way(size: Size) -> Result<f64> {
    let count = size.of(MESSAGES);
    let (server, name) = IpcOneShotServer::<IpcSender<u64>>::new()?;
    let child = Process::spawn(receive_peer, (name, count))?;
    let (_, sender) = server.accept()?;
    let ((), sent) = send_all(count, |n| Ok(sender.send(n)?))?;
    Ok(Span::over([sent, child.join()?])?.each(count))
}

fn twin_one_way(size: Size) -> Result<f64> {
    let (count, gate) = (size.of(MESSAGES), Gate::new(2)?);
    let (sender, receiver) = mpsc::channel();
    let others_gate = gate.clone();
    let other = thread::spawn(move || {
        others_gate.meet();
        receive_all(count, || Ok(receiver.recv()?))
    });
    gate.meet();
    let ((), sent) = send_all(count, |n| Ok(sender.send(n)?))?;
    let received = other.join().map_err(|_| anyhow!("스레드가 패닉했습니다"))??;
    Ok(Span::over([sent, received])?.each(count))
}

fn ours_ping_pong(size: Size) -> Result<f64> {
    let count = size.of(ROUND_TRIPS);
    let (ours, theirs) = duplex::<u64, u64>()?;
    let child = Process::spawn(echo_ours, (theirs, count))?;
    let time = round_trips(count, |n| {
        ours.send(&n)?;
        Ok(ours.recv()?)
    })?;
    child.join()?;
    Ok(time)
}

pub fn raw_ping_pong(size: Size) -> Result<f64> {
    let count = size.of(ROUND_TRIPS);
    let (ours, theirs) = sockets()?;
    let child = Process::spawn(echo_raw, (Descriptor::from(theirs), count))?;
    let time = round_trips(count, |n| {
        send_number(&ours, n)?;
        receive_number(&ours)
    })?;
    child.join()?;
    Ok(time)
}

fn peer_ping_pong(size: Size) -> Result<f64> {
    let count = size.of(ROUND_TRIPS);
    let (server, name) = IpcOneShotServer::<(IpcSender<u64>, IpcReceiver<u64>)>::new()?;
    let child = Process::spawn(echo_peer, (name, count))?;
    let (_, (sender, receiver)) = server.accept()?;
    let time = round_trips(count, |n| {
        sender.send(n)?;
        Ok(receiver.recv()?)
    })?;
    child.join()?;
    Ok(time)
}

fn twin_ping_pong(size: Size) -> Result<f64> {
    let count = size.of(ROUND_TRIPS);
    let ((to_other, inbox), (outbox, from_other)) = (mpsc::channel(), mpsc::channel());
    let other = thread::spawn(move || echo(count, || Ok(inbox.recv()?), |n| Ok(outbox.send(n)?)));
    let time = round_trips(count, |n| {
        to_other.send(n)?;
        Ok(from_other.recv()?)
    })?;
    other.join().map_err(|_| anyhow!("스레드가 패닉했습니다"))??;
    Ok(time)
}

/// 0부터 차례로 보냅니다.
fn send_all(count: u32, mut send: impl FnMut(u64) -> Result<()>) -> Result<((), Span)> {
    Span::of(|| (0..u64::from(count)).try_for_each(&mut send))
}

/// 준비로 한 번 주고받은 뒤, 주고받는 시간을 잽니다. 상대가 시작하는 시간은 들어가지 않습니다.
fn round_trips(count: u32, mut trip: impl FnMut(u64) -> Result<u64>) -> Result<f64> {
    let mut check = |n: u64| {
        let back = trip(n)?;
        ensure!(back == n + 1, "보낸 수는 {n}인데 돌아온 수는 {back}입니다");
        Ok(())
    };
    check(0)?;
    each(count, |n| check(n.into()))
}

// 여기부터는 자식 프로세스에서도 실행됩니다.

/// 0부터 차례로 오는지 확인하며 받습니다.
fn receive_all(count: u32, mut receive: impl FnMut() -> Result<u64>) -> Result<Span> {
    let check = |n| {
        let received = receive()?;
        ensure!(received == n, "와야 할 수는 {n}인데 온 수는 {received}입니다");
        Ok(())
    };
    Ok(Span::of(|| (0..u64::from(count)).try_for_each(check))?.1)
}

/// 받은 수에 1을 더해 보냅니다. 준비까지 `count + 1`번입니다.
fn echo(
    count: u32,
    mut receive: impl FnMut() -> Result<u64>,
    mut send: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    (0..=count).try_for_each(|_| send(receive()? + 1))
}

fn receive_ours(receiver: Receiver<u64>, gate: Gate, count: u32) -> Result<Span> {
    gate.meet();
    receive_all(count, || Ok(receiver.recv()?))
}

fn receive_raw(receiver: Descriptor, gate: Gate, count: u32) -> Result<Span> {
    let receiver = OwnedFd::from(receiver);
    gate.meet();
    receive_all(count, || receive_number(&receiver))
}

/// ipc-channel은 끝을 인수로 건넬 수 없어서, 이름으로 만나 보내는 끝을 되보냅니다.
fn receive_peer(server: String, count: u32) -> Result<Span> {
    let (sender, receiver) = ipc::channel::<u64>()?;
    IpcSender::connect(server)?.send(sender)?;
    receive_all(count, || Ok(receiver.recv()?))
}

fn echo_ours(end: Duplex<u64, u64>, count: u32) -> Result<()> {
    echo(count, || Ok(end.recv()?), |n| Ok(end.send(&n)?))
}

fn echo_raw(end: Descriptor, count: u32) -> Result<()> {
    let end = OwnedFd::from(end);
    echo(count, || receive_number(&end), |n| send_number(&end, n))
}

fn echo_peer(server: String, count: u32) -> Result<()> {
    let (to_child, inbox) = ipc::channel::<u64>()?;
    let (outbox, from_child) = ipc::channel::<u64>()?;
    IpcSender::connect(server)?.send((to_child, from_child))?;
    echo(count, || Ok(inbox.recv()?), |n| Ok(outbox.send(n)?))
}
