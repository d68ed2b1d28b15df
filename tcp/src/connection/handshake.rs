//! Handshakes of connections with a record: active opens, completed requests, simultaneous opens
//! (RFC 9293, section 3.10.7.3).

use std::net::IpAddr;
use std::time::Duration;

use super::arrival::QUIET_MILLIS;
use super::deadlines::Deadlines;
use super::ecn::Ecn;
use super::stamps::millis;
use super::{Connection, Context, Due, Facts, ReceiveSide, SendSide, Stamps, User};
use crate::address::Flow;
use crate::congestion::Congestion;
use crate::drop_reason::DropReason;
use crate::error::ConnectionError;
use crate::extension::ExtensionHandle;
use crate::fast_open::Marks;
use crate::header::{Flags, Segment};
use crate::header_options::Options;
use crate::limits::Limits;
use crate::memory::Memory;
use crate::options::ConnectOptions;
use crate::options::sets::Chosen;
use crate::round_trip::RoundTrip;
use crate::send_records::{micros, moment};
use crate::sequence::SequenceNumber;
use crate::state::{Cause, State};
use crate::table::NONE;
use crate::table::request::Handshake;
use crate::time::{Deadline, Instant, Past};

impl<Q: Default> Connection<Q> {
    /// An active open: SYN-SENT, with a SYN to send.
    pub(crate) fn opening(
        now: Instant,
        flow: Flow,
        options: &ConnectOptions,
        initial: SequenceNumber,
        timestamp_offset: u32,
        limits: &Limits,
    ) -> Self {
        let mss = own_mss(options.mtu, flow.remote.address, limits);
        let mut connection = Self::blank(now, flow, initial, mss, limits);
        connection.state = State::SynSent;
        connection.due.set(Due::SYN);
        connection.receive.mss = mss;
        connection.receive.marked_micros = micros(now);
        connection.receive.facts.put(Facts::SACK, limits.sack);
        connection.stamps = Stamps {
            is_on: limits.timestamps,
            offset: timestamp_offset,
            recent: 0,
        };
        let needs_marks = connection.congestion.algorithm().needs_marks();
        connection.receive.ecn = Ecn::asking(limits, needs_marks);
        connection.user.replace_cookie(options.cookie);
        connection.user.set(User::ATTACHED);
        connection
    }

    /// A request whose handshake is complete: ESTABLISHED, waiting for accept.
    pub(crate) fn accepted<M: Memory<Queue = Q>>(
        context: &Context<M>,
        flow: Flow,
        handshake: &Handshake,
        timestamp_offset: u32,
    ) -> Self {
        let limits = &context.limits;
        let mss = sending_mss(handshake.mss.get().min(handshake.own_mss), limits);
        let mut connection = Self::blank(context.now, flow, handshake.ours, mss, limits);
        connection.state = State::SynReceived;
        connection.send.unacknowledged = handshake.ours + 1;
        connection.send.next = handshake.ours + 1;
        connection.receive = ReceiveSide::new(handshake.theirs + 1);
        connection.receive.mss = handshake.own_mss;
        connection.receive.marked_micros = micros(handshake.started);
        connection
            .receive
            .facts
            .put(Facts::SACK, handshake.agreed.sack());
        connection.receive.edge = connection.receive.next + u32::from(handshake.offered.bytes);
        connection.receive.scale = handshake.offered.scale;
        connection.take_scale(handshake.agreed.window_scale(), limits);
        connection.send.window_sequence = handshake.theirs;
        connection.send.window = u32::from(handshake.window);
        connection.send.window_largest = connection.send.window;
        connection.stamps = Stamps {
            is_on: handshake.agreed.timestamps(),
            offset: timestamp_offset,
            recent: handshake.timestamp,
        };
        connection.receive.ecn = Ecn::new(handshake.agreed.ecn());
        connection.user.set(User::WAITING);
        connection.user.replace_cookie(u64::from(NONE));
        connection
    }

    fn blank(now: Instant, flow: Flow, initial: SequenceNumber, mss: u16, limits: &Limits) -> Self {
        Self {
            flow,
            state: State::Closed,
            due: Due::default(),
            send: SendSide::new(initial, mss, limits.reordering, now),
            receive: ReceiveSide::new(SequenceNumber::default()),
            stamps: Stamps::default(),
            deadlines: Deadlines::default(),
            round_trip: RoundTrip::default(),
            congestion: Congestion::new(
                limits.congestion.algorithm,
                u32::from(mss),
                &limits.congestion,
            ),
            user: User {
                cookie: [0; 8],
                options: Chosen::default(),
                bits: 0,
                fast_open: Marks::default(),
                error: None,
                soft_error: None,
            },
            last_received: Past::at(now),
            answered_millis: millis(now).wrapping_sub(QUIET_MILLIS),
            extension: ExtensionHandle::default(),
        }
    }

    /// RFC 9293, section 3.10.7.3, with the timestamp check of RFC 7323, section 3.2 (echo).
    pub(super) fn arrives_in_syn_sent<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) -> Result<bool, DropReason> {
        let header = &segment.header;
        let has_ack = header.flags.contains(Flags::ACK);
        if has_ack {
            let is_echo_ours = options.timestamps.is_none_or(|stamp| {
                let syn = self.stamps.clock(self.handshake_began(context.now));
                let age = self.stamps.clock(context.now).wrapping_sub(syn);
                !self.stamps.is_on || stamp.echo == 0 || stamp.echo.wrapping_sub(syn) <= age
            });
            if !self.is_syn_acknowledged(context, header) || !is_echo_ours {
                if !header.flags.contains(Flags::RST) {
                    self.refuse(context, segment);
                    self.hurry(context.now);
                }
                return Err(DropReason::BadHandshakeAck);
            }
        }
        if header.flags.contains(Flags::RST) {
            if !has_ack {
                return Err(DropReason::BadFlags);
            }
            self.fail(context, ConnectionError::Refused);
            return Ok(true);
        }
        if !header.flags.contains(Flags::SYN) {
            return Err(DropReason::BadFlags);
        }
        // The handshake's ACK waits for data to go with (as Linux).
        let options_chosen = context.option_sets.get(&self.user.options);
        let holds_ack = options_chosen.defer_accept_seconds > 0;
        self.take_syn(context, segment, options);
        if has_ack {
            self.learn_from_syn_ack(context, header, options);
            self.send.unacknowledged = header.acknowledgment;
            self.due.unset(Due::SYN);
            self.measure_handshake(context.now, options);
            if self.send.attempts > 1 {
                // RFC 6928, section 2: one that is sent again may be a spurious timeout.
                self.congestion.on_handshake_loss();
            }
            self.send.attempts = 0;
            self.establish(context);
            if self.send.is_shut {
                self.enter(context, Cause::ShutDown);
            }
            // RFC 9768, section 3.2.2.1: with AccECN a pure ACK goes first.
            if holds_ack && !self.receive.ecn.is_accurate() {
                self.deadlines.acknowledge = Deadline::at(context.now + HELD_ACK_MAX);
            } else {
                self.due.set(Due::ACKNOWLEDGE);
            }
            if !segment.payload.is_empty() || header.flags.contains(Flags::FIN) {
                let mut rest = *segment;
                rest.header.sequence += 1;
                self.deliver(context, &rest)?;
            }
            return Ok(true);
        }
        // Simultaneous open (RFC 9293, section 3.5, figure 7). What went with the SYN is sent anew.
        self.close_opening(context);
        self.enter(context, Cause::SynCrossed);
        self.due.set(Due::SYN);
        Ok(false)
    }

    /// The round trip of the handshake: by Karn's rule of a SYN sent once, or by the timestamp that
    /// comes back.
    fn measure_handshake(&mut self, now: Instant, options: &Options) {
        if self.send.attempts == 0 {
            self.round_trip
                .measure(now.since(self.handshake_began(now)));
        } else if self.stamps.is_on
            && let Some(stamp) = options.timestamps
            && let Some(sample) = self.stamps.round_trip(stamp, now)
        {
            self.round_trip.measure(sample);
        }
    }

    /// When our first SYN was sent, or the peer's came.
    fn handshake_began(&self, now: Instant) -> Instant {
        moment(now, self.receive.marked_micros)
    }

    /// A half-open peer answered for its former connection and has been reset: the SYN goes out again
    /// at once (RFC 9293, section 3.5.1, figure 8), but once only, as Linux does it.
    fn hurry(&mut self, now: Instant) {
        if self.send.attempts == 0 {
            let soon = Deadline::at(now + HURRY);
            self.deadlines.retransmit = self.deadlines.retransmit.earlier(soon);
        }
    }

    /// What the peer's SYN says.
    fn take_syn<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        segment: &Segment<'_>,
        options: &Options,
    ) {
        let header = &segment.header;
        let peer_mss = options.mss.unwrap_or(default_mss(self.flow.remote.address));
        self.send.mss = sending_mss(self.send.mss.min(peer_mss), &context.limits);
        let has_sack = self.receive.facts.has(Facts::SACK) && options.sack_permitted;
        let offered = self.receive.window();
        self.receive = ReceiveSide {
            mss: self.receive.mss,
            scale: self.receive.scale,
            marked_micros: self.receive.marked_micros,
            ecn: self.receive.ecn,
            ..ReceiveSide::new(header.sequence + 1)
        };
        self.receive.facts.put(Facts::SACK, has_sack);
        self.receive.edge = self.receive.next + offered;
        self.take_scale(options.window_scale, &context.limits);
        self.stamps.is_on &= options.timestamps.is_some();
        self.ecn_agreed(context, segment, options);
        self.stamps.recent = options.timestamps.map_or(0, |stamp| stamp.value);
        // The window of a SYN is never scaled (RFC 7323, section 2.2).
        self.send.window = u32::from(header.window);
        self.send.window_largest = self.send.window;
        self.send.window_sequence = header.sequence;
        self.last_received = Past::at(context.now);
    }

    /// Windows are scaled when both SYNs carry the option.
    /// RFC 7323, sections 2.2 and 2.3.
    fn take_scale(&mut self, theirs: Option<u8>, limits: &Limits) {
        let theirs = theirs.filter(|_| limits.window_scaling);
        self.receive.facts.put(Facts::SCALED, theirs.is_some());
        self.send.scale = theirs.unwrap_or(0);
        if theirs.is_none() {
            self.receive.scale = 0;
        }
    }

    /// The handshake is complete.
    /// RFC 5681, section 3.1.
    pub(crate) fn establish<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        self.enter(context, Cause::HandshakeCompleted);
        let taken = micros(context.now).wrapping_sub(self.receive.marked_micros);
        context.counters.handshake_micros.record(u64::from(taken));
        self.deadlines.retransmit = Deadline::NEVER;
        self.begin_transfer(context);
        self.recall_destination(context);
        self.watch_for_silence(context);
    }

    /// What both ends have said is known: windows and buffers begin.
    pub(super) fn begin_transfer<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        // As Linux counts: what a full segment carries, options aside.
        let segment = u32::from(self.full_payload());
        self.congestion
            .set_segment_size(&mut context.congestion, segment);
        self.congestion.begin(&mut context.congestion, context.now);
        if self.extension.is_held() {
            self.measure_deliveries(context);
        }
        self.last_received = Past::at(context.now);
        self.fit_receive_buffer(context);
        self.user.set(User::WRITABLE);
    }
}

/// Payload and options that the link carries in one segment (RFC 6691).
pub(crate) fn own_mss(mtu: u16, remote: IpAddr, limits: &Limits) -> u16 {
    let headers = if remote.is_ipv4() { 40 } else { 60 };
    sending_mss(mtu.saturating_sub(headers), limits)
}

/// A peer or path that names less does not make us send little else than headers.
pub(crate) fn sending_mss(mss: u16, limits: &Limits) -> u16 {
    mss.max(limits.opening.segment_bytes_min)
}

/// The MSS of a peer that does not name its own (RFC 9293, section 3.7.1).
pub(crate) fn default_mss(remote: IpAddr) -> u16 {
    if remote.is_ipv4() { 536 } else { 1_220 }
}

/// Linux: two ticks.
const HURRY: Duration = Duration::from_millis(2);
/// How long the handshake's ACK waits for data (Linux: TCP_DELACK_MAX).
const HELD_ACK_MAX: Duration = Duration::from_millis(200);
