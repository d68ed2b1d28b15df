//! The shard's errors by Linux's names.

use coremill_tcp::error::{ConnectError, ConnectionError};

use crate::subject::Outcome;
use crate::verdict::Trouble;

/// Why a socket was not connected.
pub(super) fn not_connected(error: ConnectError) -> Result<Outcome, Trouble> {
    match error {
        ConnectError::AddressInUse(_) | ConnectError::NoPort(_) => {
            Ok(Outcome::Failed("EADDRNOTAVAIL"))
        }
        ConnectError::BadAddress(_) => Ok(Outcome::Failed("ENETUNREACH")),
        ConnectError::NoKey => Ok(Outcome::Failed("EKEYREJECTED")),
        error @ (ConnectError::TableFull(_) | ConnectError::NoRoomForKeys) => {
            Err(Trouble::Difference(error.to_string()))
        }
    }
}

/// The number that Linux gives an error, by its name.
pub(super) fn name_of(error: ConnectionError) -> &'static str {
    match error {
        ConnectionError::Refused => "ECONNREFUSED",
        ConnectionError::Reset => "ECONNRESET",
        ConnectionError::TimedOut => "ETIMEDOUT",
        ConnectionError::HostUnreachable => "EHOSTUNREACH",
        ConnectionError::NetworkUnreachable => "ENETUNREACH",
        ConnectionError::Aborted => "ECONNABORTED",
    }
}
