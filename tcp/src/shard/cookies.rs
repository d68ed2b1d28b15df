//! SYN cookies in use: a SYN is answered without a record, and the ACK that comes back makes a
//! connection or is refused (RFC 4987, section 3.6).

use std::num::NonZeroU16;
use std::time::Duration;

use super::Shard;
use super::authenticate::AoAnswer;
use super::segment::Arrival;
use crate::authentication::AoIds;
use crate::connection::{FirstWindow, own_mss};
use crate::drop_reason::DropReason;
use crate::ecn::NOT_ECT;
use crate::header::Flags;
use crate::header_options::Timestamps;
use crate::limits::{SYN_COOKIE_VALID, SynCookies};
use crate::memory::Memory;
use crate::packet::Verdict;
use crate::reply::{Reply, SynOptions};
use crate::syn_cookie::CookieOptions;
use crate::table::request::{Agreed, Handshake};

impl<M: Memory> Shard<M> {
    /// Answers a SYN and forgets it.
    pub(super) fn send_cookie(&mut self, arrival: &Arrival<'_>, slot: u32) -> Verdict {
        let (now, flow) = (arrival.now, arrival.flow);
        let mut handshake = self.handshake(arrival, Default::default());
        let (ours, _) = self
            .syn_cookies
            .make(now, &flow, handshake.theirs, handshake.mss.get());
        handshake.ours = ours;
        let agreed = handshake.agreed;
        if !agreed.timestamps() {
            // Nowhere to remember the rest in.
            let ids = handshake.ao();
            handshake.agreed = Agreed::new(None, false, false);
            handshake = handshake.with_ao(ids);
        }
        handshake = self.offering(handshake, slot);
        let stamps = self.request_stamps(&flow, &handshake);
        let timestamps = stamps.option(now).map(|_| {
            let options = CookieOptions {
                window_scale: agreed.window_scale(),
                sack: agreed.sack(),
                ecn: agreed.ecn() || agreed.accurate_ecn().is_some(),
            };
            let clock = now.as_millis() as u32;
            Timestamps {
                value: options.stamp(clock).wrapping_add(stamps.offset),
                echo: handshake.timestamp,
            }
        });
        self.context.counters.syncookies_sent.increment();
        if let Some(listener) = self.listeners.get_mut(slot) {
            listener.cookie_sent = Some(now);
        }
        let ao = AoAnswer::of(&handshake);
        let reply = Reply {
            flow,
            sequence: ours,
            acknowledgment: handshake.theirs + 1,
            flags: handshake.flags(),
            window: handshake.offered.bytes,
            timestamps,
            syn: Some(SynOptions {
                mss: handshake.own_mss,
                window_scale: handshake.scale_offered(),
                sack: handshake.agreed.sack(),
            }),
            signature: None,
        };
        self.reply(reply, ao);
        Verdict::Accepted { progress: false }
    }

    /// An ACK to a listener, of no connection and no request: what a cookie brings back, or nothing.
    pub(super) fn cookie_receives(&mut self, arrival: &Arrival<'_>, slot: u32) -> Verdict {
        let header = &arrival.segment.header;
        let is_expected = self.expects_cookies(arrival, slot);
        if !is_expected || header.flags.contains(Flags::SYN) {
            return self.refuse(&arrival.flow, arrival.segment);
        }
        let Some(handshake) = self.handshake_of_cookie(arrival) else {
            self.context.counters.syncookies_failed.increment();
            if self.may_be_overtaking(arrival, slot) {
                return Verdict::Dropped(DropReason::BadHandshakeAck);
            }
            return self.refuse(&arrival.flow, arrival.segment);
        };
        self.context.counters.syncookies_received.increment();
        let handshake = self.offering(handshake, slot);
        if self.refuses_overflow(slot) {
            if self.context.limits.abort_on_overflow {
                let ao = AoAnswer::to(arrival.segment, arrival.options);
                self.reply(Reply::reset_for(arrival.flow, arrival.segment), ao);
            }
            return Verdict::Dropped(DropReason::ListenOverflow);
        }
        let id = self.listeners.id(slot);
        self.become_connection(arrival, id, &handshake)
    }

    /// Only soon after one was sent: else each ACK to a listener would be a guess that counts.
    fn expects_cookies(&mut self, arrival: &Arrival<'_>, slot: u32) -> bool {
        let sent = self
            .listeners
            .get_mut(slot)
            .and_then(|listener| listener.cookie_sent);
        self.context.limits.opening.syn_cookies != SynCookies::Off
            && sent.is_some_and(|sent| arrival.now.since(sent) <= SYN_COOKIE_VALID)
    }

    /// True for an ACK that brings back a cookie that is good.
    pub(super) fn brings_cookie(&mut self, arrival: &Arrival<'_>, slot: u32) -> bool {
        self.expects_cookies(arrival, slot) && self.handshake_of_cookie(arrival).is_some()
    }

    /// True for what does not bring back the cookie that was sent shortly before, but is of the same peer: its first
    /// segment brings it, and may have been overtaken, or lost and then comes again. A RST would end an honest connection
    /// (Linux sends one).
    #[cold]
    fn may_be_overtaking(&mut self, arrival: &Arrival<'_>, slot: u32) -> bool {
        let listener = self.listeners.get_mut(slot);
        let is_recent = listener
            .and_then(|listener| listener.cookie_sent)
            .is_some_and(|sent| arrival.now.since(sent) <= OVERTAKING_LONGEST);
        let stamp = arrival
            .options
            .timestamps
            .filter(|_| self.context.limits.timestamps);
        let echoes_recent = stamp.map(|stamp| {
            let offset = self.timestamp_offsets.offset(&arrival.flow);
            let clock = (arrival.now.as_millis() as u32).wrapping_add(offset);
            u128::from(clock.wrapping_sub(stamp.echo)) <= OVERTAKING_LONGEST.as_millis()
        });
        // What says nothing is a guess, most often: without the echo it must stand behind a FIN that came alone.
        let is_empty = arrival.segment.sequence_length() == 0;
        is_recent && echoes_recent.unwrap_or_else(|| !is_empty || self.is_behind_fin(arrival))
    }

    /// True for an ACK whose cookie is right but for a number that has been passed since: that of a FIN.
    fn is_behind_fin(&self, arrival: &Arrival<'_>) -> bool {
        let header = &arrival.segment.header;
        let (theirs, ours) = (header.sequence - 2, header.acknowledgment - 1);
        let mss = self
            .syn_cookies
            .check(arrival.now, &arrival.flow, theirs, ours);
        mss.is_some()
    }

    /// What the SYN and our answer said, as far as the ACK brings it back.
    fn handshake_of_cookie(&self, arrival: &Arrival<'_>) -> Option<Handshake> {
        let (header, limits) = (&arrival.segment.header, &self.context.limits);
        let (flow, theirs) = (&arrival.flow, header.sequence - 1);
        let ours = header.acknowledgment - 1;
        let mss = self.syn_cookies.check(arrival.now, flow, theirs, ours)?;
        let stamp = arrival.options.timestamps;
        let agreed = match stamp {
            None => Agreed::new(None, false, false),
            Some(stamp) => {
                let offset = self.timestamp_offsets.offset(flow);
                let kept = CookieOptions::of_stamp(stamp.echo.wrapping_sub(offset));
                // What we never offer nobody can have agreed to.
                let is_ours = limits.timestamps
                    && (!kept.sack || limits.sack)
                    && (!kept.ecn || limits.ecn.answers())
                    && (kept.window_scale.is_none() || limits.window_scaling);
                // RFC 9768, section 5.1: only a client that has asked for AccECN answers with such flags. How its SYN
                // came is forgotten.
                let is_accurate =
                    kept.ecn && limits.ecn.answers_accurate() && header.flags.ace() > 1;
                let agreed = Agreed::new(kept.window_scale, true, kept.sack);
                is_ours.then(|| {
                    agreed
                        .with_ecn(kept.ecn && !is_accurate)
                        .with_accurate_ecn(is_accurate.then_some(NOT_ECT))
                })?
            }
        };
        let handshake = Handshake {
            started: arrival.now,
            ours,
            theirs,
            timestamp: stamp.map_or(0, |stamp| stamp.value),
            window: header.window,
            mss: NonZeroU16::new(mss).unwrap_or(NonZeroU16::MIN),
            own_mss: own_mss(arrival.mtu, flow.remote.address, limits),
            agreed,
            offered: FirstWindow::default(),
            sent: 0,
            timeouts: 0,
            ao_ids: AoIds::default(),
        };
        let ids = AoIds::answering(arrival.options.signature);
        Some(handshake.acknowledged().with_ao(ids))
    }
}

/// Time for a first segment to be sent again, twice.
const OVERTAKING_LONGEST: Duration = Duration::from_secs(4);
