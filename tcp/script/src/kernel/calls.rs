//! System calls of a script as system calls. Sockets never block: whoever plays the script waits.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use coremill_tcp::address::{Endpoint, Flow};
use socket2::{Domain, Socket, Type};

use crate::call_address::endpoint;
use crate::language::{Call, Value};
use crate::settings::Settings;
use crate::subject::{Outcome, Progress, Tried};
use crate::verdict::Trouble;

/// The script's sockets by its descriptors.
#[derive(Debug, Default)]
pub struct Sockets {
    table: BTreeMap<i64, Held>,
}

#[derive(Debug)]
struct Held {
    socket: Socket,
    /// As far as the script knows.
    is_nonblocking: bool,
}

impl Sockets {
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
        let descriptor = call.arguments.first().and_then(Value::number);
        let mut tried = Tried {
            outcome: Outcome::Wait,
            opened: None,
            listens: false,
        };
        if call.name == "socket" {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
            tried.outcome = self.insert(call, socket.and_then(prepared));
            return Ok(tried);
        }
        if matches!(call.name.as_str(), "poll" | "getsockopt" | "ioctl") {
            return Err(Trouble::Unsupported(format!("system call {}", call.name)));
        }
        if call.name == "close" {
            let removed = descriptor.and_then(|descriptor| self.table.remove(&descriptor));
            tried.outcome = removed.map_or(Outcome::Failed("EBADF"), |_| Outcome::Done(0));
            return Ok(tried);
        }
        let held = descriptor.and_then(|descriptor| self.table.get_mut(&descriptor));
        let Some(held) = held else {
            tried.outcome = Outcome::Failed("EBADF");
            return Ok(tried);
        };
        if call.name == "accept" {
            let accepted = held.socket.accept().map(|(socket, _)| socket);
            let is_nonblocking = held.is_nonblocking;
            tried.outcome = self.insert(call, accepted.and_then(prepared));
            tried.outcome = told(tried.outcome, is_nonblocking);
            return Ok(tried);
        }
        let outcome = held.call(settings, call, progress)?;
        let is_dont_wait = call.arguments.iter().any(|value| value.has("MSG_DONTWAIT"));
        tried.outcome = told(outcome, held.is_nonblocking || is_dont_wait);
        tried.listens = call.name == "listen" && outcome == Outcome::Done(0);
        if call.name == "connect" {
            tried.opened = held.flow(settings, call)?;
        }
        Ok(tried)
    }

    fn insert(&mut self, call: &Call, socket: io::Result<Socket>) -> Outcome {
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => return failed(&error),
        };
        let last = self.table.last_key_value().map_or(2, |(last, _)| *last);
        let expected = call.result.number().filter(|number| *number >= 0);
        let descriptor = expected.unwrap_or(last + 1);
        let held = Held {
            socket,
            is_nonblocking: false,
        };
        self.table.insert(descriptor, held);
        Outcome::Done(descriptor)
    }
}

impl Held {
    fn call(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        let number = |at: usize| call.arguments.get(at).and_then(Value::number);
        let done = |result: io::Result<()>| match result {
            Ok(()) => Outcome::Done(0),
            Err(error) => failed(&error),
        };
        let unsupported = || Trouble::Unsupported(format!("system call {}", call.name));
        Ok(match call.name.as_str() {
            "bind" => {
                let standard = Endpoint::new(settings.local.into(), settings.bind_port);
                let local = socket_address(endpoint(call.arguments.get(1), standard)?);
                done(self.socket.bind(&local.into()))
            }
            "listen" => {
                let backlog = number(1).and_then(|backlog| i32::try_from(backlog).ok());
                done(self.socket.listen(backlog.unwrap_or(128)))
            }
            "connect" => {
                let remote = remote(settings, call)?;
                match self.socket.connect(&remote.into()) {
                    Ok(()) => Outcome::Done(0),
                    Err(error) => match name_of(&error) {
                        "EINPROGRESS" => Outcome::WaitOr("EINPROGRESS"),
                        "EALREADY" => Outcome::WaitOr("EALREADY"),
                        name => Outcome::Failed(name),
                    },
                }
            }
            "shutdown" => {
                let how = call.arguments.get(1).and_then(Value::word);
                let how = match how {
                    Some("SHUT_RD") => Shutdown::Read,
                    Some("SHUT_WR") => Shutdown::Write,
                    Some("SHUT_RDWR") => Shutdown::Both,
                    _ => return Err(unsupported()),
                };
                done(self.socket.shutdown(how))
            }
            "read" | "recv" => {
                if call.arguments.iter().any(|value| value.has("MSG_PEEK")) {
                    return Err(unsupported());
                }
                let wanted = number(2).and_then(|count| usize::try_from(count).ok());
                let is_all = call.arguments.iter().any(|value| value.has("MSG_WAITALL"));
                self.read(wanted.ok_or_else(unsupported)?, is_all, progress)
            }
            "write" | "send" => {
                let wanted = number(2).and_then(|count| usize::try_from(count).ok());
                self.write(wanted.ok_or_else(unsupported)?, progress)
            }
            "fcntl"
                if call
                    .arguments
                    .get(1)
                    .is_some_and(|word| word.has("F_SETFL")) =>
            {
                let flags = call.arguments.get(2);
                self.is_nonblocking = flags.is_some_and(|flags| flags.has("O_NONBLOCK"));
                Outcome::Done(0)
            }
            "setsockopt" => done(self.set_option(call)?),
            _ => return Err(unsupported()),
        })
    }

    fn read(&mut self, wanted: usize, is_all: bool, progress: &mut Progress) -> Outcome {
        while progress.moved < wanted {
            match self.socket.read(&mut vec![0; wanted - progress.moved]) {
                Ok(0) => break,
                Ok(count) => progress.moved += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if progress.moved > 0 && !is_all {
                        break;
                    }
                    return Outcome::Wait;
                }
                Err(error) => return failed(&error),
            }
        }
        Outcome::Done(i64::try_from(progress.moved).unwrap_or(i64::MAX))
    }

    fn write(&mut self, wanted: usize, progress: &mut Progress) -> Outcome {
        match self.socket.write(&vec![0; wanted - progress.moved]) {
            Ok(count) => {
                progress.moved += count;
                if progress.moved < wanted && !self.is_nonblocking {
                    return Outcome::Wait;
                }
                Outcome::Done(i64::try_from(progress.moved).unwrap_or(i64::MAX))
            }
            Err(error) => failed(&error),
        }
    }

    fn set_option(&self, call: &Call) -> Result<io::Result<()>, Trouble> {
        let name = call
            .arguments
            .get(2)
            .and_then(Value::word)
            .unwrap_or_default();
        let value = call.arguments.get(3).and_then(|value| value.list().first());
        let is_on = value
            .and_then(Value::number)
            .is_some_and(|number| number != 0);
        Ok(match name {
            "SO_REUSEADDR" => self.socket.set_reuse_address(is_on),
            "TCP_NODELAY" => self.socket.set_tcp_nodelay(is_on),
            "SO_KEEPALIVE" => self.socket.set_keepalive(is_on),
            "SO_LINGER" => {
                let field = |name| value.and_then(|v| v.field(name)).and_then(Value::number);
                let seconds = field("linger").and_then(|seconds| u64::try_from(seconds).ok());
                let linger = field("onoff").filter(|on| *on != 0).and(seconds);
                self.socket.set_linger(linger.map(Duration::from_secs))
            }
            _ => return Err(Trouble::Unsupported(format!("setsockopt {name}"))),
        })
    }

    fn flow(&self, settings: &Settings, call: &Call) -> Result<Option<Flow>, Trouble> {
        let local = self
            .socket
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket());
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
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn remote(settings: &Settings, call: &Call) -> Result<SocketAddr, Trouble> {
    let standard = Endpoint::new(settings.remote.into(), settings.connect_port);
    Ok(socket_address(endpoint(call.arguments.get(1), standard)?))
}

fn socket_address(endpoint: Endpoint) -> SocketAddr {
    SocketAddr::new(endpoint.address, endpoint.port)
}

fn failed(error: &io::Error) -> Outcome {
    match name_of(error) {
        "EAGAIN" => Outcome::Wait,
        name => Outcome::Failed(name),
    }
}

/// The name of Linux's number.
fn name_of(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(9) => "EBADF",
        Some(11) => "EAGAIN",
        Some(22) => "EINVAL",
        Some(32) => "EPIPE",
        Some(98) => "EADDRINUSE",
        Some(99) => "EADDRNOTAVAIL",
        Some(101) => "ENETUNREACH",
        Some(103) => "ECONNABORTED",
        Some(104) => "ECONNRESET",
        Some(106) => "EISCONN",
        Some(107) => "ENOTCONN",
        Some(110) => "ETIMEDOUT",
        Some(111) => "ECONNREFUSED",
        Some(113) => "EHOSTUNREACH",
        Some(114) => "EALREADY",
        Some(115) => "EINPROGRESS",
        _ => "another error",
    }
}
