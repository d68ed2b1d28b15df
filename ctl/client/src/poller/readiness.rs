//! What one waits for, and what can be done then.

use coremill_ring::option::{READABLE, URGENT, WRITABLE};

/// What a poller waits for.
///
/// ```
/// use coremill_client::Interest;
///
/// let both = Interest { writable: true, ..Interest::READABLE };
/// assert_eq!(both, Interest::BOTH);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Something can be read or accepted, or the end of the stream.
    pub readable: bool,
    /// Something can be written, or an attempt to connect has ended.
    pub writable: bool,
    /// An urgent byte has come: see [`TcpStream::read_urgent`](crate::TcpStream::read_urgent).
    pub urgent: bool,
}

impl Interest {
    /// Reading only.
    pub const READABLE: Self = Self {
        readable: true,
        writable: false,
        urgent: false,
    };
    /// Writing only.
    pub const WRITABLE: Self = Self {
        readable: false,
        writable: true,
        urgent: false,
    };
    /// Both.
    pub const BOTH: Self = Self {
        readable: true,
        writable: true,
        urgent: false,
    };
    /// Urgent data only.
    pub const URGENT: Self = Self {
        readable: false,
        writable: false,
        urgent: true,
    };

    /// The same, and urgent data.
    ///
    /// ```
    /// use coremill_client::Interest;
    ///
    /// assert!(Interest::READABLE.and_urgent().urgent);
    /// ```
    #[must_use]
    pub const fn and_urgent(self) -> Self {
        Self {
            urgent: true,
            ..self
        }
    }

    /// Whether there is something that is waited for.
    pub(super) fn is_met(self, by: Readiness) -> bool {
        (self.readable && by.readable)
            || (self.writable && by.writable)
            || (self.urgent && by.urgent)
            || by.over
    }

    /// As a subscription has it.
    pub(super) fn bits(self) -> u32 {
        let bit = |wanted: bool, bit: u32| if wanted { bit } else { 0 };
        bit(self.readable, READABLE) | bit(self.writable, WRITABLE) | bit(self.urgent, URGENT)
    }
}

/// What can be done with a socket.
///
/// ```no_run
/// # fn example(poller: &mut coremill_client::Poller) -> std::io::Result<()> {
/// let mut ready = Vec::new();
/// poller.wait(&mut ready, None)?;
/// let readable = ready.iter().filter(|(_, readiness)| readiness.readable);
/// println!("{} can be read", readable.count());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A read or an accept would not wait.
    pub readable: bool,
    /// A write would not wait; not looked at where nobody waits for it.
    pub writable: bool,
    /// An urgent byte has come and was not read (POLLPRI).
    pub urgent: bool,
    /// The peer will send nothing more.
    pub read_closed: bool,
    /// The connection is over in both directions.
    pub over: bool,
    /// It failed.
    pub error: bool,
}

impl Readiness {
    /// Of a connection that is well, with something to read.
    pub(crate) const READABLE: Self = Self {
        readable: true,
        writable: false,
        urgent: false,
        read_closed: false,
        over: false,
        error: false,
    };
    /// Of a socket that the daemon does not have any more.
    pub(crate) const OVER: Self = Self {
        readable: true,
        writable: true,
        urgent: false,
        read_closed: true,
        over: true,
        error: true,
    };
}
