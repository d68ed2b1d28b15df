//! An expected packet: the next segment sent must be it, in time. Where the script expects one that
//! is longer than the MSS (it was written beside segmentation offload), the segments that make it up
//! are joined before they are compared.

use std::time::Duration;

use coremill_tcp::Instant;

use super::Run;
use crate::compare::differences;
use crate::language::{Body, Packet, Time};
use crate::settings::Settings;
use crate::subject::{Sent, Subject, elapsed, point};
use crate::verdict::Trouble;
use crate::wire::Observed;

impl<S: Subject, F: FnMut(&Settings) -> Result<S, Trouble>> Run<S, F> {
    pub(super) fn expect(&mut self, time: Time, packet: &Packet) -> Result<(), Trouble> {
        if let Body::Other(what) = &packet.body {
            return Err(Trouble::Unsupported(what.clone()));
        }
        if let Body::Icmp(icmp) = &packet.body {
            return Err(Trouble::Unsupported(format!("expected {icmp}")));
        }
        let base = self.last;
        let span = match time {
            Time::Relative(after) => Some((base + after, base + after + self.lateness(after))),
            Time::Absolute(due) => Some((due, due)),
            Time::RelativeRange(from, to) => Some((base + from, base + to)),
            Time::AbsoluteRange(from, to) => Some((from, to)),
            Time::Any => None,
        };
        let latest = span.map_or(base + ANY_TIME_MAX, |(_, to)| to + self.settings.tolerance);
        let line = self.line;
        let first = self.next_sent(point(latest))?;
        self.line = line;
        let Some(first) = first else {
            let silent = latest.as_secs_f64();
            let what = format!("nothing sent by {silent:.6} s\n  expected  {packet}");
            return Err(Trouble::Difference(what));
        };
        let begun = first.at;
        let mut observed = self.wire.observe(&first)?;
        self.wire.learn(packet, &mut observed);
        self.wire.verify(packet, &first, &mut observed);
        let ended = self.join(packet, &mut observed, begun, point(latest))?;
        self.compare(packet, &observed)?;
        if let Some((from, to)) = span {
            self.in_time(packet, (begun, ended), from, to)?;
        }
        self.last = match time {
            // What follows a machine that was late counts from then.
            Time::Relative(_) if self.settings.late_part > 0 => elapsed(begun),
            Time::Relative(_) | Time::Absolute(_) => span.map_or(base, |(due, _)| due),
            _ => elapsed(begun),
        };
        Ok(())
    }

    /// How late a machine may be that has waited so long.
    pub(super) fn lateness(&self, waited: Duration) -> Duration {
        waited
            .checked_div(self.settings.late_part)
            .unwrap_or_default()
    }

    fn compare(&mut self, packet: &Packet, observed: &Observed) -> Result<(), Trouble> {
        let mut found = differences(packet, &observed.packet);
        if !self.wire.is_of(packet, observed) {
            found.push("connection".to_owned());
        }
        if found.is_empty() {
            found.extend(self.wire.learn_stamp(&self.settings, packet, observed));
        }
        if found.is_empty() {
            return Ok(());
        }
        let mut shown = observed.packet.clone();
        if packet.ecn.is_none() {
            shown.ecn = None;
        }
        if packet.ports.is_none() && self.wire.is_of(packet, observed) {
            shown.ports = None;
        }
        if let (Body::Segment(wanted), Body::Segment(actual)) = (&packet.body, &mut shown.body)
            && wanted.window.is_none()
        {
            actual.window = None;
        }
        Err(Trouble::Difference(format!(
            "another packet\n  expected  {packet}\n  sent      {shown}\n  differs   {}",
            found.join(", ")
        )))
    }

    fn in_time(
        &self,
        packet: &Packet,
        (begun, ended): (Instant, Instant),
        from: Duration,
        to: Duration,
    ) -> Result<(), Trouble> {
        let (begun, ended) = (elapsed(begun), elapsed(ended));
        let tolerance = self.settings.tolerance;
        if begun + tolerance >= from && ended <= to + tolerance {
            return Ok(());
        }
        let at = if begun + tolerance < from {
            begun
        } else {
            ended
        };
        let range = if from == to {
            format!("{:.6} s", from.as_secs_f64())
        } else {
            format!("{:.6} to {:.6} s", from.as_secs_f64(), to.as_secs_f64())
        };
        Err(Trouble::Difference(format!(
            "sent at {:.6} s, expected at {range}\n  expected  {packet}",
            at.as_secs_f64()
        )))
    }

    /// Adds the segments that follow to `observed`, as far as `expected` is longer. Gives the time
    /// of the last one.
    fn join(
        &mut self,
        expected: &Packet,
        observed: &mut Observed,
        begun: Instant,
        latest: Instant,
    ) -> Result<Instant, Trouble> {
        let mut ended = begun;
        let Body::Segment(wanted) = &expected.body else {
            return Ok(ended);
        };
        // Where a port cuts, what leaves as one is what is looked at.
        if self.settings.is_cut {
            return Ok(ended);
        }
        while let Body::Segment(joined) = &mut observed.packet.body
            && joined.length > 0
            && joined.length < wanted.length
        {
            let Some(next) = self.next_sent(latest)? else {
                break;
            };
            let following = self.wire.observe(&next)?;
            let Body::Segment(segment) = following.packet.body else {
                break;
            };
            let follows = segment.sequence == joined.sequence.wrapping_add(joined.length)
                && segment.acknowledgment == joined.acknowledgment
                && segment.length > 0
                && joined.length + segment.length <= wanted.length;
            if !follows {
                self.subject()?.sent().push_front(next);
                break;
            }
            joined.length += segment.length;
            joined.flags |= segment.flags;
            joined.window = segment.window;
            ended = next.at;
        }
        Ok(ended)
    }

    /// The next segment sent, for which time passes up to `latest`.
    fn next_sent(&mut self, latest: Instant) -> Result<Option<Sent>, Trouble> {
        loop {
            let has_blocked = self.blocked.is_some();
            let subject = self.subject()?;
            subject.collect()?;
            if let Some(sent) = subject.sent().pop_front() {
                return Ok(Some(sent));
            }
            if subject.now() >= latest || (subject.is_at_rest() && !has_blocked) {
                return Ok(None);
            }
            subject.step(latest)?;
            self.retry_blocked()?;
        }
    }

    /// No segment is left that nobody expected.
    pub(super) fn nothing_left(&mut self) -> Result<(), Trouble> {
        let subject = self.subject()?;
        subject.collect()?;
        let Some(sent) = subject.sent().pop_front() else {
            return Ok(());
        };
        let observed = self.wire.observe(&sent)?;
        let what = format!("sent and never expected\n  sent      {}", observed.packet);
        Err(Trouble::Difference(what))
    }
}

/// How long a packet is waited for that may come at any time.
const ANY_TIME_MAX: Duration = Duration::from_secs(24 * 3600);
