//! Options, flags and queries: setsockopt, getsockopt, fcntl, ioctl.

use coremill_tcp::ip_fields::PathMtuDiscovery;
use coremill_tcp::options::SocketOptions;

use super::sockets::{Kind, Sockets, Surroundings, name_of};
use crate::language::{Call, Value};
use crate::subject::Outcome;
use crate::verdict::Trouble;

impl Sockets {
    pub(super) fn set_option(
        &mut self,
        around: &mut Surroundings<'_>,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let name = option_name(call);
        let value = call.arguments.get(3);
        let number = value.and_then(|value| match value {
            Value::List(values) => values.first().and_then(Value::number),
            value => value.number(),
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
        let Some(options) = number.and_then(|number| changed(socket.options, name, number)) else {
            return Err(Trouble::Unsupported(format!("setsockopt {name}")));
        };
        socket.options = options;
        if let Kind::Connection(id) = socket.kind {
            let (now, shard) = (around.machine.now, &mut around.machine.shard);
            // Scripts have few sockets.
            let _no_room = shard.set_socket_options(now, id, options);
        }
        Ok(Outcome::Done(0))
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
                Some([Value::Number(number)]) => number_name(*number),
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
        let number = match name {
            "TCP_NODELAY" => i64::from(socket.options.no_delay),
            "SO_KEEPALIVE" => i64::from(socket.options.keepalive),
            _ => return Err(Trouble::Unsupported(format!("getsockopt {name}"))),
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
            "SIOCINQ" | "FIONREAD" => row.map_or(0, |row| i64::from(row.receive_queue_bytes)),
            "SIOCOUTQ" | "TIOCOUTQ" => row.map_or(0, |row| i64::from(row.send_queue_bytes)),
            _ => return Err(Trouble::Unsupported(format!("ioctl {request}"))),
        };
        expect(call, 2, request, number)
    }
}

/// The options with one changed; None for one that sockets here do not have.
fn changed(mut options: SocketOptions, name: &str, number: i64) -> Option<SocketOptions> {
    match name {
        "TCP_NODELAY" => options.no_delay = number != 0,
        "SO_KEEPALIVE" => options.keepalive = number != 0,
        "IP_TOS" => options.ip = options.ip.with_tos(u8::try_from(number).ok()?),
        "IP_TTL" => options.ip.ttl = u8::try_from(number).ok()?,
        "IP_MINTTL" => options.ip.min_ttl = u8::try_from(number).ok()?,
        "IP_MTU_DISCOVER" => {
            options.ip.path_mtu_discovery =
                PathMtuDiscovery::from_number(u64::try_from(number).ok()?)?;
        }
        _ => return None,
    }
    Some(options)
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

/// Names of the errors that scripts give by number.
fn number_name(number: i64) -> &'static str {
    match number {
        0 => "0",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        113 => "EHOSTUNREACH",
        _ => "another error",
    }
}

const O_RDWR: i64 = 0x2;
const O_NONBLOCK: i64 = 0x800;
