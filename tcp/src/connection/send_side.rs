//! The send sequence variables of RFC 9293, section 3.3.1, and the bytes they number.

use super::deadlines::NEVER;
use crate::header::{Flags, Header};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// What is to be sent, and how far it got.
#[derive(Debug)]
pub(crate) struct SendSide<Q> {
    /// SND.UNA: the oldest number not acknowledged. The queue's front, once the SYN is.
    pub(crate) unacknowledged: SequenceNumber,
    /// SND.NXT: what is sent next. Goes back to `unacknowledged` after a timeout.
    pub(crate) next: SequenceNumber,
    /// Beyond the highest number ever sent.
    pub(crate) highest: SequenceNumber,
    /// SND.WND in bytes.
    pub(crate) window: u32,
    /// The largest window the peer ever offered (RFC 5961, section 5; silly-window avoidance).
    pub(crate) window_largest: u32,
    /// SND.WL1 and SND.WL2: segment that the window was taken from.
    pub(crate) window_sequence: SequenceNumber,
    pub(crate) window_acknowledgment: SequenceNumber,
    /// Bytes in the queue: sent and not acknowledged, and not sent.
    pub(crate) queued: u32,
    /// Beyond the last segment sent that was less than a full one (Minshall's variant of Nagle's algorithm).
    pub(crate) small: SequenceNumber,
    /// Beyond the last segment sent with PSH.
    pub(crate) pushed: SequenceNumber,
    /// The peer's MSS or the path's, options included (RFC 6691).
    pub(crate) mss: u16,
    /// The peer's window shift.
    pub(crate) scale: u8,
    /// The user has shut down this direction: FIN follows the queue.
    pub(crate) is_shut: bool,
    /// More was announced to follow what was written last (MSG_MORE).
    pub(crate) has_more: bool,
    /// What was sent last left in this same turn.
    pub(crate) is_burst: bool,
    /// Duplicate acknowledgements in a row.
    pub(crate) duplicates: u8,
    /// In fast recovery (RFC 6582) until `recover` is acknowledged.
    pub(crate) is_recovering: bool,
    /// Transmissions of the same data without an answer, and probes.
    pub(crate) attempts: u8,
    pub(crate) keepalive_probes: u8,
    /// Beyond the highest number sent when the last recovery or timeout began.
    pub(crate) recover: SequenceNumber,
    /// The segment that is being timed ends before this number ...
    pub(crate) timed: SequenceNumber,
    /// ... and was sent then; [`NEVER`] when none is.
    pub(crate) timed_at: Instant,
    /// When data was sent last; before any was, when the first SYN was sent or received.
    pub(crate) last_sent: Instant,
    /// Segments retransmitted over the connection's life.
    pub(crate) retransmissions: u32,
    pub(crate) queue: Q,
}

impl<Q: Default> SendSide<Q> {
    /// Nothing sent yet; `initial` numbers the SYN.
    pub(crate) fn new(initial: SequenceNumber, mss: u16, now: Instant) -> Self {
        Self {
            unacknowledged: initial,
            next: initial,
            highest: initial,
            window: 0,
            window_largest: 0,
            window_sequence: SequenceNumber::default(),
            window_acknowledgment: SequenceNumber::default(),
            queued: 0,
            small: initial,
            pushed: initial,
            mss,
            scale: 0,
            is_shut: false,
            has_more: false,
            is_burst: false,
            duplicates: 0,
            is_recovering: false,
            attempts: 0,
            keepalive_probes: 0,
            recover: initial,
            timed: initial,
            timed_at: NEVER,
            last_sent: now,
            retransmissions: 0,
            queue: Q::default(),
        }
    }
}

impl<Q> SendSide<Q> {
    /// FlightSize with all that may still be in the network.
    #[inline]
    pub(crate) fn outstanding(&self) -> u32 {
        self.highest.since(self.unacknowledged)
    }

    /// Bytes written and not sent yet.
    #[inline]
    pub(crate) fn unsent(&self) -> u32 {
        let sent = self.highest.since(self.unacknowledged);
        self.queued.saturating_sub(sent)
    }

    /// A segment that was less than a full one is not acknowledged.
    #[inline]
    pub(crate) fn is_small_outstanding(&self) -> bool {
        self.small > self.unacknowledged && self.small <= self.next
    }

    /// SEG.WND in bytes: that of a SYN is never scaled (RFC 7323, section 2.2).
    #[inline]
    pub(crate) fn window_of(&self, header: &Header) -> u32 {
        if header.flags.contains(Flags::SYN) {
            return u32::from(header.window);
        }
        u32::from(header.window) << self.scale
    }

    /// Takes the peer's window from a segment, unless a newer one was taken before. One that acknowledges more is newer,
    /// also when it is sent again: else its acknowledgment and an older window would add up to an edge that the peer
    /// never offered (RFC 9293, section 3.10.7.4, looks at the sequence number first; Linux does as here).
    #[inline]
    pub(crate) fn update_window(
        &mut self,
        sequence: SequenceNumber,
        acknowledgment: SequenceNumber,
        window: u32,
    ) {
        if self.window_acknowledgment < acknowledgment
            || self.window_sequence < sequence
            || (self.window_sequence == sequence && self.window_acknowledgment <= acknowledgment)
        {
            self.window = window;
            self.window_largest = self.window_largest.max(window);
            self.window_sequence = sequence;
            self.window_acknowledgment = acknowledgment;
        }
    }
}
