//! Packets printed as a script would write them: what a difference is shown in.

use std::fmt;

use super::tree::{Body, Direction, Ecn, Icmp, Packet, Segment, TcpOption};

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.direction {
            Direction::Inbound => "< ",
            Direction::Outbound => "> ",
        })?;
        match self.ecn {
            None => {}
            Some(Ecn::Capable) => f.write_str("[ect01] ")?,
            Some(Ecn::Bits(bits)) => {
                let word = ["noecn", "ect1", "ect0", "ce"][usize::from(bits & 3)];
                write!(f, "[{word}] ")?;
            }
        }
        if let Some(dscp) = self.dscp.filter(|dscp| *dscp != 0) {
            write!(f, "[tos {:#x}] ", dscp << 2)?;
        }
        if let Some((source, destination)) = self.ports {
            write!(f, "{source}>{destination} ")?;
        }
        match &self.body {
            Body::Segment(segment) => segment.fmt(f),
            Body::Icmp(icmp) => icmp.fmt(f),
            Body::Other(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (letter, bit) in LETTERS {
            if self.flags & bit != 0 {
                write!(f, "{letter}")?;
            }
        }
        if self.flags == 0 {
            f.write_str("-")?;
        }
        let end = self.sequence.wrapping_add(self.length);
        write!(f, " {}:{end}({})", self.sequence, self.length)?;
        if self.flags & 0x10 != 0 || self.acknowledgment != 0 {
            write!(f, " ack {}", self.acknowledgment)?;
        }
        if let Some(window) = self.window {
            write!(f, " win {window}")?;
        }
        if self.urgent != 0 {
            write!(f, " urg {}", self.urgent)?;
        }
        match &self.options {
            None => f.write_str(" <...>"),
            Some(options) if options.is_empty() => Ok(()),
            Some(options) => {
                let words: Vec<String> = options.iter().map(ToString::to_string).collect();
                write!(f, " <{}>", words.join(","))
            }
        }
    }
}

impl fmt::Display for TcpOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mss(mss) => write!(f, "mss {mss}"),
            Self::SackPermitted => f.write_str("sackOK"),
            Self::Nop => f.write_str("nop"),
            Self::End => f.write_str("eol"),
            Self::WindowScale(shift) => write!(f, "wscale {shift}"),
            Self::Timestamps(value, echo) => write!(f, "TS val {value} ecr {echo}"),
            Self::Sack(blocks) => {
                f.write_str("sack")?;
                for (left, right) in blocks {
                    write!(f, " {left}:{right}")?;
                }
                Ok(())
            }
            Self::AccurateEcn(order, counts) => {
                let names = ECN_COUNTERS[usize::from(order & 1)];
                f.write_str("ECN")?;
                for (name, count) in names.iter().zip(counts) {
                    write!(f, " {name} {count}")?;
                }
                Ok(())
            }
            Self::Md5(secret) => write!(f, "md5 \"{secret}\""),
            Self::Ao(key, next, secret) => write!(f, "ao {key} {next} \"{secret}\""),
            Self::FastOpen(cookie) => write!(f, "FO {}", hexadecimal(cookie)),
            Self::Other(kind, body) => write!(f, "kind {kind} {}", hexadecimal(body)),
        }
    }
}

impl fmt::Display for Icmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "icmp {}", self.kind)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(mtu) = self.mtu {
            write!(f, " mtu {mtu}")?;
        }
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an AccECN option counts, in order 0 and in order 1.
pub(super) const ECN_COUNTERS: [[&str; 3]; 2] = [["e0b", "ceb", "e1b"], ["e1b", "ceb", "e0b"]];

/// The letter of each flag, in the order in which they are printed.
pub(super) const LETTERS: [(char, u16); 9] = [
    ('F', 0x01),
    ('S', 0x02),
    ('R', 0x04),
    ('P', 0x08),
    ('U', 0x20),
    ('E', 0x40),
    ('W', 0x80),
    ('A', 0x100),
    ('.', 0x10),
];
