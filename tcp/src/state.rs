//! The states of a connection (RFC 9293, section 3.3.2). The ways between them are in `transition`.

mod transition;

pub use transition::{Cause, TRANSITIONS};

/// A connection's state, named as RFC 9293 and Linux name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// No connection.
    Closed,
    /// Waiting for a connection request from any remote end.
    Listen,
    /// SYN sent, waiting for the matching one.
    SynSent,
    /// SYN received and sent, waiting for the acknowledgement.
    SynReceived,
    /// Open both ways.
    Established,
    /// We sent FIN, it is not acknowledged, the peer may still send.
    FinWait1,
    /// Our FIN is acknowledged, the peer may still send.
    FinWait2,
    /// The peer sent FIN, we may still send.
    CloseWait,
    /// Both sent FIN, ours is not acknowledged yet.
    Closing,
    /// The peer closed first, our FIN is not acknowledged yet.
    LastAck,
    /// Waiting for old segments to leave the network.
    TimeWait,
}

impl State {
    /// Every state, in the order of their values.
    pub const ALL: [State; 11] = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
    ];

    /// The name as `ss` prints it, in upper case with hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
        }
    }
}
