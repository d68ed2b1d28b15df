//! Keys in system calls, for the peer unless `tcpm_addr=inet_addr("...")` (of TCP-AO: `addr`) names another one:
//! `setsockopt(3, SOL_TCP, TCP_MD5SIG, {tcpm_key="secret"}, ...)`, of which an empty one removes a key, TCP_MD5SIG_EXT with a
//! `tcpm_prefixlen`; `TCP_AO_ADD_KEY, {sndid=1, rcvid=2, key="secret"}` with `set_current=1` or `set_rnext=1`, TCP_AO_DEL_KEY
//! with the ids, and `TCP_AO_INFO, {current_key=1, rnext=2}`, which chooses among them.

use std::net::IpAddr;

use crate::language::{Call, Value};
use crate::settings::Settings;
use crate::verdict::Trouble;

/// What such a call says.
#[derive(Clone, Debug)]
pub struct CallKey {
    /// Whose key it is.
    pub peer: IpAddr,
    /// Bits of that address which count.
    pub prefix: u8,
    /// Empty for one that goes.
    pub secret: Vec<u8>,
    /// None for one of TCP-MD5.
    pub ao: Option<CallAoKey>,
}

/// What a call says of a key of TCP-AO, whose codes are of HMAC-SHA-1-96.
#[derive(Clone, Copy, Debug)]
pub struct CallAoKey {
    /// KeyIDs of what is sent and of what is received.
    pub ids: (u8, u8),
    /// It signs from now on.
    pub is_current: bool,
    /// The peer is asked for it from now on.
    pub is_next: bool,
}

/// Which keys a call chooses: by the id of what is sent, and of what is received.
#[derive(Clone, Copy, Debug)]
pub struct CallChoice {
    pub current: Option<u8>,
    pub next: Option<u8>,
}

impl CallKey {
    /// The key that a call sets or removes; None for a call about anything else.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] for what is no key.
    pub fn of(settings: &Settings, call: &Call) -> Result<Option<Self>, Trouble> {
        let unknown = || Trouble::Unsupported("a key of this form".to_owned());
        let Some(form) = Form::of(call) else {
            return Ok(None);
        };
        let (record, names) = (record(call), form.names());
        let field = |name| record.and_then(|record| record.field(name));
        let byte = |name| field(name).and_then(small);
        let peer = match field(names.peer) {
            None => Some(IpAddr::V4(settings.remote)),
            Some(Value::Function(_, arguments)) => match arguments.first() {
                Some(Value::Text(text)) => text.parse().ok(),
                _ => None,
            },
            Some(_) => None,
        };
        let prefix = match form {
            Form::Md5 => Some(32),
            Form::Md5OfPrefix => byte(names.prefix),
            Form::Ao | Form::AoGone => Some(byte(names.prefix).unwrap_or(32)),
        };
        let secret = match (&form, field(names.secret)) {
            (Form::AoGone, None) => Some(Vec::new()),
            (_, Some(Value::Text(secret))) => Some(secret.clone().into_bytes()),
            _ => None,
        };
        let ao = match form {
            Form::Md5 | Form::Md5OfPrefix => None,
            Form::Ao | Form::AoGone => Some(CallAoKey {
                ids: byte("sndid").zip(byte("rcvid")).ok_or_else(unknown)?,
                is_current: byte("set_current") == Some(1),
                is_next: byte("set_rnext") == Some(1),
            }),
        };
        Ok(Some(Self {
            peer: peer.ok_or_else(unknown)?,
            prefix: prefix.ok_or_else(unknown)?,
            secret: secret.ok_or_else(unknown)?,
            ao,
        }))
    }
}

impl CallChoice {
    /// The keys that a call chooses; None for a call about anything else.
    pub fn of(call: &Call) -> Option<Self> {
        let name = call.arguments.get(2).and_then(Value::word);
        let byte = |name| record(call)?.field(name).and_then(small);
        (name == Some("TCP_AO_INFO")).then(|| Self {
            current: byte("current_key"),
            next: byte("rnext"),
        })
    }
}

/// The options that give keys and take them away.
#[derive(Clone, Copy, Debug)]
enum Form {
    Md5,
    Md5OfPrefix,
    Ao,
    AoGone,
}

/// What fields are called.
struct Names {
    peer: &'static str,
    prefix: &'static str,
    secret: &'static str,
}

impl Form {
    fn of(call: &Call) -> Option<Self> {
        match call.arguments.get(2).and_then(Value::word)? {
            "TCP_MD5SIG" => Some(Self::Md5),
            "TCP_MD5SIG_EXT" => Some(Self::Md5OfPrefix),
            "TCP_AO_ADD_KEY" => Some(Self::Ao),
            "TCP_AO_DEL_KEY" => Some(Self::AoGone),
            _ => None,
        }
    }

    fn names(self) -> Names {
        match self {
            Self::Md5 | Self::Md5OfPrefix => Names {
                peer: "tcpm_addr",
                prefix: "tcpm_prefixlen",
                secret: "tcpm_key",
            },
            Self::Ao | Self::AoGone => Names {
                peer: "addr",
                prefix: "prefix",
                secret: "key",
            },
        }
    }
}

fn record(call: &Call) -> Option<&Value> {
    match call.arguments.get(3) {
        Some(Value::List(values)) => values.first(),
        other => other,
    }
}

fn small(value: &Value) -> Option<u8> {
    value.number().and_then(|number| u8::try_from(number).ok())
}
