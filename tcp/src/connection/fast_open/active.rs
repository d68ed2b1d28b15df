//! Who opens: a cookie from former connections lets data go with the SYN (RFC 7413, section 4.2).
//!
//! What went with the SYN counts as sent only once it is acknowledged: whatever of it the SYN-ACK leaves out is the first
//! thing to be sent then, which is the retransmission that the RFC asks for.

use super::super::{Connection, Context, Due, User};
use crate::destinations::FastOpenAnswer;
use crate::fast_open::{Failure, FastOpenCookie, Marks, Opening};
use crate::header::Header;
use crate::header_options::{OPTIONS_BYTES_MAX, Options};
use crate::memory::Memory;
use crate::send_records::micros;
use crate::sequence::SequenceNumber;
use crate::state::State;
use crate::time::Past;

/// What a user has to send with a SYN.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EarlyData<'a> {
    /// It comes later, and the SYN waits for it (TCP_FASTOPEN_CONNECT).
    Later,
    /// This (MSG_FASTOPEN).
    Now(&'a [u8]),
}

impl<Q: Default> Connection<Q> {
    /// The user wants its data to go with the SYN; gives how much of it is taken. Without a cookie none is, and the SYN
    /// asks for one.
    /// RFC 7413, sections 4.1.3, 4.2, 4.2.1 and 4.2.2.
    pub(crate) fn open_early<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        data: EarlyData<'_>,
    ) -> usize {
        let settings = &context.limits.opening.fast_open;
        let blackhole = &context.fast_opens.blackhole;
        if !settings.allows_clients()
            || blackhole.is_avoided(context.now, settings.blackhole_timeout)
        {
            return 0;
        }
        let is_probe = blackhole.is_known();
        let chosen = context.option_sets.get(&self.user.options);
        let needs_cookie = !(settings.clients_need_no_cookie() || chosen.fast_open_no_cookie);
        let known = context.destinations.find(context.now, &self.flow);
        let cookie = known.map_or(FastOpenCookie::REQUEST, |known| known.fast_open.cookie);
        let opening = Opening {
            listener: None,
            cookie: needs_cookie.then_some(cookie),
            syn_bytes: 0,
            theirs: SequenceNumber::default(),
            started: context.now,
            sent: 0,
        };
        if !context.fast_opens.openings.insert(&self.flow, opening) {
            context.counters.fast_opens_exhausted.increment();
            return 0;
        }
        self.user.fast_open.set(Marks::PENDING);
        if is_probe {
            self.user.fast_open.set(Marks::PROBES);
        }
        if needs_cookie && cookie.is_request() {
            self.user.fast_open.failed(Failure::NoCookie);
            return 0;
        }
        self.be_early();
        match data {
            EarlyData::Later => {
                self.due.unset(Due::SYN);
                self.user.set(User::WRITABLE);
                0
            }
            EarlyData::Now(data) => {
                let room = self.syn_room(context).min(data.len());
                let taken = context
                    .memory
                    .append(&mut self.send.queue, data.get(..room).unwrap_or(data));
                self.send.queued += taken as u32;
                taken
            }
        }
    }

    /// Bytes of payload that go with a SYN: what the peer takes in a segment as far as is known, less all the options that
    /// may ever come to it (as Linux); unlike there no more than a search for what the path carries begins with.
    /// RFC 7413, sections 4.1.3 and 4.2.2.
    fn syn_room<M: Memory<Queue = Q>>(&self, context: &mut Context<M>) -> usize {
        let limits = &context.limits;
        let known = context.destinations.find(context.now, &self.flow);
        let mut mss = self.send.mss;
        if let Some(known) = known {
            if known.fast_open.mss > 0 {
                mss = mss.min(known.fast_open.mss);
            }
            if let Some((mtu, _)) = known.path_mtu(context.now) {
                let path = super::super::own_mss(mtu, self.flow.remote.address, limits);
                mss = mss.min(path);
            }
        }
        if let Some(range) = self.first_range(context) {
            mss = mss.min(range.low);
        }
        usize::from(mss).saturating_sub(OPTIONS_BYTES_MAX)
    }

    /// True when the user's first data is there, and its SYN has not left.
    pub(crate) fn is_syn_awaited(&self) -> bool {
        self.is_early()
            && self.state == State::SynSent
            && self.send.next == self.send.unacknowledged
            && self.send.queued > 0
    }

    /// The first SYN leaves: its option, and how much of the queue goes with it.
    pub(crate) fn load_syn<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        options: &mut Options,
    ) -> usize {
        let Some(opening) = self.pending_opening(context) else {
            return 0;
        };
        options.offer_fast_open(opening.cookie);
        if opening.cookie.is_some() && options.fast_open.is_none() {
            // No room beside the other options: an ordinary SYN.
            return 0;
        }
        self.user.fast_open.set(Marks::ASKED);
        if !self.is_early() {
            return 0;
        }
        // The handshake begins now, not when the user asked for it.
        self.send.last_sent = Past::at(context.now);
        self.receive.marked_micros = micros(context.now);
        let bytes = self.syn_room(context).min(self.send.queued as usize);
        if let Some(opening) = context.fast_opens.openings.get_mut(&self.flow) {
            opening.syn_bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        }
        bytes
    }

    /// True for an ACK of our SYN, and of what went with it or some of that.
    pub(crate) fn is_syn_acknowledged<M>(&self, context: &Context<M>, header: &Header) -> bool {
        let first = self.send.unacknowledged + 1;
        header.acknowledgment >= first
            && header.acknowledgment <= first + self.bytes_with_syn(context)
            && self.send.next != self.send.unacknowledged
    }

    fn bytes_with_syn<M>(&self, context: &Context<M>) -> u32 {
        self.pending_opening(context)
            .map_or(0, |opening| u32::from(opening.syn_bytes))
    }

    /// The SYN-ACK is here: what it says of Fast Open is remembered, and what it acknowledges of the SYN's data is let go.
    /// RFC 7413, sections 4.1.3, 4.1.3.1 and 4.2.2.
    pub(crate) fn learn_from_syn_ack<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        header: &Header,
        options: &Options,
    ) {
        if !self.user.fast_open.any(Marks::PENDING) {
            return;
        }
        let syn_bytes = self.bytes_with_syn(context);
        self.close_opening(context);
        let taken = header.acknowledgment.since(self.send.unacknowledged + 1);
        let is_again = self.send.attempts > 0;
        let was_asked = self.user.fast_open.any(Marks::ASKED);
        let cookie = options.fast_open.filter(|_| was_asked);
        let is_left_out = taken < syn_bytes;
        if was_asked && let Some(known) = context.destinations.find_or_add(context.now, &self.flow)
        {
            let peer_mss = super::super::default_mss(self.flow.remote.address);
            known.fast_open.learn(
                context.now,
                &FastOpenAnswer {
                    mss: options.mss.unwrap_or(peer_mss),
                    cookie,
                    is_syn_lost: is_again && cookie.is_none() && is_left_out,
                },
            );
        }
        if is_left_out {
            context.counters.fast_open_active_fail.increment();
            self.user.fast_open.failed(if is_again {
                Failure::SynTimedOut
            } else {
                Failure::NotAcknowledged
            });
        } else if syn_bytes > 0 {
            context.counters.fast_open_active.increment();
            self.user.fast_open.set(Marks::SYN_DATA);
        }
        let released = taken.min(self.send.queued);
        context
            .memory
            .release(&mut self.send.queue, released as usize);
        self.send.queued -= released;
        self.send.next = header.acknowledgment;
    }
}
