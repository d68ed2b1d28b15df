//! System calls as the shard's verbs: a table of sockets by the script's descriptors.
//!
//! A call that would block gives [`Outcome::Wait`]; whoever runs the script tries again later, or
//! tells a non-blocking caller so.

use std::collections::BTreeMap;

use coremill_tcp::address::{Endpoint, Flow};
use coremill_tcp::authentication::PeerKey;
use coremill_tcp::options::SocketOptions;
use coremill_tcp::{ConnectionId, ListenerId, State};

use super::Stack;
use crate::call_address::endpoint;
use crate::language::Call;
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
    /// Of one that is nothing yet.
    pub(super) keys: Vec<PeerKey>,
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
    pub(super) listens: bool,
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
    pub(super) fn insert(
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
            keys: Vec::new(),
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
}
