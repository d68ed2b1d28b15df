//! The send sequence variables of RFC 9293, section 3.3.1, and the bytes they number.

use super::recovery::{Reordering, Timer};
use crate::congestion::Phase;
use crate::header::{Flags, Header};
use crate::scoreboard::ScoreboardHandle;
use crate::send_records::SendRecords;
use crate::sequence::SequenceNumber;
use crate::table::NONE;
use crate::time::{Instant, Past};

/// What is to be sent, and how far it got.
/// RFC 9293, REC-1.
#[derive(Debug)]
pub(crate) struct SendSide<Q> {
    /// SND.UNA: the oldest number not acknowledged. The queue's front, once the SYN is.
    pub(crate) unacknowledged: SequenceNumber,
    /// SND.NXT: beyond the highest number ever sent.
    pub(crate) next: SequenceNumber,
    /// SND.WND in bytes.
    pub(crate) window: u32,
    /// The largest window the peer ever offered (RFC 5961, section 5; silly-window avoidance).
    pub(crate) window_largest: u32,
    /// SND.WL1: the segment that the window was taken from. SND.WL2 is SND.UNA: what acknowledges more brings a window.
    pub(crate) window_sequence: SequenceNumber,
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
    /// Where loss recovery stands.
    pub(crate) phase: Phase,
    /// What the retransmission deadline is for.
    pub(crate) timer: Timer,
    /// Transmissions of the same data without an answer, and probes.
    pub(crate) attempts: u8,
    pub(crate) keepalive_probes: u8,
    pub(crate) reordering: Reordering,
    /// What has been sent and is not acknowledged, segment by segment.
    pub(crate) records: SendRecords,
    /// The record from which on those to be sent again are looked for; `NONE` when there are none.
    pub(crate) resend: u32,
    /// Bytes outstanding but not in the network, less those that are there twice; 0 without a scoreboard.
    pub(crate) left: i32,
    pub(crate) scoreboard: ScoreboardHandle,
    /// When data was sent last; before any was, when the first SYN was sent or the handshake ended.
    pub(crate) last_sent: Past,
    /// Segments retransmitted over the connection's life.
    pub(crate) retransmissions: u32,
    /// Of these, those that the peer may still tell to have got twice.
    pub(crate) believable: u16,
    pub(crate) queue: Q,
}

impl<Q: Default> SendSide<Q> {
    /// Nothing sent yet; `initial` numbers the SYN.
    pub(crate) fn new(initial: SequenceNumber, mss: u16, reordering: u16, now: Instant) -> Self {
        Self {
            unacknowledged: initial,
            next: initial,
            window: 0,
            window_largest: 0,
            window_sequence: SequenceNumber::default(),
            queued: 0,
            small: initial,
            pushed: initial,
            mss,
            scale: 0,
            is_shut: false,
            has_more: false,
            is_burst: false,
            phase: Phase::Open,
            timer: Timer::Timeout,
            attempts: 0,
            keepalive_probes: 0,
            reordering: Reordering::new(reordering),
            records: SendRecords::default(),
            resend: NONE,
            left: 0,
            scoreboard: ScoreboardHandle::default(),
            last_sent: Past::at(now),
            retransmissions: 0,
            believable: 0,
            queue: Q::default(),
        }
    }
}

impl<Q> SendSide<Q> {
    /// FlightSize: sent and not acknowledged.
    #[inline]
    pub(crate) fn outstanding(&self) -> u32 {
        self.next.since(self.unacknowledged)
    }

    /// What is thought to be in the network (RFC 6675: pipe).
    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        let outstanding = self.outstanding().cast_signed();
        outstanding.wrapping_sub(self.left).max(0).cast_unsigned()
    }

    /// Bytes written and not sent yet.
    #[inline]
    pub(crate) fn unsent(&self) -> u32 {
        self.queued.saturating_sub(self.outstanding())
    }

    /// A segment that was less than a full one is not acknowledged.
    #[inline]
    pub(crate) fn is_small_outstanding(&self) -> bool {
        self.small > self.unacknowledged && self.small <= self.next
    }

    /// SEG.WND in bytes: that of a SYN is never scaled (RFC 7323, sections 2.2 and 2.3).
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
    /// SND.UNA is not moved yet, and never beyond `acknowledgment`.
    /// RFC 7323, section 2.4.
    #[inline]
    pub(crate) fn update_window(
        &mut self,
        sequence: SequenceNumber,
        acknowledgment: SequenceNumber,
        window: u32,
    ) {
        if self.unacknowledged < acknowledgment || self.window_sequence <= sequence {
            self.window = window;
            if self.window_largest < window {
                self.window_largest = window;
            }
            self.window_sequence = sequence;
        }
    }
}
