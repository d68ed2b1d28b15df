//! One connection: the transmission control block of RFC 9293, section 3.3.1, and its verbs.
//!
//! A verb changes the record only. What follows outside of it (a place in the send list, a timer, an
//! event, the end of the record) is seen by the shard's `settle`, which looks after each verb.
//! Read `arrival.rs` for segments in, `transmit.rs` for segments out, `timers.rs` for time.

mod accurate_ecn;
mod acknowledge;
mod arrival;
mod authenticated;
mod chosen;
mod closing;
mod context;
mod counting;
pub(crate) mod deadlines;
pub(crate) mod delayed_ack;
mod deliver;
mod destination;
mod due;
pub(crate) mod ecn;
mod fast_open;
mod first_window;
mod handshake;
mod hold;
pub(crate) mod mtu_search;
mod objects;
pub(crate) mod path_mtu;
mod prediction;
mod pruning;
pub(crate) mod receive_side;
mod receive_tuning;
mod recovery;
mod segmentation;
mod send_side;
mod send_tuning;
pub(crate) mod spread;
mod stamps;
mod syn;
mod tell;
mod timers;
mod transmit;
mod unreachable;
pub(crate) mod urgent;
mod user;
mod user_timeout;

pub(crate) use accurate_ecn::FALLBACK_ATTEMPTS;
pub(crate) use context::Context;
pub(crate) use due::Due;
pub(crate) use fast_open::EarlyData;
pub(crate) use first_window::FirstWindow;
pub(crate) use handshake::{default_mss, own_mss};
pub(crate) use hold::Hold;
pub(crate) use prediction::Predicted;
pub(crate) use receive_side::{Facts, ReceiveSide};
pub(crate) use send_side::SendSide;
pub(crate) use stamps::{Stamps, is_before};

use crate::address::Flow;
use crate::congestion::Congestion;
use crate::error::ConnectionError;
use crate::event::Readiness;
use crate::extension::ExtensionHandle;
use crate::fast_open::Marks;
use crate::memory::Memory;
use crate::options::sets::Chosen;
use crate::round_trip::RoundTrip;
use crate::sequence::SequenceNumber;
use crate::state::{Cause, State};
use crate::table::NONE;
use crate::time::Past;
use deadlines::Deadlines;

/// A connection. What each segment touches comes first.
#[derive(Debug)]
pub(crate) struct Connection<Q> {
    pub(crate) flow: Flow,
    pub(crate) state: State,
    pub(crate) due: Due,
    pub(crate) send: SendSide<Q>,
    pub(crate) receive: ReceiveSide<Q>,
    pub(crate) stamps: Stamps,
    pub(crate) deadlines: Deadlines,
    pub(crate) round_trip: RoundTrip,
    pub(crate) congestion: Congestion,
    pub(crate) user: User,
    /// When the last acceptable segment came.
    pub(crate) last_received: Past,
    /// When a segment that disagrees with us and carries no data got an answer last, in milliseconds modulo 2^32.
    pub(crate) answered_millis: u32,
    /// What rare features keep.
    pub(crate) extension: ExtensionHandle,
}

/// The user's end.
/// RFC 9293, MUST-47.
#[derive(Debug)]
pub(crate) struct User {
    /// Returned with each event. Of an orphan, which has none: its bytes that the shard has counted. Of one that waits
    /// to be accepted: the slot of the next in its listener's queue, `NONE` for none.
    /// As bytes, so that it needs no alignment.
    cookie: [u8; 8],
    pub(crate) options: Chosen,
    /// What the next event says, and what the user is to the connection: one bit each.
    bits: u8,
    /// What became of Fast Open.
    pub(crate) fast_open: Marks,
    /// Why it ended, when not by FIN.
    pub(crate) error: Option<ConnectionError>,
    /// The last ICMP error that was no reason to give up yet.
    pub(crate) soft_error: Option<ConnectionError>,
}

impl User {
    /// The next event says that there is something to read.
    pub(crate) const READABLE: u8 = 1;
    /// The next event says that there is room, or that the connection is established.
    pub(crate) const WRITABLE: u8 = 2;
    /// The next event says that the connection failed.
    pub(crate) const FAILED: u8 = 4;
    /// The next event says that there is urgent data.
    pub(crate) const URGENT: u8 = 8;
    /// The user has closed it. It is higher than what events say.
    pub(crate) const ORPHAN: u8 = 16;
    /// A send found too little room: tell when there is some.
    pub(crate) const WANTS_ROOM: u8 = 32;
    /// Not accepted yet: it is in its listener's accept queue.
    pub(crate) const WAITING: u8 = 64;
    /// The user has a handle: after connect or accept, and until close. It is the highest bit.
    pub(crate) const ATTACHED: u8 = 128;

    #[inline]
    pub(crate) fn has(&self, bit: u8) -> bool {
        self.bits & bit != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, bits: u8) {
        self.bits |= bits;
    }

    #[inline]
    pub(crate) fn unset(&mut self, bits: u8) {
        self.bits &= !bits;
    }

    /// There is something to tell, and somebody to be told.
    #[inline]
    pub(crate) fn has_event(&self) -> bool {
        // The highest bit and one of the lowest, but not the one between.
        let bits = self.bits & (Self::ATTACHED | Self::ORPHAN | EVENT);
        bits > Self::ATTACHED && bits < Self::ATTACHED | Self::ORPHAN
    }

    /// What is to be told, which is told then.
    #[inline]
    pub(crate) fn take_readiness(&mut self) -> Readiness {
        let readiness = Readiness {
            readable: self.has(Self::READABLE),
            writable: self.has(Self::WRITABLE),
            error: self.has(Self::FAILED),
            urgent: self.has(Self::URGENT),
        };
        self.unset(EVENT);
        readiness
    }

    /// What `cookie` holds.
    #[inline]
    pub(crate) fn cookie(&self) -> u64 {
        u64::from_ne_bytes(self.cookie)
    }

    /// Another one is held from now on; returns the one before.
    #[inline]
    pub(crate) fn replace_cookie(&mut self, cookie: u64) -> u64 {
        let before = self.cookie();
        self.cookie = cookie.to_ne_bytes();
        before
    }
}

impl<Q: Default> Connection<Q> {
    /// Moves to the state that `cause` leads to, and the gauges with it.
    pub(crate) fn enter<M>(&mut self, context: &Context<M>, cause: Cause) {
        let next = self.state.after(cause);
        debug_assert!(next.is_some(), "{:?} by {cause:?}", self.state);
        if let Some(next) = next {
            context.counters.moved(self.state, next);
            self.state = next;
        }
    }

    /// The connection ends without FIN: its flow is free at once, the user finds `error`.
    pub(crate) fn fail<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        error: ConnectionError,
    ) {
        if self.state == State::Closed {
            return;
        }
        match self.state {
            State::SynSent | State::SynReceived => context.counters.attempt_fails.increment(),
            State::Established | State::CloseWait => context.counters.estab_resets.increment(),
            _ => {}
        }
        if self.user.fast_open != Marks::default() {
            self.judge_black_hole(context);
            if self.user.fast_open.any(Marks::PENDING) {
                self.abandon_opening(context, error);
            }
        }
        self.enter(context, Cause::Failed);
        self.user.error = Some(error);
        self.user.take_readiness();
        self.user
            .set(User::READABLE | User::WRITABLE | User::FAILED);
        self.due = Due::default();
        self.deadlines.clear();
        self.forget_sent(context);
        context.ranges.clear(&mut self.receive.ranges);
    }

    /// Nothing of what was to be sent, or is outstanding, is of use any more.
    pub(crate) fn forget_sent<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        context.memory.clear(&mut self.send.queue);
        context.records.clear(&mut self.send.records);
        context.scoreboards.release(&mut self.send.scoreboard);
        self.send.queued = 0;
        self.send.resend = NONE;
        self.send.left = 0;
    }

    /// The same, and the peer is told by RST.
    pub(crate) fn reset<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        error: ConnectionError,
    ) {
        let is_known_to_peer = !matches!(self.state, State::Closed | State::SynSent);
        self.fail(context, error);
        self.due.set_if(Due::RESET, is_known_to_peer);
    }

    /// The same in answer to a segment that acknowledges `acknowledgment`: what the peer waits for next, and so a number
    /// that it believes (RFC 5961, section 3), whatever of ours is still under way.
    pub(crate) fn reset_in_answer<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        error: ConnectionError,
        acknowledgment: SequenceNumber,
    ) {
        self.reset(context, error);
        self.send.next = acknowledgment;
        self.due.set(Due::BARE);
    }

    /// True when the record is of no use to anybody.
    pub(crate) fn is_spent(&self) -> bool {
        self.state == State::Closed && self.user.has(User::ORPHAN) && !self.due.has(Due::RESET)
    }
}

/// All that an event can say.
const EVENT: u8 = User::READABLE | User::WRITABLE | User::FAILED | User::URGENT;

// Each byte is paid for by each idle connection (ARCHITECTURE: "What a connection costs"). What only a connection
// in trouble needs belongs into a pool, as the ranges of `reassembly` are, with a number here.
const _: () = assert!(size_of::<Connection<crate::chunk_pool::ChunkQueue>>() <= 252);

#[cfg(test)]
mod tests;
