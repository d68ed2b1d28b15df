//! The path carries less than the link: smaller segments (RFC 1191; RFC 8201; RFC 5927, section 7.2).
//!
//! Which errors are believed is `unreachable.rs`'s to judge; what is done where none come, `mtu_search.rs`'s. What a
//! connection knows of its path stands in its extension; without a block left its segments stay small for its life.

use super::{Connection, Context};
use crate::ip_fields::PathMtuDiscovery;
use crate::limits::{Limits, MtuProbingMode};
use crate::memory::Memory;
use crate::state::State;
use crate::time::Instant;

/// What a connection knows of a path that carries less than the link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NarrowPath {
    /// What segments may hold when this is forgotten: the least of link's and peer's MSS.
    pub(crate) mss_before: u16,
    /// When that is.
    pub(crate) expires: Instant,
    /// A router claimed less than the least that is believed: packets of the least size go without
    /// "don't fragment" (as Linux locks such a route).
    pub(crate) is_below_least: bool,
}

impl<Q: Default> Connection<Q> {
    /// A router, or the port, says that the path carries packets of `mtu` bytes only.
    /// RFC 7323, section 5.7.
    pub(super) fn path_narrows<M: Memory<Queue = Q>>(
        &mut self,
        context: &mut Context<M>,
        mtu: u16,
    ) {
        let is_below_least = mtu < self.least_path_mtu(&context.limits);
        let mtu = mtu.max(self.least_path_mtu(&context.limits));
        let mss = super::own_mss(mtu, self.flow.remote.address, &context.limits);
        if mss >= self.bound(context) {
            return;
        }
        context.counters.path_mtu_changes.increment();
        let lifetime = context.limits.path_mtu_lifetime;
        let known = context.destinations.find_or_add(context.now, &self.flow);
        let expires = known.map_or(context.now + lifetime, |known| {
            known.learn_path_mtu(context.now, mtu, lifetime)
        });
        self.narrow(context, mss, expires, is_below_least);
        if !matches!(self.state, State::SynSent | State::SynReceived) {
            self.resend_smaller(context);
        }
    }

    /// A new connection begins with what is known of the path.
    pub(super) fn recall_path_mtu<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let discovery = context
            .option_sets
            .get(&self.user.options)
            .ip
            .path_mtu_discovery;
        let remote = self.flow.remote.address;
        let known = context.destinations.find(context.now, &self.flow);
        let known = known.and_then(|known| known.path_mtu(context.now));
        if let Some((mtu, expires)) = known.filter(|_| discovery.believes_routers()) {
            let mss = super::own_mss(mtu, remote, &context.limits);
            if mss < self.send.mss {
                self.narrow(context, mss, expires, false);
            }
        }
    }

    /// A timeout: after some in a row the path may swallow what is too large and say nothing (RFC 4821, section 7.7; as
    /// Linux with tcp_mtu_probing at 1).
    #[cold]
    pub(super) fn doubt_path_mtu<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        let limits = &context.limits;
        let after = self.round_trip.timeout(&context.bounds);
        // What passed since the first retransmission, each timeout having been twice the one before.
        let first = after / 2_u32.saturating_pow(u32::from(self.send.attempts).saturating_sub(1));
        let is_off = limits.mtu_probing.mode == MtuProbingMode::Off;
        // R1 retransmissions, each after twice the time of the one before, of the least there is.
        let least = 2_u32.saturating_pow(limits.retries1.saturating_add(1)) - 1;
        if !is_off && after - first >= limits.rto_min.saturating_mul(least) {
            self.fall_back(context);
        }
    }

    fn narrow<M>(
        &mut self,
        context: &mut Context<M>,
        mss: u16,
        expires: Instant,
        is_below_least: bool,
    ) {
        let mss_before = self.bound(context);
        if let Some(extension) = context.extensions.ensure(&mut self.extension) {
            let known = extension.path.get_or_insert(NarrowPath {
                mss_before,
                expires,
                is_below_least,
            });
            known.expires = expires;
            known.is_below_least = is_below_least;
        } else {
            context.counters.extensions_exhausted.increment();
        }
        self.set_bound(context, mss);
    }

    /// What was known of the path may be out of date: full segments try it again (RFC 1191,
    /// section 6.3).
    #[cold]
    pub(super) fn review_path<M>(&mut self, context: &mut Context<M>) {
        if let Some(extension) = context.extensions.get_mut(&self.extension)
            && let Some(known) = extension.path
            && known.expires <= context.now
        {
            extension.path = None;
            self.set_bound(context, known.mss_before);
        }
    }

    /// True when nothing but fragments gets through (as Linux, which then leaves "don't fragment" unset
    /// unless the user insists on it).
    #[cold]
    pub(super) fn is_path_below_least<M>(&self, context: &Context<M>) -> bool {
        context
            .option_sets
            .get(&self.user.options)
            .ip
            .path_mtu_discovery
            == PathMtuDiscovery::Want
            && context
                .extensions
                .get(&self.extension)
                .and_then(|extension| extension.path)
                .is_some_and(|known| known.is_below_least)
    }

    // RFC 9293, SHLD-6.
    pub(super) fn set_mss<M>(&mut self, context: &mut Context<M>, mss: u16) {
        self.send.mss = mss;
        let segment = u32::from(self.full_payload());
        self.congestion
            .set_segment_size(&mut context.congestion, segment);
    }

    /// What is outstanding in segments that the path does not carry is lost, and that is no sign of
    /// congestion: it goes again at once, under a window of as many segments, now smaller ones (RFC 1191, section
    /// 6.5; as Linux).
    fn resend_smaller<M: Memory<Queue = Q>>(&mut self, context: &mut Context<M>) {
        self.resend_longer(context, u32::from(self.full_payload()));
    }

    /// Below this a forged error would do more harm than a broken path (RFC 5927, section 7.1).
    fn least_path_mtu(&self, limits: &Limits) -> u16 {
        if self.flow.remote.address.is_ipv4() {
            limits.path_mtu_least
        } else {
            MTU_LEAST_V6
        }
    }
}

/// RFC 8200, section 5.
const MTU_LEAST_V6: u16 = 1_280;
