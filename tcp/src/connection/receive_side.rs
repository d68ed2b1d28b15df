//! The receive sequence variables of RFC 9293, section 3.3.1, and the window we offer.

use super::delayed_ack::DelayedAck;
use super::ecn::Ecn;
use crate::limits::Limits;
use crate::reassembly::Reassembly;
use crate::sequence::SequenceNumber;

/// What has been received, and how far it may go on.
#[derive(Debug)]
pub(crate) struct ReceiveSide<Q> {
    /// RCV.NXT.
    pub(crate) next: SequenceNumber,
    /// RCV.NXT as we last told the peer (RFC 7323: Last.ACK.sent).
    pub(crate) acknowledged: SequenceNumber,
    /// RCV.NXT + RCV.WND as we last told the peer: it never goes back.
    pub(crate) edge: SequenceNumber,
    /// Bytes in order that the user has not read: the queue's front.
    pub(crate) readable: u32,
    /// Bytes in order that may wait for the user; the window offered follows from it.
    pub(crate) buffer: u32,
    /// Once the user has read up to here, a whole buffer was delivered since `marked_micros`. Where a FIN was received:
    /// where it stands, for the buffer need not grow any more.
    pub(crate) mark: SequenceNumber,
    /// A moment in microseconds modulo 2^32: that of the mark; before the connection is established, that at which the
    /// handshake began.
    pub(crate) marked_micros: u32,
    /// Largest payload seen: what counts as a full segment.
    pub(crate) full_bytes: u16,
    /// The MSS that our SYN names: what our link carries.
    pub(crate) mss: u16,
    /// Our window shift.
    pub(crate) scale: u8,
    pub(crate) facts: Facts,
    /// What of marks was agreed on, has come, and is to be told.
    pub(crate) ecn: Ecn,
    /// When what arrives is acknowledged.
    pub(crate) delayed: DelayedAck,
    /// What came out of order.
    pub(crate) ranges: Reassembly,
    pub(crate) queue: Q,
}

/// What was agreed on and what has come, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts(u8);

impl Facts {
    /// Both SYNs carried the window scale option.
    pub(crate) const SCALED: u8 = 1;
    /// SACK blocks may be sent.
    pub(crate) const SACK: u8 = 2;
    /// The peer's FIN has been received in order.
    pub(crate) const FINISHED: u8 = 4;
    /// A FIN was received, perhaps before all that comes before it: it stands at the mark.
    pub(crate) const FIN: u8 = 8;
    /// There is a mark of urgent data in what is to be read, or in what is to come; the extension has it.
    pub(crate) const URGENT: u8 = 16;
    /// The window was told smaller than it is, for want of a whole unit, and no other was since.
    pub(crate) const TOLD_LESS: u8 = 32;

    /// Any of these is so.
    #[inline]
    pub(crate) fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// All of these are so from now on.
    #[inline]
    pub(crate) fn set(&mut self, bits: u8) {
        self.0 |= bits;
    }

    /// None of these is so from now on.
    #[inline]
    pub(crate) fn unset(&mut self, bits: u8) {
        self.0 &= !bits;
    }

    /// They are so, or not.
    pub(crate) fn put(&mut self, bits: u8, are_set: bool) {
        if are_set {
            self.set(bits);
        } else {
            self.unset(bits);
        }
    }
}

impl<Q: Default> ReceiveSide<Q> {
    /// Nothing received; `next` follows the peer's SYN.
    pub(crate) fn new(next: SequenceNumber) -> Self {
        Self {
            next,
            acknowledged: next,
            edge: next,
            readable: 0,
            buffer: BUFFER_BYTES_FIRST,
            mark: next,
            marked_micros: 0,
            full_bytes: FULL_BYTES_FIRST,
            mss: 0,
            scale: 0,
            facts: Facts::default(),
            ecn: Ecn::default(),
            delayed: DelayedAck::default(),
            ranges: Reassembly::default(),
            queue: Q::default(),
        }
    }
}

impl<Q> ReceiveSide<Q> {
    /// The next acknowledgements are not delayed: the peer must hear where we are.
    pub(crate) fn be_quick(&mut self) {
        self.delayed.be_quick(self.window(), self.full_bytes);
    }

    /// The next two are not.
    pub(crate) fn be_quick_twice(&mut self) {
        self.delayed.be_quick_twice(self.window(), self.full_bytes);
    }

    /// RCV.WND: what the peer may still send.
    #[inline]
    pub(crate) fn window(&self) -> u32 {
        self.edge.since(self.next)
    }

    /// The window field to send now. Moves the right edge, in steps of a full segment or half the
    /// buffer only (RFC 9293, section 3.8.6.2.2: silly-window avoidance).
    /// RFC 7323, sections 2.3 and 2.4.
    #[inline(always)]
    pub(crate) fn offer(&mut self, scale: u8) -> u16 {
        let unit = 1_u32 << scale;
        let free = self.buffer.saturating_sub(self.readable);
        // A scaled field holds whole units: an old edge is rounded up, a new one down.
        let told = (self.window_due(free, unit) + (unit - 1)) & !(unit - 1);
        if told >= free + unit {
            return self.offer_bounded(scale);
        }
        self.tell(told, scale)
    }

    /// The window, before it is rounded; `free` bytes have room in the buffer.
    #[inline(always)]
    fn window_due(&mut self, free: u32, unit: u32) -> u32 {
        let granted = self.window();
        let step = u32::from(self.full_bytes).min(self.buffer / 2);
        if free >= granted.wrapping_add(step) && !self.is_as_told(granted) {
            // Not down to none: a buffer of less than a unit would be closed for ever.
            let fresh = self.grantable().max(unit) & !(unit - 1);
            if fresh >= granted.wrapping_add(step) {
                self.facts.unset(Facts::TOLD_LESS);
                return fresh;
            }
        }
        granted
    }

    /// Until data comes, the window that a SYN told is the window (as Linux); none at all is told again.
    #[inline]
    fn is_as_told(&self, granted: u32) -> bool {
        !self.delayed.has_data_come() && granted > 0
    }

    #[inline(always)]
    fn tell(&mut self, bytes: u32, scale: u8) -> u16 {
        let field = u16::try_from(bytes >> scale).unwrap_or(u16::MAX);
        self.edge = self.edge.later(self.next + (u32::from(field) << scale));
        field
    }

    /// Rounded up, an old edge would move on with each acknowledgement, though nobody reads: beyond the buffer, and what a
    /// SYN may have told, it does not. What was promised stays good, and less is told of it (RFC 7323, section 2.4; Linux
    /// drops what its memory does not hold).
    #[cold]
    #[inline(never)]
    fn offer_bounded(&mut self, scale: u8) -> u16 {
        let unit = 1_u32 << scale;
        let free = self.buffer.saturating_sub(self.readable);
        let window = self.window_due(free, unit);
        let mut told = (window + (unit - 1)) & !(unit - 1);
        if told + self.readable >= self.buffer.max(BUFFER_BYTES_FIRST) + unit {
            told = window & !(unit - 1);
            self.facts.put(Facts::TOLD_LESS, told < window);
        }
        self.tell(told, scale)
    }

    /// True when reading has opened the window so far that the peer should hear of it: by half the
    /// buffer, or by as much again as it has and two segments.
    #[inline]
    pub(crate) fn is_update_due(&self) -> bool {
        if self.facts.has(Facts::TOLD_LESS) {
            let unit = 1_u32 << self.scale;
            return self.is_gain(self.window() & !(unit - 1));
        }
        self.is_gain(self.window())
    }

    #[inline]
    fn is_gain(&self, granted: u32) -> bool {
        let gained = self.grantable().saturating_sub(granted);
        gained >= self.buffer / 2 || (gained >= granted && gained >= 2 * u32::from(self.full_bytes))
    }

    /// The window that could be offered now: what is free, as far as the field can tell it.
    #[inline]
    fn grantable(&self) -> u32 {
        let free = self.buffer.saturating_sub(self.readable);
        free.min(u32::from(u16::MAX) << self.scale)
    }
}

/// The largest bound of unread bytes.
#[inline]
pub(crate) fn buffer_bytes(limits: &Limits) -> u32 {
    u32::try_from(limits.receive_buffer_bytes)
        .unwrap_or(BUFFER_BYTES_MAX)
        .min(BUFFER_BYTES_MAX)
}

/// The shift with which a window of so many bytes can be offered (RFC 7323, section 2).
pub(crate) fn window_scale(bytes: u32) -> u8 {
    let mut scale = 0;
    while scale < SCALE_MAX && (bytes >> scale) > u32::from(u16::MAX) {
        scale += 1;
    }
    scale
}

/// A full segment before any was seen: the default MSS of IPv4.
const FULL_BYTES_FIRST: u16 = 536;
/// RFC 7323, section 2.3.
const SCALE_MAX: u8 = 14;
/// What a buffer has before anything is known: the window of a SYN.
pub(crate) const BUFFER_BYTES_FIRST: u32 = u16::MAX as u32;
/// The largest window that can be offered.
const BUFFER_BYTES_MAX: u32 = 1 << 30;
