//! System calls of a script as system calls. Sockets never block: whoever plays the script waits.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

use coremill_tcp::address::{Endpoint, Flow};
use socket2::{Domain, Socket, Type};

use super::agent::Agent;
use crate::call_address::endpoint;
use crate::error_names;
use crate::info::Info;
use crate::language::{Call, Value};
use crate::settings::Settings;
use crate::subject::{Outcome, Progress, Tried};
use crate::verdict::Trouble;
use crate::wanted::Wanted;

/// The script's sockets by its descriptors.
#[derive(Debug)]
pub struct Sockets {
    table: BTreeMap<i64, Held>,
    pub(super) epolls: BTreeMap<i64, OwnedFd>,
    pub(super) agent: Agent,
    /// A `close` that lingers waits in a thread of its own.
    closing: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) socket: Socket,
    /// As far as the script knows.
    pub(super) is_nonblocking: bool,
}

impl Sockets {
    /// No socket yet.
    ///
    /// # Errors
    /// When the helper for options cannot be started.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            table: BTreeMap::new(),
            epolls: BTreeMap::new(),
            agent: Agent::start()?,
            closing: None,
        })
    }

    /// Tries a call.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] for what is not done here.
    pub fn attempt(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Tried, Trouble> {
        let mut tried = Tried {
            outcome: Outcome::Wait,
            opened: None,
            listens: false,
        };
        tried.outcome = match call.name.as_str() {
            "socket" => self.socket(settings, call)?,
            "close" => self.close(call),
            "poll" => self.poll(call, progress)?,
            name if name.starts_with("epoll_") => self.epoll(call, progress)?,
            _ => {
                let Some(held) = number(call, 0).and_then(|at| self.table.get_mut(&at)) else {
                    tried.outcome = Outcome::Failed("EBADF");
                    return Ok(tried);
                };
                let is_nonblocking = held.is_nonblocking || has(call, "MSG_DONTWAIT");
                let outcome = match call.name.as_str() {
                    "accept" | "accept4" => {
                        let accepted = held.socket.accept().map(|(socket, _)| socket);
                        self.insert(call, accepted.and_then(prepared))
                    }
                    "setsockopt" => held.set_option(&self.agent, settings, call)?,
                    "getsockopt" => held.option(&self.agent, call)?,
                    "ioctl" => held.ioctl(&self.agent, call)?,
                    "sockatmark" => held.at_mark(&self.agent),
                    "read" | "recv" | "recvfrom" | "readv" | "recvmsg" => {
                        held.read(&self.agent, call, progress)?
                    }
                    _ => held.call(settings, call, progress)?,
                };
                told(outcome, is_nonblocking)
            }
        };
        tried.listens = call.name == "listen" && tried.outcome == Outcome::Done(0);
        if call.name == "connect" || has(call, "MSG_FASTOPEN") {
            let held = number(call, 0).and_then(|at| self.table.get(&at));
            tried.opened = match held {
                Some(held) => held.flow(settings, call)?,
                None => None,
            };
        }
        Ok(tried)
    }

    /// The youngest socket of a flow, as `TCP_INFO` shows it.
    pub fn info(&self, flow: Flow, wanted: Wanted) -> Option<Info> {
        let is_of = |held: &&Held| {
            let local = held.socket.local_addr().ok();
            let remote = held.socket.peer_addr().ok();
            let end = |address: Option<socket2::SockAddr>| address.and_then(|a| a.as_socket());
            end(local) == Some(socket_address(flow.local))
                && end(remote).is_none_or(|remote| remote == socket_address(flow.remote))
        };
        let held = self.table.values().rev().find(is_of)?;
        let info = Info::of_bytes(&held.info(&self.agent).ok()?);
        Some(held.besides(&self.agent, wanted, info))
    }

    pub(super) fn get(&self, descriptor: i64) -> Option<&Held> {
        self.table.get(&descriptor)
    }

    fn socket(&mut self, settings: &Settings, call: &Call) -> Result<Outcome, Trouble> {
        let kind = call.arguments.get(1);
        let is_ours = kind.is_some_and(|kind| kind.has("SOCK_STREAM"));
        let family = call.arguments.first();
        if !is_ours || family.is_some_and(|family| family.has("AF_INET6")) {
            let what = "sockets other than TCP over IPv4";
            return Err(Trouble::Unsupported(what.into()));
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
        let socket = socket.and_then(|socket| {
            // The kernel calls NewReno by its forefather's name.
            let name = settings.limits.congestion.algorithm.name();
            let name = if name == "newreno" { "reno" } else { name };
            rustix::net::sockopt::set_tcp_congestion(&socket, name)?;
            prepared(socket)
        });
        Ok(self.insert(call, socket))
    }

    fn close(&mut self, call: &Call) -> Outcome {
        if let Some(closing) = self.closing.take_if(|closing| closing.is_finished()) {
            // It has nothing to tell but its end.
            let _ = closing.join();
            return Outcome::Done(0);
        }
        if self.closing.is_some() {
            return Outcome::Wait;
        }
        let Some(descriptor) = number(call, 0) else {
            return Outcome::Failed("EBADF");
        };
        if self.epolls.remove(&descriptor).is_some() {
            return Outcome::Done(0);
        }
        let Some(held) = self.table.remove(&descriptor) else {
            return Outcome::Failed("EBADF");
        };
        let linger = held.socket.linger().ok().flatten();
        if linger.is_some_and(|time| !time.is_zero()) {
            self.closing = Some(std::thread::spawn(move || drop(held)));
            return Outcome::Wait;
        }
        Outcome::Done(0)
    }

    fn insert(&mut self, call: &Call, socket: io::Result<Socket>) -> Outcome {
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => return failed(&error),
        };
        let descriptor = self.free(call);
        let is_nonblocking = call
            .arguments
            .iter()
            .any(|value| value.has("SOCK_NONBLOCK"));
        let held = Held {
            socket,
            is_nonblocking,
        };
        self.table.insert(descriptor, held);
        Outcome::Done(descriptor)
    }

    /// The descriptor that the script expects, else the next one.
    pub(super) fn free(&self, call: &Call) -> i64 {
        let last = self.table.last_key_value().map_or(2, |(last, _)| *last);
        let expected = call.result.number().filter(|number| *number >= 0);
        expected.unwrap_or(last + 1)
    }
}

impl Held {
    fn call(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let unsupported = || Trouble::Unsupported(format!("system call {}", call.name));
        Ok(match call.name.as_str() {
            "bind" => {
                let standard = Endpoint::new(settings.local.into(), settings.bind_port);
                let local = socket_address(endpoint(call.arguments.get(1), standard)?);
                done(self.socket.bind(&local.into()))
            }
            "listen" => {
                let backlog = number(call, 1).and_then(|backlog| i32::try_from(backlog).ok());
                done(self.socket.listen(backlog.unwrap_or(128)))
            }
            "connect" => {
                let remote = remote(settings, call)?;
                match self.socket.connect(&remote.into()) {
                    Ok(()) => Outcome::Done(0),
                    Err(error) => match error_names::of(&error) {
                        "EINPROGRESS" => Outcome::WaitOr("EINPROGRESS"),
                        "EALREADY" => Outcome::WaitOr("EALREADY"),
                        name => Outcome::Failed(name),
                    },
                }
            }
            "shutdown" => {
                let how = call.arguments.get(1);
                let has = |word, number| {
                    how.is_some_and(|how| how.has(word) || how.number() == Some(number))
                };
                let how = match () {
                    () if has("SHUT_RD", 0) => Shutdown::Read,
                    () if has("SHUT_WR", 1) => Shutdown::Write,
                    () if has("SHUT_RDWR", 2) => Shutdown::Both,
                    () => return Err(unsupported()),
                };
                done(self.socket.shutdown(how))
            }
            "write" | "send" | "sendto" | "writev" | "sendmsg" => {
                self.write(settings, call, progress)?
            }
            "fcntl" => self.fcntl(call)?,
            _ => return Err(unsupported()),
        })
    }

    fn fcntl(&mut self, call: &Call) -> Result<Outcome, Trouble> {
        match call.arguments.get(1).and_then(Value::word) {
            Some("F_GETFL") => Ok(Outcome::Done(
                O_RDWR | if self.is_nonblocking { O_NONBLOCK } else { 0 },
            )),
            Some("F_SETFL") => {
                self.is_nonblocking = call.arguments.get(2).is_some_and(|flags| {
                    flags.has("O_NONBLOCK") || flags.number().is_some_and(|n| n & O_NONBLOCK != 0)
                });
                Ok(Outcome::Done(0))
            }
            other => {
                let what = format!("fcntl {}", other.unwrap_or_default());
                Err(Trouble::Unsupported(what))
            }
        }
    }

    fn flow(&self, settings: &Settings, call: &Call) -> Result<Option<Flow>, Trouble> {
        let local = self.socket.local_addr().ok();
        let local = local.and_then(|address| address.as_socket());
        let remote = Endpoint::from(remote(settings, call)?);
        let local = local
            .filter(|local| !local.ip().is_unspecified())
            .map(Endpoint::from);
        Ok(local.map(|local| Flow { local, remote }))
    }
}

/// What a caller is told who does not wait.
fn told(outcome: Outcome, is_nonblocking: bool) -> Outcome {
    match outcome {
        Outcome::Wait if is_nonblocking => Outcome::Failed("EAGAIN"),
        Outcome::WaitOr(error) if is_nonblocking => Outcome::Failed(error),
        Outcome::WaitOr(_) => Outcome::Wait,
        outcome => outcome,
    }
}

fn prepared(socket: Socket) -> io::Result<Socket> {
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The peer that a call names, which stands second in connect and fifth in sendto.
pub(super) fn remote(settings: &Settings, call: &Call) -> Result<SocketAddr, Trouble> {
    let standard = Endpoint::new(settings.remote.into(), settings.connect_port);
    let at = if call.name == "connect" { 1 } else { 4 };
    Ok(socket_address(endpoint(call.arguments.get(at), standard)?))
}

fn socket_address(endpoint: Endpoint) -> SocketAddr {
    SocketAddr::new(endpoint.address, endpoint.port)
}

pub(super) fn has(call: &Call, flag: &str) -> bool {
    call.arguments.iter().any(|value| value.has(flag))
}

pub(super) fn number(call: &Call, at: usize) -> Option<i64> {
    call.arguments.get(at).and_then(Value::number)
}

pub(super) fn done(result: io::Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done(0),
        Err(error) => failed(&error),
    }
}

pub(super) fn failed(error: &io::Error) -> Outcome {
    match error_names::of(error) {
        "EAGAIN" => Outcome::Wait,
        name => Outcome::Failed(name),
    }
}

const O_RDWR: i64 = 0x2;
const O_NONBLOCK: i64 = 0x800;
