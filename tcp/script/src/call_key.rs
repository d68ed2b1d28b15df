//! Keys in system calls: `setsockopt(3, SOL_TCP, TCP_MD5SIG, {tcpm_key="secret"}, ...)`, for the peer unless
//! `tcpm_addr=inet_addr("...")` names another one; TCP_MD5SIG_EXT has a `tcpm_prefixlen`. An empty key removes one.

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
}

impl CallKey {
    /// The key that a call sets or removes; None for a call about anything else.
    ///
    /// # Errors
    /// [`Trouble::Unsupported`] for what is no key.
    pub fn of(settings: &Settings, call: &Call) -> Result<Option<Self>, Trouble> {
        let name = call.arguments.get(2).and_then(Value::word);
        let has_prefix = match name {
            Some("TCP_MD5SIG") => false,
            Some("TCP_MD5SIG_EXT") => true,
            _ => return Ok(None),
        };
        let record = match call.arguments.get(3) {
            Some(Value::List(values)) => values.first(),
            other => other,
        };
        let field = |name| record.and_then(|record| record.field(name));
        let peer = match field("tcpm_addr") {
            None => Some(IpAddr::V4(settings.remote)),
            Some(Value::Function(_, arguments)) => match arguments.first() {
                Some(Value::Text(text)) => text.parse().ok(),
                _ => None,
            },
            Some(_) => None,
        };
        let prefix = field("tcpm_prefixlen").and_then(Value::number);
        let prefix = match has_prefix {
            true => prefix.and_then(|prefix| u8::try_from(prefix).ok()),
            false => Some(32),
        };
        match (peer, prefix, field("tcpm_key")) {
            (Some(peer), Some(prefix), Some(Value::Text(secret))) => Ok(Some(Self {
                peer,
                prefix,
                secret: secret.clone().into_bytes(),
            })),
            _ => Err(Trouble::Unsupported("a key of this form".to_owned())),
        }
    }
}
