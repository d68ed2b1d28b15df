//! An expected packet beside the one that came: equal, or every field that differs.

use crate::language::{Body, Ecn, Packet, Segment, TcpOption};

/// The fields in which `actual` is not what `expected` says; empty when it is. What the script does
/// not name is not compared.
pub fn differences(expected: &Packet, actual: &Packet) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(ports) = expected.ports
        && actual.ports != Some(ports)
    {
        found.push("ports".to_owned());
    }
    if let (Some(ecn), Some(Ecn::Bits(bits))) = (expected.ecn, actual.ecn)
        && !is_ecn(ecn, bits)
    {
        found.push(format!("ECN bits {bits:02b}"));
    }
    if let Some(dscp) = expected.dscp
        && actual.dscp.is_some_and(|actual| actual != dscp)
    {
        found.push("DSCP".to_owned());
    }
    if let Some(ttl) = expected.ttl
        && actual.ttl.is_some_and(|actual| actual != ttl)
    {
        found.push("time to live".to_owned());
    }
    match (&expected.body, &actual.body) {
        (Body::Segment(expected), Body::Segment(actual)) => segment(expected, actual, &mut found),
        (expected, actual) if expected == actual => {}
        _ => found.push("protocol".to_owned()),
    }
    found
}

fn segment(expected: &Segment, actual: &Segment, found: &mut Vec<String>) {
    let fields = [
        ("flags", expected.flags == actual.flags),
        ("sequence number", expected.sequence == actual.sequence),
        ("payload length", expected.length == actual.length),
        (
            "acknowledgment number",
            expected.acknowledgment == actual.acknowledgment,
        ),
        (
            "window",
            expected.window.is_none() || expected.window == actual.window,
        ),
        ("urgent pointer", expected.urgent == actual.urgent),
    ];
    let differing = fields.iter().filter(|(_, is_equal)| !is_equal);
    found.extend(differing.map(|(name, _)| (*name).to_owned()));
    if let (Some(expected), Some(actual)) = (&expected.options, &actual.options) {
        options(expected, actual, found);
    }
}

fn options(expected: &[TcpOption], actual: &[TcpOption], found: &mut Vec<String>) {
    if expected.len() != actual.len() {
        found.push("number of TCP options".to_owned());
        return;
    }
    let differing = expected.iter().zip(actual).find(|(e, a)| !is_option(e, a));
    if let Some((expected, _)) = differing {
        found.push(format!("TCP option {expected}"));
    }
}

/// A timestamp's value is looked at by the one who knows the clock; here only its echo.
fn is_option(expected: &TcpOption, actual: &TcpOption) -> bool {
    match (expected, actual) {
        (TcpOption::Timestamps(_, expected), TcpOption::Timestamps(_, actual)) => {
            expected == actual
        }
        _ => expected == actual,
    }
}

fn is_ecn(expected: Ecn, bits: u8) -> bool {
    match expected {
        Ecn::Bits(expected) => expected == bits,
        Ecn::Capable => bits == 1 || bits == 2,
    }
}

#[cfg(test)]
mod tests;
