//! Addresses in system calls: `...`, or a record of family, port and address.

use coremill_tcp::address::Endpoint;

use crate::language::Value;
use crate::verdict::Trouble;

/// The endpoint that a call is given; `standard` for `...`.
///
/// # Errors
/// [`Trouble::Unsupported`] for what is no IPv4 address.
pub fn endpoint(value: Option<&Value>, standard: Endpoint) -> Result<Endpoint, Trouble> {
    let Some(record @ Value::Record(_)) = value else {
        return Ok(standard);
    };
    let unsupported = || Trouble::Unsupported("socket addresses other than IPv4".to_owned());
    if !record
        .field("sa_family")
        .is_some_and(|family| family.has("AF_INET"))
    {
        return Err(unsupported());
    }
    let port = match record.field("sin_port") {
        Some(Value::Function(_, arguments)) => arguments.first().and_then(Value::number),
        _ => None,
    };
    let address = match record.field("sin_addr") {
        Some(Value::Function(_, arguments)) => match arguments.first() {
            Some(Value::Text(text)) => text.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    let port = port.and_then(|port| u16::try_from(port).ok());
    match (address, port) {
        (Some(address), Some(port)) => Ok(Endpoint::new(address, port)),
        _ => Err(unsupported()),
    }
}
