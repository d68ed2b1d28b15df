//! Families of attached applications: counters of the control thread, and sums of the last refresh's rows.

use coremill_protocol::AttachmentView;
use prometheus::proto::MetricFamily;

use super::family::Family;
use crate::applications::Counters;

/// All of them.
pub fn families(counters: &Counters, rows: &[AttachmentView], families: &mut Vec<MetricFamily>) {
    let attached = rows.iter().filter(|row| row.phase == "attached").count();
    let sum = |value: fn(&AttachmentView) -> u64| rows.iter().map(value).sum::<u64>() as f64;
    let gauges = [
        ("attachments", "Attached processes.", attached as f64),
        (
            "application_memory_bytes",
            "Memory shared with applications.",
            sum(|row| row.memory_bytes),
        ),
        (
            "application_sockets",
            "Sockets of applications.",
            sum(|row| row.sockets.used),
        ),
        (
            "application_receive_chunks_lent",
            "Chunks with received bytes that applications have not given back.",
            sum(|row| row.receive_chunks.used),
        ),
        (
            "application_send_chunks_lent",
            "Chunks granted to applications to send from.",
            sum(|row| row.send_chunks.used),
        ),
        (
            "application_events_pending",
            "Events that applications have not taken.",
            sum(|row| row.events_pending),
        ),
    ];
    for (name, help, value) in gauges {
        let mut family = Family::gauge(&format!("coremill_{name}"), help);
        family.sample(&[], value);
        families.extend(family.done());
    }
    let totals = [
        ("attached", "Processes that attached.", &counters.attached),
        (
            "attach_refused",
            "Processes that were not let attach.",
            &counters.refused,
        ),
    ];
    for (name, help, counter) in totals {
        let mut family = Family::counter(&format!("coremill_{name}_total"), help);
        family.sample(&[], counter.get() as f64);
        families.extend(family.done());
    }
    let mut detached = Family::counter("coremill_detached_total", "Attachments ended, by reason.");
    for (reason, count) in counters.detached() {
        detached.sample(&[("reason", reason)], count as f64);
    }
    let mut violations = Family::counter(
        "coremill_application_violations_total",
        "Applications detached because they broke the rules of shared memory.",
    );
    for (violation, count) in counters.violations() {
        violations.sample(&[("violation", violation)], count as f64);
    }
    families.extend([detached, violations].into_iter().filter_map(Family::done));
}
