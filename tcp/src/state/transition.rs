//! Every way from one state to another, in one table: RFC 9293, section 3.3.2, figure 5, with what
//! the RFC's text adds to the figure. The code names the cause; the table knows where it leads.

use super::State;

/// Why a connection changes its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The user opens actively: SYN goes out.
    Opened,
    /// A SYN meets a listener.
    SynReceived,
    /// A SYN without ACK meets ours: simultaneous open.
    SynCrossed,
    /// Our SYN is acknowledged and the peer's is here.
    HandshakeCompleted,
    /// The user sends no more: FIN goes out behind what is queued.
    ShutDown,
    /// The peer's FIN is next in order.
    FinReceived,
    /// Our FIN is acknowledged.
    FinAcknowledged,
    /// RST, too many timeouts, an abort by the user, or an orphan that waited too long.
    Failed,
    /// Twice the maximum segment lifetime is over.
    TimeWaitEnded,
    /// A newer SYN takes the flow of a connection in TIME-WAIT (RFC 6191; RFC 1122, section 4.2.2.13).
    Reopened,
}

impl Cause {
    /// In a word or two, as the graph shows it.
    pub const fn word(self) -> &'static str {
        match self {
            Cause::Opened => "open",
            Cause::SynReceived => "SYN",
            Cause::SynCrossed => "SYN without ACK",
            Cause::HandshakeCompleted => "handshake complete",
            Cause::ShutDown => "shut down",
            Cause::FinReceived => "FIN",
            Cause::FinAcknowledged => "FIN acknowledged",
            Cause::Failed => "failed",
            Cause::TimeWaitEnded => "2 MSL over",
            Cause::Reopened => "newer SYN",
        }
    }
}

impl State {
    /// Where `cause` leads; None where it cannot happen.
    pub fn after(self, cause: Cause) -> Option<State> {
        TRANSITIONS
            .iter()
            .find(|(from, by, _)| *from == self && *by == cause)
            .map(|(_, _, to)| *to)
    }
}

/// From, why, to.
pub const TRANSITIONS: &[(State, Cause, State)] = &[
    (State::Closed, Cause::Opened, State::SynSent),
    (State::Listen, Cause::SynReceived, State::SynReceived),
    (State::SynSent, Cause::SynCrossed, State::SynReceived),
    (
        State::SynSent,
        Cause::HandshakeCompleted,
        State::Established,
    ),
    (
        State::SynReceived,
        Cause::HandshakeCompleted,
        State::Established,
    ),
    (State::SynReceived, Cause::ShutDown, State::FinWait1),
    (State::SynReceived, Cause::FinReceived, State::CloseWait),
    (State::Established, Cause::ShutDown, State::FinWait1),
    (State::Established, Cause::FinReceived, State::CloseWait),
    (State::FinWait1, Cause::FinAcknowledged, State::FinWait2),
    (State::FinWait1, Cause::FinReceived, State::Closing),
    (State::FinWait2, Cause::FinReceived, State::TimeWait),
    (State::CloseWait, Cause::ShutDown, State::LastAck),
    (State::Closing, Cause::FinAcknowledged, State::TimeWait),
    (State::LastAck, Cause::FinAcknowledged, State::Closed),
    (State::TimeWait, Cause::TimeWaitEnded, State::Closed),
    (State::TimeWait, Cause::Reopened, State::SynReceived),
    (State::SynSent, Cause::Failed, State::Closed),
    (State::SynReceived, Cause::Failed, State::Closed),
    (State::Established, Cause::Failed, State::Closed),
    (State::FinWait1, Cause::Failed, State::Closed),
    (State::FinWait2, Cause::Failed, State::Closed),
    (State::CloseWait, Cause::Failed, State::Closed),
    (State::Closing, Cause::Failed, State::Closed),
    (State::LastAck, Cause::Failed, State::Closed),
];

#[cfg(test)]
mod tests;
