//! System calls as the shard's verbs: a table of sockets by the script's descriptors.
//!
//! A call that would block gives [`Outcome::Wait`]; whoever runs the script tries again later, or
//! tells a non-blocking caller so.

use std::collections::BTreeMap;

use coremill_tcp::address::{Endpoint, Flow};
use coremill_tcp::error::ListenError;
use coremill_tcp::options::{ConnectOptions, ListenOptions, SocketOptions};
use coremill_tcp::{ConnectionId, ListenerId, State};

use super::Stack;
use super::refusals::{name_of, not_connected};
use crate::call_address::endpoint;
use crate::language::{Call, Value};
use crate::polling::Epolls;
use crate::settings::Settings;
use crate::subject::{Outcome, Progress, Tried};
use crate::verdict::Trouble;

/// The script's sockets.
#[derive(Debug, Default)]
pub struct Sockets {
    pub(super) table: BTreeMap<i64, Socket>,
    pub(super) epolls: Epolls,
}

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) kind: Kind,
    pub(super) is_nonblocking: bool,
    pub(super) options: SocketOptions,
    pub(super) bound: Option<Endpoint>,
    /// SO_LINGER with this many seconds.
    pub(super) linger: Option<i64>,
    /// SHUT_RD was called.
    pub(super) is_read_shut: bool,
    /// The connection's error was told: it is told once.
    pub(super) is_error_told: bool,
    /// SHUT_WR was called.
    pub(super) is_write_shut: bool,
    /// `connect` has told that it succeeded.
    pub(super) is_connect_told: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Fresh,
    Listening(ListenerId),
    Connection(ConnectionId),
}

/// What calls work with.
pub struct Surroundings<'a> {
    pub(super) machine: &'a mut Stack,
    pub(super) settings: &'a Settings,
    pub(super) opened: Option<Flow>,
    listens: bool,
}

impl Sockets {
    /// Tries a call.
    ///
    /// # Errors
    /// When it asks for what the machine lacks, or writes another value to memory than expected.
    pub fn attempt(
        &mut self,
        machine: &mut Stack,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Tried, Trouble> {
        let mut around = Surroundings {
            machine,
            settings,
            opened: None,
            listens: false,
        };
        let outcome = self.dispatch(&mut around, call, progress)?;
        let is_nonblocking = self.is_nonblocking(call);
        let outcome = match outcome {
            Outcome::Wait if is_nonblocking => Outcome::Failed("EAGAIN"),
            Outcome::WaitOr(error) if is_nonblocking => Outcome::Failed(error),
            Outcome::WaitOr(_) => Outcome::Wait,
            outcome => outcome,
        };
        Ok(Tried {
            outcome,
            opened: around.opened,
            listens: around.listens,
        })
    }

    fn dispatch(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Outcome, Trouble> {
        match call.name.as_str() {
            "socket" => self.socket(call),
            "bind" => self.bind(around, call),
            "listen" => self.listen(around, call),
            "accept" | "accept4" => self.accept(around, call),
            "connect" => self.connect(around, call),
            "close" => self.close(around, call, progress),
            "shutdown" => self.shutdown(around, call),
            "read" | "recv" | "recvfrom" | "readv" | "recvmsg" => self.read(around, call, progress),
            "write" | "send" | "sendto" | "writev" | "sendmsg" => {
                self.write(around, call, progress)
            }
            "setsockopt" => self.set_option(around, call),
            "getsockopt" => self.option(around, call),
            "fcntl" => self.fcntl(call),
            "ioctl" => self.ioctl(around, call),
            "sockatmark" => Ok(self.at_mark(around, call)),
            "poll" => self.poll(around, call, progress),
            name if name.starts_with("epoll_") => self.epoll(around, call, progress),
            name => Err(Trouble::Unsupported(format!("system call {name}"))),
        }
    }

    fn is_nonblocking(&self, call: &Call) -> bool {
        let has_flag = call.arguments.iter().any(|value| value.has("MSG_DONTWAIT"));
        // The last argument of poll is its own way of waiting.
        call.name != "poll"
            && !call.name.starts_with("epoll_")
            && (has_flag || self.of(call).is_some_and(|s| s.is_nonblocking))
    }

    /// The connection that packets of `flow` are about.
    pub fn connection_of(&self, machine: &Stack, flow: Flow) -> Option<ConnectionId> {
        let mut ids = self.table.values().rev().filter_map(Socket::connection);
        ids.find(|id| machine.shard.flow(*id) == Some(flow))
    }

    /// The socket that a call's first argument names.
    pub(super) fn of(&self, call: &Call) -> Option<&Socket> {
        self.table.get(&call.arguments.first()?.number()?)
    }

    pub(super) fn of_mut(&mut self, call: &Call) -> Option<&mut Socket> {
        self.table.get_mut(&call.arguments.first()?.number()?)
    }

    fn socket(&mut self, call: &Call) -> Result<Outcome, Trouble> {
        let kind = call.arguments.get(1);
        let is_ours = kind.is_some_and(|kind| kind.has("SOCK_STREAM"));
        if !is_ours
            || call
                .arguments
                .first()
                .is_some_and(|family| family.has("AF_INET6"))
        {
            return Err(Trouble::Unsupported(
                "sockets other than TCP over IPv4".into(),
            ));
        }
        let is_nonblocking = kind.is_some_and(|kind| kind.has("SOCK_NONBLOCK"));
        Ok(self.insert(call, Kind::Fresh, SocketOptions::default(), is_nonblocking))
    }

    /// Opens a socket under the descriptor that the script expects.
    fn insert(
        &mut self,
        call: &Call,
        kind: Kind,
        options: SocketOptions,
        is_nonblocking: bool,
    ) -> Outcome {
        let last = self.table.last_key_value().map_or(2, |(last, _)| *last);
        let expected = call.result.number().filter(|number| *number >= 0);
        let descriptor = expected.unwrap_or(last + 1);
        if self.table.contains_key(&descriptor) {
            return Outcome::Done(last + 1);
        }
        let socket = Socket {
            kind,
            is_nonblocking,
            options,
            bound: None,
            linger: None,
            is_read_shut: false,
            is_error_told: false,
            is_write_shut: false,
            is_connect_told: false,
        };
        self.table.insert(descriptor, socket);
        Outcome::Done(descriptor)
    }

    fn bind(&mut self, around: &Surroundings<'_>, call: &Call) -> Result<Outcome, Trouble> {
        let settings = around.settings;
        let standard = Endpoint::new(settings.local.into(), settings.bind_port);
        let endpoint = endpoint(call.arguments.get(1), standard)?;
        let mut others = self.table.values();
        let is_taken = others
            .any(|other| matches!(other.kind, Kind::Listening(_)) && other.bound == Some(endpoint));
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        if socket.bound.is_some() || !matches!(socket.kind, Kind::Fresh) {
            return Ok(Outcome::Failed("EINVAL"));
        }
        if is_taken {
            return Ok(Outcome::Failed("EADDRINUSE"));
        }
        socket.bound = Some(endpoint);
        Ok(Outcome::Done(0))
    }

    fn listen(&mut self, around: &mut Surroundings<'_>, call: &Call) -> Result<Outcome, Trouble> {
        let backlog = call.arguments.get(1).and_then(Value::number).unwrap_or(128);
        let backlog = usize::try_from(backlog).unwrap_or(128);
        let shard = &mut around.machine.shard;
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        match socket.kind {
            Kind::Connection(_) => return Ok(Outcome::Failed("EINVAL")),
            Kind::Listening(id) => {
                return Ok(match shard.set_backlog(id, backlog) {
                    Ok(()) => Outcome::Done(0),
                    Err(_) => Outcome::Failed("EINVAL"),
                });
            }
            Kind::Fresh => {}
        }
        let Some(local) = socket.bound else {
            return Err(Trouble::Unsupported("listen without bind".into()));
        };
        let options = ListenOptions {
            local,
            backlog,
            queued: std::sync::Arc::default(),
            cookie: 0,
            socket: socket.options,
        };
        match shard.listen(options) {
            Ok(id) => {
                socket.kind = Kind::Listening(id);
                around.listens = true;
                Ok(Outcome::Done(0))
            }
            Err(ListenError::AddressInUse(_)) => Ok(Outcome::Failed("EADDRINUSE")),
            Err(error) => Err(Trouble::Difference(error.to_string())),
        }
    }

    fn accept(&mut self, around: &mut Surroundings<'_>, call: &Call) -> Result<Outcome, Trouble> {
        let Some(socket) = self.of(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let Kind::Listening(listener) = socket.kind else {
            return Ok(Outcome::Failed("EINVAL"));
        };
        let options = socket.options;
        let flags = call.arguments.get(3);
        let is_nonblocking = flags.is_some_and(|flags| flags.has("SOCK_NONBLOCK"));
        let Some(id) = around.machine.shard.accept(listener) else {
            return Ok(Outcome::Wait);
        };
        Ok(self.insert(call, Kind::Connection(id), options, is_nonblocking))
    }

    fn connect(&mut self, around: &mut Surroundings<'_>, call: &Call) -> Result<Outcome, Trouble> {
        let remote = remote(around, call.arguments.get(1))?;
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        match socket.kind {
            Kind::Listening(_) => return Ok(Outcome::Failed("EISCONN")),
            Kind::Connection(id) => return Ok(socket.connecting(around.machine, id)),
            Kind::Fresh => {}
        }
        let options = socket.towards(around.settings, remote);
        let now = around.machine.now;
        match around.machine.shard.connect(now, &options, &|_| true) {
            Ok(id) => {
                socket.kind = Kind::Connection(id);
                around.opened = around.machine.shard.flow(id);
                // It waits for data to go with the SYN.
                let is_deferred = around.machine.shard.send_room(id) > 0;
                socket.is_connect_told = is_deferred;
                Ok(match is_deferred {
                    true => Outcome::Done(0),
                    false => Outcome::WaitOr("EINPROGRESS"),
                })
            }
            Err(error) => not_connected(error),
        }
    }

    fn shutdown(&mut self, around: &mut Surroundings<'_>, call: &Call) -> Result<Outcome, Trouble> {
        let how = call.arguments.get(1);
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let Kind::Connection(id) = socket.kind else {
            return Ok(Outcome::Failed("ENOTCONN"));
        };
        let has =
            |word, number| how.is_some_and(|how| how.has(word) || how.number() == Some(number));
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        if has("SHUT_WR", 1) || has("SHUT_RDWR", 2) {
            let is_first = !std::mem::replace(&mut socket.is_write_shut, true);
            let is_synchronized = socket.state(around.machine) != Some(State::Closed);
            let shard = &mut around.machine.shard;
            if !is_synchronized || (is_first && shard.shutdown(now, id).is_err()) {
                return Ok(Outcome::Failed("ENOTCONN"));
            }
        } else if shard
            .row(now, id)
            .is_none_or(|row| row.state == State::Closed)
        {
            return Ok(Outcome::Failed("ENOTCONN"));
        }
        socket.is_read_shut |= has("SHUT_RD", 0) || has("SHUT_RDWR", 2);
        Ok(Outcome::Done(0))
    }
}

impl Socket {
    /// An active open of this socket.
    pub(super) fn towards(&self, settings: &Settings, remote: Endpoint) -> ConnectOptions {
        ConnectOptions {
            source: settings.local.into(),
            source_port: self.bound.map(|bound| bound.port),
            remote,
            mtu: settings.mtu,
            cookie: 0,
            socket: self.options,
        }
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.kind {
            Kind::Connection(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn state(&self, machine: &Stack) -> Option<State> {
        let row = machine.shard.row(machine.now, self.connection()?);
        row.map(|row| row.state)
    }

    /// What `connect` says of an active open under way.
    fn connecting(&mut self, machine: &mut Stack, id: ConnectionId) -> Outcome {
        if let Some(error) = machine.shard.error(id) {
            return match std::mem::replace(&mut self.is_error_told, true) {
                false => Outcome::Failed(name_of(error)),
                true => Outcome::Failed("ECONNABORTED"),
            };
        }
        match self.state(machine) {
            Some(State::SynSent | State::SynReceived) => Outcome::WaitOr("EALREADY"),
            _ if self.is_connect_told => Outcome::Failed("EISCONN"),
            _ => {
                self.is_connect_told = true;
                Outcome::Done(0)
            }
        }
    }
}

/// The peer that an argument names, or the usual one.
pub(super) fn remote(
    around: &Surroundings<'_>,
    argument: Option<&Value>,
) -> Result<Endpoint, Trouble> {
    let settings = around.settings;
    let standard = Endpoint::new(settings.remote.into(), settings.connect_port);
    endpoint(argument, standard)
}
