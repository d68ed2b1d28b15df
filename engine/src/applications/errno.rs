//! Linux's numbers of what can go wrong, as answers and states carry them (errno(3)).

use coremill_tcp::error::{ConnectError, ConnectionError, ListenError, SendError};
use rustix::io::Errno;

/// The number of an error.
pub(super) fn number(error: Errno) -> u16 {
    u16::try_from(error.raw_os_error()).unwrap_or(0)
}

/// Why a connection ended.
pub(super) fn of_connection(error: ConnectionError) -> u16 {
    number(match error {
        ConnectionError::Refused => Errno::CONNREFUSED,
        ConnectionError::Reset => Errno::CONNRESET,
        ConnectionError::TimedOut => Errno::TIMEDOUT,
        ConnectionError::HostUnreachable => Errno::HOSTUNREACH,
        ConnectionError::NetworkUnreachable => Errno::NETUNREACH,
        ConnectionError::Aborted => Errno::CONNABORTED,
    })
}

/// Why nothing is listened on.
pub(super) fn of_listen(error: ListenError) -> u16 {
    number(match error {
        ListenError::AddressInUse(_) => Errno::ADDRINUSE,
        ListenError::TableFull(_) => Errno::NOBUFS,
        ListenError::NoListener => Errno::BADF,
    })
}

/// Why no connection begins.
pub(super) fn of_connect(error: ConnectError) -> u16 {
    number(match error {
        // As Linux, also where the port was chosen and its flow exists: EADDRINUSE is for listeners.
        ConnectError::NoPort(_) | ConnectError::AddressInUse(_) => Errno::ADDRNOTAVAIL,
        ConnectError::TableFull(_) => Errno::NOBUFS,
        ConnectError::NoRoomForKeys => Errno::NOMEM,
        ConnectError::NoKey => Errno::KEYREJECTED,
        ConnectError::BadAddress(_) => Errno::INVAL,
    })
}

/// Why nothing is sent.
pub(super) fn of_send(error: SendError) -> u16 {
    match error {
        SendError::NoConnection => number(Errno::BADF),
        SendError::NotConnected => number(Errno::NOTCONN),
        SendError::ShutDown => number(Errno::PIPE),
        SendError::NoExtension => number(Errno::NOBUFS),
        SendError::Failed(error) => of_connection(error),
    }
}
