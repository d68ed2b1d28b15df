//! One socket of the script: not connected yet, a listener or a stream of the client library.

use std::io;
use std::net::{Shutdown, SocketAddr};

use coremill_client::{
    Interest, Poller, Stack, TcpListener, TcpSocket, TcpState, TcpStream, option,
};
use coremill_tcp::address::Endpoint;

use super::options::Chosen;
use crate::call_address::endpoint;
use crate::call_key::{CallChoice, CallKey};
use crate::error_names;
use crate::language::{Call, Value};
use crate::settings::Settings;
use crate::subject::{Outcome, Progress};
use crate::verdict::Trouble;

#[derive(Debug)]
pub(super) struct Held {
    pub(super) kind: Kind,
    /// As far as the script knows.
    pub(super) is_nonblocking: bool,
    pub(super) chosen: Chosen,
    pub(super) bound: Option<SocketAddr>,
    /// `connect` has told that it succeeded.
    is_connect_told: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Neither; the daemon's socket from the first option on.
    Fresh(Option<TcpSocket>),
    Listening(TcpListener),
    Stream(TcpStream),
}

impl Held {
    pub(super) fn new(kind: Kind, is_nonblocking: bool, chosen: Chosen) -> Self {
        Self {
            kind,
            is_nonblocking,
            chosen,
            bound: None,
            is_connect_told: false,
        }
    }

    pub(super) fn stream(&self) -> Option<&TcpStream> {
        match &self.kind {
            Kind::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    pub(super) fn watch(&self, poller: &mut Poller, descriptor: i64) -> Result<(), Trouble> {
        let token = usize::try_from(descriptor).unwrap_or(usize::MAX);
        let registered = match &self.kind {
            Kind::Fresh(_) => Ok(()),
            Kind::Listening(listener) => poller.register(listener, token, Interest::READABLE),
            Kind::Stream(stream) => poller.register(stream, token, Interest::BOTH.and_urgent()),
        };
        registered.map_err(|error| Trouble::Difference(format!("register: {error}")))
    }

    pub(super) fn call(
        &mut self,
        stack: &Stack,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let unsupported = || Trouble::Unsupported(format!("system call {}", call.name));
        Ok(match call.name.as_str() {
            "bind" => {
                if self.bound.is_some() || !matches!(self.kind, Kind::Fresh(_)) {
                    return Ok(Outcome::Failed("EINVAL"));
                }
                self.bound = Some(named(settings, call)?);
                Outcome::Done(0)
            }
            "listen" => self.listen(stack, call)?,
            "connect" => self.connect(stack, settings, call)?,
            "shutdown" => self.shutdown(call).ok_or_else(unsupported)?,
            "read" | "recv" | "recvfrom" | "readv" | "recvmsg" => self.read(call, progress)?,
            "sendto" if has(call, "MSG_FASTOPEN") && matches!(self.kind, Kind::Fresh(_)) => {
                self.open_fast(stack, settings, call)?
            }
            "write" | "send" | "sendto" | "writev" | "sendmsg" => self.write(call, progress)?,
            "setsockopt" => match (CallKey::of(settings, call)?, CallChoice::of(call)) {
                (Some(key), _) => self.set_key(stack, &key),
                (None, Some(choice)) => self.choose_keys(choice),
                (None, None) => self.set_option(stack, call)?,
            },
            "getsockopt" => self.option(stack, call)?,
            "ioctl" => self.ioctl(call)?,
            "sockatmark" => self.at_mark(),
            "fcntl" if has(call, "F_GETFL") => Outcome::Done(match self.is_nonblocking {
                true => O_RDWR | O_NONBLOCK,
                false => O_RDWR,
            }),
            "fcntl" if has(call, "F_SETFL") => {
                let bits = number(call, 2).unwrap_or(0);
                self.is_nonblocking = has(call, "O_NONBLOCK") || bits & O_NONBLOCK != 0;
                Outcome::Done(0)
            }
            _ => return Err(unsupported()),
        })
    }

    fn listen(&mut self, stack: &Stack, call: &Call) -> Result<Outcome, Trouble> {
        if !matches!(self.kind, Kind::Fresh(_)) {
            return Err(Trouble::Unsupported("listen a second time".into()));
        }
        let Some(local) = self.bound else {
            return Err(Trouble::Unsupported("listen without bind".into()));
        };
        let backlog = number(call, 1).and_then(|backlog| u32::try_from(backlog).ok());
        let (backlog, keys) = (backlog.unwrap_or(128), self.chosen.keys());
        let listener = TcpListener::bind_with_keys(stack, local, backlog, &keys);
        let prepared = listener.and_then(|listener| {
            listener.set_nonblocking(true)?;
            self.chosen.apply_to(&listener)?;
            Ok(listener)
        });
        Ok(match prepared {
            Ok(listener) => {
                self.kind = Kind::Listening(listener);
                Outcome::Done(0)
            }
            Err(error) => failed(&error),
        })
    }

    fn connect(
        &mut self,
        stack: &Stack,
        settings: &Settings,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let remote = remote(settings, call.arguments.get(1))?;
        match self.kind {
            Kind::Listening(_) => return Ok(Outcome::Failed("EISCONN")),
            Kind::Stream(_) => return Ok(self.connecting()),
            Kind::Fresh(_) => {}
        }
        Ok(match self.open(stack, remote) {
            Ok(()) => Outcome::WaitOr("EINPROGRESS"),
            Err(error) => failed(&error),
        })
    }

    /// sendto with MSG_FASTOPEN of a socket that is not connected: for the library that is an option and a write.
    fn open_fast(
        &mut self,
        stack: &Stack,
        settings: &Settings,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let remote = remote(settings, call.arguments.get(4))?;
        let opened = self
            .fresh(stack)
            .and_then(|socket| socket.set_option(option::FAST_OPEN_CONNECT, 1))
            .and_then(|()| self.open(stack, remote));
        Ok(match opened {
            Ok(()) => Outcome::WaitOr("EINPROGRESS"),
            Err(error) => failed(&error),
        })
    }

    fn open(&mut self, stack: &Stack, remote: SocketAddr) -> io::Result<()> {
        let bound = self.bound;
        if let (Some(local), socket) = (bound, self.fresh(stack)?) {
            socket.bind(local)?;
        }
        let Kind::Fresh(socket) = &mut self.kind else {
            return Ok(());
        };
        let Some(socket) = socket.take() else {
            return Ok(());
        };
        let stream = socket.connect_nonblocking(remote)?;
        self.chosen.apply_linger(&stream)?;
        self.kind = Kind::Stream(stream);
        Ok(())
    }

    /// The daemon's socket of one that is neither connected nor listens.
    pub(super) fn fresh(&mut self, stack: &Stack) -> io::Result<&TcpSocket> {
        match &mut self.kind {
            Kind::Fresh(Some(socket)) => Ok(socket),
            Kind::Fresh(none) => Ok(none.insert(TcpSocket::new(stack)?)),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// `connect` need not be asked again: it was over at once.
    pub(super) fn is_connected_at_once(&mut self) {
        self.is_connect_told = true;
    }

    /// What `connect` says of an active open under way.
    fn connecting(&mut self) -> Outcome {
        let Some(stream) = self.stream() else {
            return Outcome::Failed("EINVAL");
        };
        match stream.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return failed(&error),
        }
        match stream.info().map(|info| info.state) {
            Ok(TcpState::SynSent | TcpState::SynReceived) => Outcome::WaitOr("EALREADY"),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Outcome::WaitOr("EALREADY"),
            _ if self.is_connect_told => Outcome::Failed("EISCONN"),
            _ => {
                self.is_connect_told = true;
                Outcome::Done(0)
            }
        }
    }

    fn shutdown(&self, call: &Call) -> Option<Outcome> {
        let how = call.arguments.get(1)?;
        let has = |word, number| how.has(word) || how.number() == Some(number);
        let how = match () {
            () if has("SHUT_RD", 0) => Shutdown::Read,
            () if has("SHUT_WR", 1) => Shutdown::Write,
            () if has("SHUT_RDWR", 2) => Shutdown::Both,
            () => return None,
        };
        Some(match self.stream().map(|stream| stream.shutdown(how)) {
            None => Outcome::Failed("ENOTCONN"),
            Some(Ok(())) => Outcome::Done(0),
            Some(Err(error)) => failed(&error),
        })
    }
}

/// The peer that a call names.
fn remote(settings: &Settings, named: Option<&Value>) -> Result<SocketAddr, Trouble> {
    let standard = Endpoint::new(settings.remote.into(), settings.connect_port);
    let remote = endpoint(named, standard)?;
    Ok(SocketAddr::new(remote.address, remote.port))
}

/// The address that `bind` is given.
pub(super) fn named(settings: &Settings, call: &Call) -> Result<SocketAddr, Trouble> {
    let standard = Endpoint::new(settings.local.into(), settings.bind_port);
    let local = endpoint(call.arguments.get(1), standard)?;
    Ok(SocketAddr::new(local.address, local.port))
}

pub(super) fn has(call: &Call, flag: &str) -> bool {
    call.arguments.iter().any(|value| value.has(flag))
}

pub(super) fn number(call: &Call, at: usize) -> Option<i64> {
    call.arguments.get(at).and_then(Value::number)
}

pub(super) fn failed(error: &io::Error) -> Outcome {
    match (error.kind(), error_names::of(error)) {
        (io::ErrorKind::WouldBlock, _) => Outcome::Wait,
        (_, name) => Outcome::Failed(name),
    }
}

const O_RDWR: i64 = 0x2;
const O_NONBLOCK: i64 = 0x800;
