//! Socket options of an application, by Linux's numbers, which are the ring's too. What is chosen before there
//! is a connection or a listener is kept for the listener; the daemon keeps it for the connection.

use std::io;
use std::time::Duration;

use coremill_client::{PeerKey, Stack, TcpListener, TcpStream};
use coremill_tcp::congestion::Algorithm;

use super::held::{Held, Kind, failed};
use super::keys::KeysGiven;
use crate::error_names;
use crate::language::{Call, Value};
use crate::subject::Outcome;
use crate::symbols::{self, Shape, option};
use crate::verdict::Trouble;

/// Options in the order in which they were set: number of the ring, value.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    numbers: Vec<(u32, i64)>,
    pub(super) keys: KeysGiven,
    linger: Option<Duration>,
}

impl Chosen {
    /// Sets what neither a listener nor a socket that is no connection passes on.
    pub fn apply_linger(&self, stream: &TcpStream) -> io::Result<()> {
        match self.linger {
            None => Ok(()),
            linger => stream.set_linger(linger),
        }
    }

    /// Sets all of them for the connections of a listener.
    pub fn apply_to(&self, listener: &TcpListener) -> io::Result<()> {
        let mut numbers = self.numbers.iter();
        numbers.try_for_each(|(number, value)| listener.set_option(*number, *value))
    }

    /// Keys that a listener has from the beginning on.
    pub fn keys(&self) -> Vec<PeerKey> {
        self.keys.all()
    }

    /// SO_LINGER.
    pub fn linger(&self) -> Option<Duration> {
        self.linger
    }
}

impl Held {
    pub(super) fn set_option(&mut self, stack: &Stack, call: &Call) -> Result<Outcome, Trouble> {
        let (name, number, shape) = named(call)?;
        let value = first(call.arguments.get(3));
        if matches!(name, "SO_REUSEADDR" | "SO_REUSEPORT") {
            return Ok(Outcome::Done(0));
        }
        let unsupported = || Trouble::Unsupported(format!("setsockopt {name} with this value"));
        if shape == Shape::Linger {
            let field = |field: &str| {
                let value = value?;
                let found = value.field(field).or(value.field(&format!("l_{field}")));
                found.and_then(Value::number)
            };
            let seconds = field("linger").and_then(|seconds| u64::try_from(seconds).ok());
            let is_on = field("onoff").is_some_and(|on| on != 0);
            self.chosen.linger = seconds.filter(|_| is_on).map(Duration::from_secs);
            return Ok(match self.stream() {
                Some(stream) => done(stream.set_linger(self.chosen.linger)),
                None => Outcome::Done(0),
            });
        }
        let value = match (name, value.and_then(symbols::text)) {
            // Names are for setsockopt; the ring has numbers.
            ("TCP_CONGESTION", Some(name)) => match name.parse::<Algorithm>() {
                Ok(algorithm) => i64::from(algorithm.number()),
                Err(_) => return Ok(Outcome::Failed("ENOENT")),
            },
            (_, _) => value.and_then(symbols::number).ok_or_else(unsupported)?,
        };
        let set = match &self.kind {
            Kind::Fresh(_) => self
                .fresh(stack)
                .and_then(|socket| socket.set_option(number, value)),
            // One that does not block would hear of a refusal only later.
            Kind::Stream(stream) => waiting(stream, || stream.set_option(number, value)),
            Kind::Listening(listener) => listener.set_option(number, value),
        };
        if matches!(self.kind, Kind::Fresh(_)) && set.is_ok() {
            self.chosen.numbers.push((number, value));
        }
        known(name, set).map(done)
    }

    pub(super) fn option(&mut self, stack: &Stack, call: &Call) -> Result<Outcome, Trouble> {
        let (name, number, _) = named(call)?;
        let expected = first(call.arguments.get(3));
        if name == "SO_ERROR" {
            return self.error(expected);
        }
        let got = match &self.kind {
            Kind::Stream(stream) => stream.option(number),
            Kind::Listening(listener) => listener.option(number),
            Kind::Fresh(_) => self.fresh(stack).and_then(|socket| socket.option(number)),
        };
        match known(name, got)? {
            Ok(actual) => same(name, expected, actual),
            Err(error) => Ok(failed(&error)),
        }
    }

    /// SO_ERROR, which is told once.
    fn error(&self, expected: Option<&Value>) -> Result<Outcome, Trouble> {
        let error = match self.stream().map(TcpStream::take_error) {
            Some(Ok(error)) => error,
            Some(Err(error)) => return Ok(failed(&error)),
            None => None,
        };
        let actual = error.as_ref().map_or("0", error_names::of);
        let expected = match expected {
            Some(Value::Number(0)) => "0",
            Some(Value::Number(number)) => i32::try_from(*number).map_or("", error_names::name),
            Some(value) => value.word().unwrap_or("0"),
            None => actual,
        };
        if expected == actual {
            return Ok(Outcome::Done(0));
        }
        let what = format!("SO_ERROR is {actual}, not {expected}");
        Err(Trouble::Difference(what))
    }

    pub(super) fn at_mark(&self) -> Outcome {
        match self.stream().map(TcpStream::at_mark) {
            Some(Ok(is_at_mark)) => Outcome::Done(i64::from(is_at_mark)),
            Some(Err(error)) => failed(&error),
            None => Outcome::Failed("EINVAL"),
        }
    }

    pub(super) fn ioctl(&self, call: &Call) -> Result<Outcome, Trouble> {
        let request = call.arguments.get(1).and_then(Value::word);
        let request = request.unwrap_or_default();
        if request == "SIOCATMARK" {
            return match self.at_mark() {
                Outcome::Done(is_at_mark) => {
                    same(request, first(call.arguments.get(2)), is_at_mark)
                }
                failed => Ok(failed),
            };
        }
        let info = match self.stream().map(TcpStream::info) {
            Some(Ok(info)) => info,
            Some(Err(error)) => return Ok(failed(&error)),
            None => return Ok(Outcome::Failed("EINVAL")),
        };
        let actual = match request {
            "SIOCINQ" | "FIONREAD" => info.receive_queue_bytes,
            "SIOCOUTQ" | "TIOCOUTQ" => info.send_queue_bytes,
            _ => return Err(Trouble::Unsupported(format!("ioctl {request}"))),
        };
        same(request, first(call.arguments.get(2)), i64::from(actual))
    }
}

/// Does something with a stream that blocks for so long.
fn waiting<T>(stream: &TcpStream, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    stream.set_nonblocking(false)?;
    let done = act();
    stream.set_nonblocking(true)?;
    done
}

/// An option that Linux has and the daemon has not is unsupported, not an error.
fn known<T>(name: &str, result: io::Result<T>) -> Result<io::Result<T>, Trouble> {
    match result {
        Err(error) if error_names::of(&error) == "ENOPROTOOPT" => {
            Err(Trouble::Unsupported(format!("socket option {name}")))
        }
        result => Ok(result),
    }
}

/// The option that a call is about: name, number of the ring, shape.
fn named(call: &Call) -> Result<(&str, u32, Shape), Trouble> {
    let name = call.arguments.get(2).and_then(Value::word);
    let name = name.unwrap_or("with a number for its name");
    let unsupported = || Trouble::Unsupported(format!("{} {name}", call.name));
    let (level, number, shape) = option(name).ok_or_else(unsupported)?;
    let number = level.cast_unsigned() << 16 | number.cast_unsigned();
    Ok((name, number, shape))
}

fn same(name: &str, expected: Option<&Value>, actual: i64) -> Result<Outcome, Trouble> {
    match expected.and_then(Value::number) {
        Some(expected) if expected != actual => {
            let what = format!("{name} is {actual}, not {expected}");
            Err(Trouble::Difference(what))
        }
        _ => Ok(Outcome::Done(0)),
    }
}

pub(super) fn done(result: io::Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done(0),
        Err(error) => failed(&error),
    }
}

/// What stands in brackets, or without.
fn first(value: Option<&Value>) -> Option<&Value> {
    match value {
        Some(Value::List(values)) => values.first(),
        other => other,
    }
}
