//! setsockopt, getsockopt and ioctl of any option that Linux has, by its name.

use std::io;
use std::net::IpAddr;

use super::agent::Agent;
use super::calls::{Held, done, failed};
use crate::call_key::CallKey;
use crate::error_names;
use crate::info::Info;
use crate::language::{Call, Value};
use crate::settings::Settings;
use crate::subject::Outcome;
use crate::symbols::{self, Shape, option};
use crate::verdict::Trouble;
use crate::wanted::Wanted;

impl Held {
    pub(super) fn set_option(
        &self,
        agent: &Agent,
        settings: &Settings,
        call: &Call,
    ) -> Result<Outcome, Trouble> {
        let key = CallKey::of(settings, call)?;
        if key.as_ref().is_some_and(|key| key.ao.is_some()) {
            return Err(Trouble::Unsupported("TCP-AO beside the kernel".to_owned()));
        }
        if let Some(key) = key {
            let option = if key.prefix == 32 {
                MD5_KEY
            } else {
                MD5_KEY_OF_PREFIX
            };
            return Ok(done(agent.set(&self.socket, TCP, option, &md5_key(&key))));
        }
        let (name, level, number, shape) = named(call)?;
        let value = first(call.arguments.get(3));
        let unsupported = || Trouble::Unsupported(format!("setsockopt {name} with this value"));
        let bytes = match shape {
            Shape::Info => return Err(unsupported()),
            Shape::Text => match value {
                Some(Value::Text(text)) => text.clone().into_bytes(),
                _ => return Err(unsupported()),
            },
            Shape::Linger => linger(value).ok_or_else(unsupported)?,
            Shape::Number => {
                let number = value.and_then(plain).ok_or_else(unsupported)?;
                number.to_ne_bytes().to_vec()
            }
        };
        Ok(done(agent.set(&self.socket, level, number, &bytes)))
    }

    pub(super) fn option(&self, agent: &Agent, call: &Call) -> Result<Outcome, Trouble> {
        let (name, level, number, shape) = named(call)?;
        let bytes = match agent.get(&self.socket, level, number, ROOM) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(failed(&error)),
        };
        let Some(expected) = first(call.arguments.get(3)) else {
            return Ok(Outcome::Done(0));
        };
        let actual = <[u8; 4]>::try_from(bytes.as_slice()).map(i32::from_ne_bytes);
        let is_same = match (shape, expected) {
            (_, Value::Any) => true,
            (Shape::Text, Value::Text(text)) => {
                let end = bytes.iter().position(|byte| *byte == 0);
                bytes.get(..end.unwrap_or(bytes.len())) == Some(text.as_bytes())
            }
            (Shape::Linger, value) => linger(Some(value)).is_some_and(|wanted| wanted == bytes),
            (Shape::Number, Value::Words(words)) if number == SO_ERROR => {
                let name = actual.ok().filter(|number| *number != 0);
                words.first().map(String::as_str) == name.map(error_names::name)
            }
            (Shape::Number, value) => plain(value) == actual.ok(),
            _ => false,
        };
        if is_same {
            return Ok(Outcome::Done(0));
        }
        let actual = match actual {
            Ok(number) => number.to_string(),
            Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let what = format!("{name} is {actual}, not what is expected");
        Err(Trouble::Difference(what))
    }

    pub(super) fn info(&self, agent: &Agent) -> io::Result<Vec<u8>> {
        agent.get(&self.socket, 6, 11, ROOM)
    }

    /// What is wanted besides; nobody has RFC 4898.
    pub(super) fn besides(&self, agent: &Agent, wanted: Wanted, mut info: Info) -> Info {
        let words = |level, name| {
            let bytes = agent.get(&self.socket, level, name, ROOM).ok()?;
            let words = bytes.chunks_exact(4).map(<[u8; 4]>::try_from);
            Some(words.flatten().map(u32::from_ne_bytes).collect::<Vec<_>>())
        };
        if let Some(memory) = wanted.memory.then(|| words(1, MEMORY_INFO)).flatten() {
            info = info.with_memory(&memory);
        }
        let own = wanted.congestion.then(|| words(TCP, CONGESTION_INFO));
        match own.flatten() {
            Some(words) if words.len() == 5 => info.with_congestion("bbr", &words),
            Some(words) if words.len() == 4 => info.with_congestion("dctcp", &words),
            _ => info,
        }
    }

    pub(super) fn at_mark(&self, agent: &Agent) -> Outcome {
        match agent.ioctl(&self.socket, AT_MARK) {
            Ok(is_at_mark) => Outcome::Done(i64::from(is_at_mark)),
            Err(error) => failed(&error),
        }
    }

    pub(super) fn ioctl(&self, agent: &Agent, call: &Call) -> Result<Outcome, Trouble> {
        let request = call.arguments.get(1).and_then(Value::word);
        let number = match request.unwrap_or_default() {
            "SIOCINQ" | "FIONREAD" => 0x541b,
            "SIOCOUTQ" | "TIOCOUTQ" => 0x5411,
            "SIOCOUTQNSD" => 0x894b,
            "SIOCATMARK" => AT_MARK,
            other => return Err(Trouble::Unsupported(format!("ioctl {other}"))),
        };
        let actual = match agent.ioctl(&self.socket, number) {
            Ok(actual) => actual,
            Err(error) => return Ok(failed(&error)),
        };
        match first(call.arguments.get(2)) {
            Some(Value::Number(expected)) if *expected != i64::from(actual) => {
                let request = request.unwrap_or_default();
                let what = format!("{request} is {actual}, not {expected}");
                Err(Trouble::Difference(what))
            }
            _ => Ok(Outcome::Done(0)),
        }
    }
}

/// The option that a call is about: name, level, number, shape.
fn named(call: &Call) -> Result<(&str, i32, i32, Shape), Trouble> {
    let name = call.arguments.get(2).and_then(Value::word);
    let name = name.unwrap_or("with a number for its name");
    let (level, number, shape) =
        option(name).ok_or_else(|| Trouble::Unsupported(format!("{} {name}", call.name)))?;
    Ok((name, level, number, shape))
}

/// What stands in brackets, or without.
fn first(value: Option<&Value>) -> Option<&Value> {
    match value {
        Some(Value::List(values)) => values.first(),
        other => other,
    }
}

/// A number as the kernel takes it; some are written without a sign.
fn plain(value: &Value) -> Option<i32> {
    let number = symbols::number(value)?;
    let unsigned = || u32::try_from(number).ok().map(u32::cast_signed);
    i32::try_from(number).ok().or_else(unsigned)
}

/// `struct linger`, whose fields packetdrill names without their prefix.
fn linger(value: Option<&Value>) -> Option<Vec<u8>> {
    let field = |name: &str| {
        let field = value?.field(name).or(value?.field(&format!("l_{name}")))?;
        i32::try_from(field.number()?).ok()
    };
    let mut bytes = field("onoff")?.to_ne_bytes().to_vec();
    bytes.extend(field("linger")?.to_ne_bytes());
    Some(bytes)
}

/// `struct tcp_md5sig`.
fn md5_key(key: &CallKey) -> Vec<u8> {
    let mut bytes = AF_INET.to_ne_bytes().to_vec();
    bytes.extend([0; 2]);
    if let IpAddr::V4(peer) = key.peer {
        bytes.extend(peer.octets());
    }
    bytes.resize(ADDRESS_BYTES, 0);
    let length = u16::try_from(key.secret.len()).unwrap_or(u16::MAX);
    bytes.extend([u8::from(key.prefix != 32), key.prefix]);
    bytes.extend(length.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(&key.secret);
    bytes.resize(ADDRESS_BYTES + 8 + KEY_BYTES, 0);
    bytes
}

const TCP: i32 = 6;
/// SO_MEMINFO and TCP_CC_INFO.
const MEMORY_INFO: i32 = 55;
const CONGESTION_INFO: i32 = 26;
/// TCP_MD5SIG and TCP_MD5SIG_EXT.
const MD5_KEY: i32 = 14;
const MD5_KEY_OF_PREFIX: i32 = 32;
const AF_INET: u16 = 2;
/// `struct sockaddr_storage`.
const ADDRESS_BYTES: usize = 128;
const KEY_BYTES: usize = 80;
const AT_MARK: i32 = 0x8905;
const SO_ERROR: i32 = 4;
const ROOM: i32 = 1_024;
