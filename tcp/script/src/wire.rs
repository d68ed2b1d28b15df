//! Between the script's numbers and the shard's: flows, sequence numbers, timestamps, bytes.

mod ao;
mod bytes;
mod signature;

use std::net::{IpAddr, Ipv4Addr};

use coremill_tcp::address::{Endpoint, Flow};
use coremill_tcp::header;
use coremill_tcp::packet::{Inbound, Quoted, Unreachable};

use ao::Initial;

use crate::language::{Body, Direction, Ecn, Icmp, Packet, Segment, TcpOption};
use crate::settings::Settings;
use crate::subject::{Sent, Subject};
use crate::verdict::Trouble;

/// All flows that a script has made.
#[derive(Debug, Default)]
pub struct Wire {
    flows: Vec<Known>,
    /// Packets without ports belong to this one.
    current: Option<usize>,
    ports_taken: u16,
}

/// A flow and how its numbers differ from the script's.
#[derive(Debug)]
struct Known {
    flow: Flow,
    /// Our sequence numbers minus the script's, once our SYN was seen.
    local_shift: Option<u32>,
    /// Our next SYN begins a new connection.
    is_new: bool,
    /// Sequence number of the last SYN injected.
    syn: Option<u32>,
    /// What the keys of TCP-AO depend on.
    initial: Initial,
    /// Script's values of our timestamps beside the true ones.
    stamps: Vec<(u32, u32)>,
}

/// A segment of ours as the script would write it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The packet in the script's numbers.
    pub packet: Packet,
    /// Which flow.
    flow: usize,
    /// Its own sequence number.
    live_sequence: u32,
}

impl Wire {
    /// A connection was opened by us: packets without ports are its own from now on.
    pub fn opened(&mut self, flow: Flow) {
        let index = self.index_of(flow);
        self.flows[index].is_new = true;
        self.current = Some(index);
    }

    /// A listener was opened: the next SYN without ports begins a flow of its own.
    pub fn listens(&mut self) {
        self.current = None;
    }

    /// The flow that packets without ports belong to.
    pub fn current(&self) -> Option<Flow> {
        self.current.map(|index| self.flows[index].flow)
    }

    /// Gives a packet of the script to the machine.
    ///
    /// # Errors
    /// When it names what this runner cannot build.
    pub fn inject<S: Subject>(
        &mut self,
        subject: &mut S,
        settings: &Settings,
        packet: &Packet,
    ) -> Result<(), Trouble> {
        let segment = match &packet.body {
            Body::Segment(segment) => segment,
            Body::Icmp(icmp) => return self.inject_icmp(subject, icmp),
            Body::Other(what) => return Err(Trouble::Unsupported(what.clone())),
        };
        let index = self.flow_for(
            settings,
            packet.ports.map(|(remote, local)| (local, remote)),
        );
        let known = &mut self.flows[index];
        if segment.flags & RST != 0 {
            known.syn = None;
        } else if segment.flags & SYN != 0 && known.syn != Some(segment.sequence) {
            known.syn = Some(segment.sequence);
            known.initial.theirs = Some(segment.sequence.wrapping_add(PEER_SHIFT));
            known.is_new |= segment.flags & ACK == 0;
        }
        let live = known.to_live(segment);
        let bytes = bytes::build(known.flow, known.initial, &live);
        let inbound = Inbound {
            source: known.flow.remote.address,
            destination: known.flow.local.address,
            bytes: &bytes,
            checksum_verified: false,
            ecn: match packet.ecn {
                Some(Ecn::Bits(bits)) => bits,
                _ => 0,
            },
            ttl: packet.ttl.unwrap_or(255),
            mtu: settings.mtu,
        };
        subject.inject(&inbound)
    }

    fn inject_icmp<S: Subject>(&mut self, subject: &mut S, icmp: &Icmp) -> Result<(), Trouble> {
        let Some(known) = self.current.map(|index| &self.flows[index]) else {
            return Err(Trouble::Unsupported("ICMP before any connection".into()));
        };
        let error = unreachable(icmp)?;
        let sequence = icmp.quoted.unwrap_or(0);
        let quoted = Quoted {
            flow: known.flow,
            sequence: sequence.wrapping_add(known.local_shift.unwrap_or(0)),
            error,
        };
        subject.inject_error(&quoted)
    }

    /// A segment of ours in the script's numbers.
    ///
    /// # Errors
    /// When it belongs to no flow of the script, or is not well-formed.
    pub fn observe(&self, sent: &Sent) -> Result<Observed, Trouble> {
        let parsed = header::Segment::parse(&sent.bytes)
            .map_err(|reason| Trouble::Difference(format!("malformed segment sent: {reason:?}")))?;
        let flow = Flow {
            local: Endpoint::new(sent.source, parsed.header.source_port),
            remote: Endpoint::new(sent.destination, parsed.header.destination_port),
        };
        let index = self.flows.iter().position(|known| known.flow == flow);
        let index = index.ok_or_else(|| {
            Trouble::Difference(format!(
                "a segment was sent that belongs to no flow: {flow}"
            ))
        })?;
        let known = &self.flows[index];
        let header = &parsed.header;
        let shift = known.local_shift.unwrap_or(0);
        let has_ack = header.flags.bits() & ACK != 0;
        let mut options = bytes::options(parsed.options);
        for option in &mut options {
            if let TcpOption::Sack(blocks) = option {
                for (left, right) in blocks {
                    *left = left.wrapping_sub(PEER_SHIFT);
                    *right = right.wrapping_sub(PEER_SHIFT);
                }
            }
        }
        let live_sequence = header.sequence.raw();
        let segment = Segment {
            flags: header.flags.bits(),
            sequence: live_sequence.wrapping_sub(shift),
            length: u32::try_from(parsed.payload.len()).unwrap_or(u32::MAX),
            acknowledgment: if has_ack {
                header.acknowledgment.raw().wrapping_sub(PEER_SHIFT)
            } else {
                header.acknowledgment.raw()
            },
            window: Some(header.window),
            urgent: header.urgent_pointer,
            options: Some(options),
        };
        let packet = Packet {
            direction: Direction::Outbound,
            ecn: Some(Ecn::Bits(sent.ecn)),
            dscp: Some(sent.dscp),
            ttl: Some(sent.ttl),
            ports: Some((flow.local.port, flow.remote.port)),
            body: Body::Segment(segment),
        };
        Ok(Observed {
            packet,
            flow: index,
            live_sequence,
        })
    }

    /// Learns from an expected SYN where our numbers begin, and puts `observed` into them.
    pub fn learn(&mut self, expected: &Packet, observed: &mut Observed) {
        let (Body::Segment(wanted), Body::Segment(segment)) =
            (&expected.body, &mut observed.packet.body)
        else {
            return;
        };
        let known = &mut self.flows[observed.flow];
        let is_syn = wanted.flags & segment.flags & SYN != 0;
        if is_syn && (known.is_new || known.local_shift.is_none()) {
            known.is_new = false;
            known.local_shift = Some(observed.live_sequence.wrapping_sub(wanted.sequence));
            known.initial.ours = Some(observed.live_sequence);
            known.stamps.clear();
            segment.sequence = wanted.sequence;
        }
    }

    /// A digest or a code that is right under the secret which the script expects becomes that secret.
    pub fn verify(&self, expected: &Packet, sent: &Sent, observed: &mut Observed) {
        let (Body::Segment(wanted), Body::Segment(segment)) =
            (&expected.body, &mut observed.packet.body)
        else {
            return;
        };
        let addresses = (sent.source, sent.destination);
        let (body, signed) = if let Some(secret) = signature::secret(wanted) {
            let digest = signature::digest(addresses, &sent.bytes, secret);
            (digest.to_vec(), TcpOption::Md5(secret.to_owned()))
        } else if let Some((key_id, next_key_id, secret)) = ao::signed(wanted) {
            let numbers = self.flows[observed.flow].initial.of_ours();
            let code = ao::code(addresses, numbers, &sent.bytes, secret);
            let body = [&[key_id, next_key_id], &code[..]].concat();
            (body, TcpOption::Ao(key_id, next_key_id, secret.to_owned()))
        } else {
            return;
        };
        for option in segment.options.iter_mut().flatten() {
            if matches!(option, TcpOption::Other(signature::KIND | ao::KIND, found) if *found == body)
            {
                *option = signed.clone();
            }
        }
    }

    /// Learns which of our timestamps the script calls by which value, and checks how far it is off
    /// the script's clock; a sentence if too far.
    pub fn learn_stamp(
        &mut self,
        settings: &Settings,
        expected: &Packet,
        observed: &Observed,
    ) -> Option<String> {
        let script = stamp(expected)?.0;
        let live = stamp(&observed.packet)?.0;
        let known = &mut self.flows[observed.flow];
        let first = known.stamps.first().copied();
        if !known.stamps.iter().any(|(known, _)| *known == script) {
            known.stamps.push((script, live));
        }
        let (first_script, first_live) = first?;
        let ours = live.wrapping_sub(first_live).cast_signed();
        let theirs = script.wrapping_sub(first_script).cast_signed();
        let ticks = ours.abs_diff(theirs);
        let told = settings.timestamp_tick * theirs.unsigned_abs();
        let late = told.checked_div(settings.late_part).unwrap_or_default();
        let is_off = settings.timestamp_tick * ticks > settings.tolerance + late;
        is_off.then(|| format!("timestamp is {ours} ticks after the first one, not {theirs}"))
    }

    /// True when the segment belongs to the flow that `expected` is about.
    pub fn is_of(&self, expected: &Packet, observed: &Observed) -> bool {
        expected.ports.is_some() || self.current.is_none_or(|current| current == observed.flow)
    }

    /// The flow of an injected packet: by its ports, else the current one, else a new one.
    fn flow_for(&mut self, settings: &Settings, ports: Option<(u16, u16)>) -> usize {
        let (local, remote) = (address(settings.local), address(settings.remote));
        if let Some((local_port, remote_port)) = ports {
            let index = self.index_of(Flow {
                local: Endpoint::new(local, local_port),
                remote: Endpoint::new(remote, remote_port),
            });
            self.current.get_or_insert(index);
            return index;
        }
        if let Some(index) = self.current {
            return index;
        }
        self.ports_taken += 1;
        let index = self.index_of(Flow {
            local: Endpoint::new(local, settings.bind_port),
            remote: Endpoint::new(remote, PEER_PORTS.wrapping_add(self.ports_taken)),
        });
        self.current = Some(index);
        index
    }

    fn index_of(&mut self, flow: Flow) -> usize {
        if let Some(index) = self.flows.iter().position(|known| known.flow == flow) {
            return index;
        }
        self.flows.push(Known {
            flow,
            local_shift: None,
            is_new: true,
            syn: None,
            initial: Initial::default(),
            stamps: Vec::new(),
        });
        self.flows.len() - 1
    }
}

impl Known {
    /// A segment of the script in the shard's numbers.
    fn to_live(&self, segment: &Segment) -> Segment {
        let shift = self.local_shift.unwrap_or(0);
        let mut live = segment.clone();
        live.sequence = live.sequence.wrapping_add(PEER_SHIFT);
        if live.flags & ACK != 0 {
            live.acknowledgment = live.acknowledgment.wrapping_add(shift);
        }
        for option in live.options.iter_mut().flatten() {
            match option {
                TcpOption::Sack(blocks) => {
                    for (left, right) in blocks {
                        *left = left.wrapping_add(shift);
                        *right = right.wrapping_add(shift);
                    }
                }
                TcpOption::Timestamps(_, echo) => *echo = self.live_stamp(*echo),
                _ => {}
            }
        }
        live
    }

    /// Our true timestamp for what the script calls it.
    fn live_stamp(&self, script: u32) -> u32 {
        let named = self.stamps.iter().find(|(known, _)| *known == script);
        match (named, self.stamps.first()) {
            (Some((_, live)), _) => *live,
            (None, Some((first, live))) if script != 0 => {
                live.wrapping_add(script.wrapping_sub(*first))
            }
            _ => script,
        }
    }
}

/// The timestamps of a packet.
fn stamp(packet: &Packet) -> Option<(u32, u32)> {
    let Body::Segment(segment) = &packet.body else {
        return None;
    };
    segment
        .options
        .iter()
        .flatten()
        .find_map(|option| match option {
            TcpOption::Timestamps(value, echo) => Some((*value, *echo)),
            _ => None,
        })
}

/// The error that an ICMP message tells, by the names of RFC 792 and RFC 1122.
fn unreachable(icmp: &Icmp) -> Result<Unreachable, Trouble> {
    let code = icmp.code.as_deref().unwrap_or_default();
    match (icmp.kind.as_str(), code) {
        ("unreachable", "net_unreachable" | "net_unknown" | "net_unreachable_for_tos") => {
            Ok(Unreachable::Network)
        }
        (
            "unreachable",
            "host_unreachable"
            | "host_unknown"
            | "source_host_isolated"
            | "host_unreachable_for_tos",
        ) => Ok(Unreachable::Host),
        ("unreachable", "protocol_unreachable") => Ok(Unreachable::Protocol),
        ("unreachable", "port_unreachable") => Ok(Unreachable::Port),
        ("unreachable", "frag_needed") => Ok(Unreachable::TooBig {
            mtu: icmp.mtu.unwrap_or(0),
        }),
        ("unreachable", "net_prohibited" | "host_prohibited" | "packet_filtered") => {
            Ok(Unreachable::Prohibited)
        }
        ("unreachable", "source_route_failed") | ("time_exceeded" | "parameter_problem", _) => {
            Ok(Unreachable::Other)
        }
        _ => Err(Trouble::Unsupported(icmp.to_string())),
    }
}

fn address(address: Ipv4Addr) -> IpAddr {
    IpAddr::V4(address)
}

const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const ACK: u16 = 0x10;
/// The peer's sequence numbers minus the script's: numbers wrap within the first megabytes.
const PEER_SHIFT: u32 = 0_u32.wrapping_sub(100_000);
/// Ports of peers that a script does not name begin above this one.
const PEER_PORTS: u16 = 40_000;
