//! Every script that differs from a given one in a single expectation.

use std::time::Duration;

use coremill_script::language::{
    Action, Body, Call, Direction, Event, Script, Segment, TcpOption, Time, Value,
};

/// What was changed, and the script with the change.
pub fn all(script: &Script) -> Vec<(String, Script)> {
    let mut changes = Vec::new();
    for (index, event) in script.events.iter().enumerate() {
        for (what, changed) in of_event(event) {
            let mut script = script.clone();
            script.events[index] = changed;
            changes.push((format!("line {}: {what}", event.line), script));
        }
    }
    changes
}

fn of_event(event: &Event) -> Vec<(&'static str, Event)> {
    match &event.action {
        Action::Packet(packet) if packet.direction == Direction::Outbound => {
            let Body::Segment(segment) = &packet.body else {
                return Vec::new();
            };
            let mut changes: Vec<_> = of_segment(segment)
                .into_iter()
                .map(|(what, segment)| {
                    let mut packet = packet.clone();
                    packet.body = Body::Segment(segment);
                    let action = Action::Packet(packet);
                    (
                        what,
                        Event {
                            action,
                            ..event.clone()
                        },
                    )
                })
                .collect();
            if let Some(time) = later(event.time) {
                changes.push((
                    "time",
                    Event {
                        time,
                        ..event.clone()
                    },
                ));
            }
            changes
        }
        Action::Call(call) => of_call(call)
            .into_iter()
            .map(|(what, call)| {
                let action = Action::Call(call);
                (
                    what,
                    Event {
                        action,
                        ..event.clone()
                    },
                )
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn of_segment(segment: &Segment) -> Vec<(&'static str, Segment)> {
    let is_syn = segment.flags & SYN != 0;
    let mut changes = vec![
        (
            "PSH",
            Segment {
                flags: segment.flags ^ PSH,
                ..segment.clone()
            },
        ),
        (
            "ECE",
            Segment {
                flags: segment.flags ^ ECE,
                ..segment.clone()
            },
        ),
        (
            "FIN",
            Segment {
                flags: segment.flags ^ FIN,
                ..segment.clone()
            },
        ),
    ];
    if !is_syn {
        let sequence = segment.sequence.wrapping_add(1);
        changes.push((
            "sequence number",
            Segment {
                sequence,
                ..segment.clone()
            },
        ));
    }
    if segment.flags & ACK != 0 {
        let acknowledgment = segment.acknowledgment.wrapping_add(1);
        changes.push((
            "acknowledgment",
            Segment {
                acknowledgment,
                ..segment.clone()
            },
        ));
    }
    let length = segment.length + 1;
    changes.push((
        "length",
        Segment {
            length,
            ..segment.clone()
        },
    ));
    if let Some(window) = segment.window {
        let window = Some(window ^ 1);
        changes.push((
            "window",
            Segment {
                window,
                ..segment.clone()
            },
        ));
    }
    if let Some(options) = &segment.options {
        let mut more = options.clone();
        more.push(TcpOption::Nop);
        changes.push((
            "options",
            Segment {
                options: Some(more),
                ..segment.clone()
            },
        ));
        for (at, option) in options.iter().enumerate() {
            let mut other = options.clone();
            other[at] = match option {
                TcpOption::Mss(mss) => TcpOption::Mss(mss ^ 1),
                TcpOption::WindowScale(shift) => TcpOption::WindowScale(shift ^ 1),
                TcpOption::Timestamps(value, echo) => TcpOption::Timestamps(*value, echo ^ 1),
                TcpOption::Sack(blocks) => {
                    let mut blocks = blocks.clone();
                    blocks.iter_mut().for_each(|(_, right)| *right ^= 1);
                    TcpOption::Sack(blocks)
                }
                _ => TcpOption::End,
            };
            changes.push((
                "an option",
                Segment {
                    options: Some(other),
                    ..segment.clone()
                },
            ));
        }
    }
    changes
}

fn of_call(call: &Call) -> Vec<(&'static str, Call)> {
    let mut changes = Vec::new();
    let opens = matches!(call.name.as_str(), "socket" | "accept" | "accept4");
    match &call.result {
        // A new descriptor is called whatever the script calls it.
        Value::Number(number) if !(opens && *number >= 0) => {
            let result = Value::Number(number + 1);
            changes.push((
                "result",
                Call {
                    result,
                    ..call.clone()
                },
            ));
        }
        Value::Number(_) => {
            let result = Value::Number(-1);
            changes.push((
                "result",
                Call {
                    result,
                    ..call.clone()
                },
            ));
        }
        _ => {}
    }
    if call.error.is_some() {
        let error = Some("EOTHER".to_owned());
        changes.push((
            "error",
            Call {
                error,
                ..call.clone()
            },
        ));
    }
    if let Some(end) = call.end {
        let end = Some(end + LATER);
        changes.push((
            "end",
            Call {
                end,
                ..call.clone()
            },
        ));
    }
    changes
}

fn later(time: Time) -> Option<Time> {
    Some(match time {
        Time::Relative(after) => Time::Relative(after + LATER),
        Time::Absolute(due) => Time::Absolute(due + LATER),
        Time::RelativeRange(from, to) => Time::RelativeRange(from + LATER, to + LATER),
        Time::AbsoluteRange(from, to) => Time::AbsoluteRange(from + LATER, to + LATER),
        Time::Any => return None,
    })
}

const FIN: u16 = 0x01;
const ECE: u16 = 0x40;
const SYN: u16 = 0x02;
const PSH: u16 = 0x08;
const ACK: u16 = 0x10;
/// More than any tolerance.
const LATER: Duration = Duration::from_secs(30);
