//! Options, flags and queries: setsockopt, getsockopt, fcntl, ioctl.

use coremill_tcp::congestion::Algorithm;
use coremill_tcp::options::{OptionError, SocketOption};
use coremill_tcp::{ConnectionId, Shard};

use super::refusals::name_of;
use super::sockets::{Kind, Sockets, Surroundings};
use crate::call_key::{CallChoice, CallKey};
use crate::error_names;
use crate::language::{Call, Value};
use crate::subject::Outcome;
use crate::symbols;
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn set_option(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        if let Some(key) = CallKey::of(around.settings, call)? {
            return Ok(self.set_key(around, call, &key));
        }
        if let Some(choice) = CallChoice::of(call) {
            return Ok(self.choose_keys(around, call, choice));
        }
        let name = option_name(call);
        let value = call.arguments.get(3);
        let number = value.and_then(|value| match value {
            Value::List(values) => values.first().and_then(symbols::number),
            value => symbols::number(value),
        });
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        match name {
            "SO_REUSEADDR" | "SO_REUSEPORT" => return Ok(Outcome::Done(0)),
            "SO_LINGER" => {
                let record = value.map(|value| match value {
                    Value::List(values) => values.first().unwrap_or(value),
                    value => value,
                });
                let field = |name| record.and_then(|r| r.field(name)).and_then(Value::number);
                socket.linger = field("l_onoff")
                    .or(field("onoff"))
                    .filter(|on| *on != 0)
                    .and(field("l_linger").or(field("linger")));
                return Ok(Outcome::Done(0));
            }
            _ => {}
        }
        let unsupported = || Trouble::Unsupported(format!("setsockopt {name}"));
        let option = named(name).ok_or_else(unsupported)?;
        let number = match (option, value.and_then(symbols::text)) {
            (SocketOption::Congestion, Some(name)) => match name.parse::<Algorithm>() {
                Ok(algorithm) => i64::from(algorithm.number()),
                Err(_) => return Ok(Outcome::Failed("ENOENT")),
            },
            _ => number.ok_or_else(unsupported)?,
        };
        let limits = around.machine.shard.limits();
        match socket.options.set(option, number, limits) {
            Ok(()) => {}
            Err(OptionError::NotAllowed) => return Ok(Outcome::Failed("EPERM")),
            Err(OptionError::Off) => return Ok(Outcome::Failed("EOPNOTSUPP")),
            Err(_) => return Ok(Outcome::Failed("EINVAL")),
        }
        let (now, shard) = (around.machine.now, &mut around.machine.shard);
        let set = match socket.kind {
            Kind::Fresh => Ok(()),
            Kind::Connection(id) => shard.set_option(now, id, option, number),
            Kind::Listening(id) => shard.set_listener_options(id, socket.options),
        };
        Ok(match set {
            Ok(()) => Outcome::Done(0),
            Err(OptionError::NoSocket) => Outcome::Failed("EINVAL"),
            Err(error) => return Err(Trouble::Difference(error.to_string())),
        })
    }

    pub(super) fn option(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let name = option_name(call);
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        if name == "SO_ERROR" {
            let error = socket
                .connection()
                .and_then(|id| around.machine.shard.error(id))
                .filter(|_| !std::mem::replace(&mut socket.is_error_told, true));
            let told = error.map_or("0", name_of);
            let expected = match call.arguments.get(3).map(Value::list) {
                Some([Value::Number(0)]) => "0",
                Some([Value::Number(number)]) => {
                    i32::try_from(*number).map_or("", error_names::name)
                }
                Some([value]) => value.word().unwrap_or("0"),
                _ => told,
            };
            if expected != told {
                return Err(Trouble::Difference(format!(
                    "SO_ERROR is {told}, not {expected}"
                )));
            }
            return Ok(Outcome::Done(0));
        }
        let unsupported = || Trouble::Unsupported(format!("getsockopt {name}"));
        let option = named(name).ok_or_else(unsupported)?;
        let shard = &around.machine.shard;
        let number = match socket.connection() {
            Some(id) => shard.option(id, option).map_err(|_| unsupported())?,
            None => socket.options.get(option, shard.limits()),
        };
        expect(call, 3, name, number)
    }

    pub(super) fn fcntl(&mut self, call: &Call) -> Result<Outcome, Trouble> {
        let Some(socket) = self.of_mut(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        match call.arguments.get(1).and_then(Value::word) {
            Some("F_GETFL") => Ok(Outcome::Done(
                O_RDWR | if socket.is_nonblocking { O_NONBLOCK } else { 0 },
            )),
            Some("F_SETFL") => {
                socket.is_nonblocking = call.arguments.get(2).is_some_and(|flags| {
                    flags.has("O_NONBLOCK") || flags.number().is_some_and(|n| n & O_NONBLOCK != 0)
                });
                Ok(Outcome::Done(0))
            }
            other => Err(Trouble::Unsupported(format!(
                "fcntl {}",
                other.unwrap_or_default()
            ))),
        }
    }

    pub(super) fn at_mark(&self, around: &Surroundings<'_>, call: &Call) -> Outcome {
        let Some(socket) = self.of(call) else {
            return Outcome::Failed("EBADF");
        };
        let id = socket.connection();
        let is_at_mark = id.is_some_and(|id| is_at_mark(&around.machine.shard, id));
        Outcome::Done(i64::from(is_at_mark))
    }

    pub(super) fn ioctl(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let request = call
            .arguments
            .get(1)
            .and_then(Value::word)
            .unwrap_or_default();
        let Some(socket) = self.of(call) else {
            return Ok(Outcome::Failed("EBADF"));
        };
        let id = socket.connection();
        let (now, shard) = (around.machine.now, &around.machine.shard);
        let row = id.and_then(|id| shard.row(now, id));
        let number = match request {
            "SIOCINQ" | "FIONREAD" => {
                let unread = row.map_or(0, |row| i64::from(row.receive_queue_bytes));
                let mark = id.and_then(|id| shard.urgent_mark(id));
                let before = mark.and_then(|mark| i64::try_from(mark.bytes_before).ok());
                // As Linux: out of line only what stands before the mark.
                match before.filter(|_| !socket.options.urgent_inline) {
                    Some(before) if before < unread => before,
                    _ => unread,
                }
            }
            "SIOCATMARK" => i64::from(id.is_some_and(|id| is_at_mark(shard, id))),
            "SIOCOUTQ" | "TIOCOUTQ" => row.map_or(0, |row| i64::from(row.send_queue_bytes)),
            _ => return Err(Trouble::Unsupported(format!("ioctl {request}"))),
        };
        expect(call, 2, request, number)
    }
}

/// The next byte to read is the urgent one, read or not.
fn is_at_mark(shard: &Shard, id: ConnectionId) -> bool {
    shard
        .urgent_mark(id)
        .is_some_and(|mark| mark.bytes_before == 0)
}

/// The machine's name of an option; None for one that it lacks.
fn named(name: &str) -> Option<SocketOption> {
    let (_, option) = OPTIONS.iter().find(|(known, _)| *known == name)?;
    Some(*option)
}

/// The number that a call writes to memory must be what stands in brackets.
fn expect(call: &Call, at: usize, name: &str, actual: i64) -> Result<Outcome, Trouble> {
    match call.arguments.get(at).map(Value::list) {
        Some([Value::Number(expected)]) if *expected != actual => Err(Trouble::Difference(
            format!("{name} is {actual}, not {expected}"),
        )),
        _ => Ok(Outcome::Done(0)),
    }
}

fn option_name(call: &Call) -> &str {
    let name = call.arguments.get(2).and_then(Value::word);
    name.unwrap_or("with a number for its name")
}

const O_RDWR: i64 = 0x2;
const O_NONBLOCK: i64 = 0x800;
/// Linux's names beside the machine's.
const OPTIONS: [(&str, SocketOption); 25] = [
    ("TCP_FASTOPEN", SocketOption::FastOpen),
    ("TCP_FASTOPEN_CONNECT", SocketOption::FastOpenConnect),
    ("TCP_FASTOPEN_NO_COOKIE", SocketOption::FastOpenNoCookie),
    ("TCP_CONGESTION", SocketOption::Congestion),
    ("SO_MAX_PACING_RATE", SocketOption::PacingRateMax),
    ("TCP_NODELAY", SocketOption::NoDelay),
    ("TCP_CORK", SocketOption::Cork),
    ("TCP_QUICKACK", SocketOption::QuickAck),
    ("SO_KEEPALIVE", SocketOption::Keepalive),
    ("TCP_KEEPIDLE", SocketOption::KeepaliveIdle),
    ("TCP_KEEPINTVL", SocketOption::KeepaliveInterval),
    ("TCP_KEEPCNT", SocketOption::KeepaliveCount),
    ("TCP_SYNCNT", SocketOption::SynCount),
    ("TCP_DEFER_ACCEPT", SocketOption::DeferAccept),
    ("SO_OOBINLINE", SocketOption::UrgentInline),
    ("TCP_LINGER2", SocketOption::FinWait2),
    ("TCP_USER_TIMEOUT", SocketOption::UserTimeout),
    ("TCP_NOTSENT_LOWAT", SocketOption::UnsentLowWater),
    ("TCP_WINDOW_CLAMP", SocketOption::WindowClamp),
    ("SO_SNDBUF", SocketOption::SendBuffer),
    ("SO_RCVBUF", SocketOption::ReceiveBuffer),
    ("IP_TOS", SocketOption::Tos),
    ("IP_TTL", SocketOption::Ttl),
    ("IP_MINTTL", SocketOption::MinTtl),
    ("IP_MTU_DISCOVER", SocketOption::MtuDiscover),
];
