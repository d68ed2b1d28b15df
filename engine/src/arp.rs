//! ARP for IPv4 over Ethernet: the codec, and what a host does with a packet it receives.
//!
//! Read first: RFC 826; RFC 1122, section 2.3.2; RFC 5227 for probes, announcements and conflicts
//! (which are counted only). What is learned goes to [`crate::neighbors`].

use std::net::{IpAddr, Ipv4Addr};

use crate::drop_reason::LinkDropReason;
use crate::ethernet::{self, EtherType, LinkHeader};
use crate::ipv4;
use crate::local_addresses::LocalAddresses;

/// Bytes of an ARP packet for Ethernet and IPv4, without link header.
pub const PACKET_BYTES: usize = 28;
/// Bytes of a frame with it; a port that needs 60 pads it.
pub const FRAME_BYTES: usize = ethernet::HEADER_BYTES + PACKET_BYTES;

/// A whole frame.
pub type Frame = [u8; FRAME_BYTES];

/// What a packet wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has its address.
    Reply,
}

/// An ARP packet for Ethernet and IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Request or reply.
    pub operation: Operation,
    /// MAC address of the sender.
    pub sender_mac: [u8; 6],
    /// Address of the sender; unspecified in a probe.
    pub sender: Ipv4Addr,
    /// MAC address of the target; without meaning in a request.
    pub target_mac: [u8; 6],
    /// Address of the target.
    pub target: Ipv4Addr,
}

/// What a packet tells of its sender, for [`crate::neighbors::Neighbors::learn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The sender.
    pub address: IpAddr,
    /// Its MAC address.
    pub mac: [u8; 6],
    /// It answers us: the way there and back works.
    pub solicited: bool,
    /// Worth a new entry, as it wants to speak to us; otherwise only a known one is brought up to
    /// date: an answer nobody asked for makes no entry.
    pub create: bool,
}

/// What to do about a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Send `frame` out of the port it came from, and learn what there is to learn.
    Reply {
        /// The answer.
        frame: Frame,
        /// None for a probe, whose sender has no address yet.
        observation: Option<Observation>,
    },
    /// Learn it. When the table made no use of it, that is a drop: not for us.
    Learned(Observation),
    /// Nothing.
    Dropped(LinkDropReason),
}

/// Judges the packet behind a frame's link header, received by the port with address `mac`.
pub fn receive(payload: &[u8], mac: [u8; 6], local: &LocalAddresses) -> Outcome {
    let packet = match parse(payload) {
        Ok(packet) => packet,
        Err(reason) => return Outcome::Dropped(reason),
    };
    if let Err(reason) = check_sender(&packet, mac, local) {
        return Outcome::Dropped(reason);
    }
    let for_us = local.contains(IpAddr::V4(packet.target));
    let request = packet.operation == Operation::Request;
    let observation = (!packet.sender.is_unspecified()).then_some(Observation {
        address: IpAddr::V4(packet.sender),
        mac: packet.sender_mac,
        solicited: for_us && !request && packet.target_mac == mac,
        create: for_us && request,
    });
    match observation {
        observation if for_us && request => Outcome::Reply {
            frame: packet.reply(mac).frame(packet.sender_mac),
            observation,
        },
        Some(observation) => Outcome::Learned(observation),
        None => Outcome::Dropped(LinkDropReason::ArpNotForUs),
    }
}

/// Reads a packet; trailing padding is allowed.
pub fn parse(payload: &[u8]) -> Result<Packet, LinkDropReason> {
    let malformed = LinkDropReason::ArpMalformed;
    let packet = payload.first_chunk::<PACKET_BYTES>().ok_or(malformed)?;
    let (kind, rest) = packet.split_at(8);
    let operation = match kind {
        [0, 1, 8, 0, 6, 4, 0, 1] => Operation::Request,
        [0, 1, 8, 0, 6, 4, 0, 2] => Operation::Reply,
        _ => return Err(malformed),
    };
    let &[
        a,
        b,
        c,
        d,
        e,
        f,
        s0,
        s1,
        s2,
        s3,
        u,
        v,
        w,
        x,
        y,
        z,
        t0,
        t1,
        t2,
        t3,
    ] = rest
    else {
        return Err(malformed);
    };
    Ok(Packet {
        operation,
        sender_mac: [a, b, c, d, e, f],
        sender: Ipv4Addr::new(s0, s1, s2, s3),
        target_mac: [u, v, w, x, y, z],
        target: Ipv4Addr::new(t0, t1, t2, t3),
    })
}

/// A request for the MAC address of `target`: broadcast, or a probe of the address known so far.
pub fn request(mac: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr, known: Option<[u8; 6]>) -> Frame {
    let packet = Packet {
        operation: Operation::Request,
        sender_mac: mac,
        sender,
        target_mac: [0; 6],
        target,
    };
    packet.frame(known.unwrap_or(ethernet::BROADCAST))
}

/// A gratuitous request that tells everyone on the link where `address` is (RFC 5227, section 3).
pub fn announcement(mac: [u8; 6], address: Ipv4Addr) -> Frame {
    request(mac, address, address, None)
}

impl Packet {
    /// The packet in a frame to `destination`.
    pub fn frame(&self, destination: [u8; 6]) -> Frame {
        let header = LinkHeader::new(destination, self.sender_mac, EtherType::Arp);
        let operation = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        let mut frame = [0; FRAME_BYTES];
        frame[..14].copy_from_slice(header.bytes());
        frame[14..22].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, operation]);
        frame[22..28].copy_from_slice(&self.sender_mac);
        frame[28..32].copy_from_slice(&self.sender.octets());
        frame[32..38].copy_from_slice(&self.target_mac);
        frame[38..42].copy_from_slice(&self.target.octets());
        frame
    }

    /// The answer to this request by the port with address `mac`.
    fn reply(&self, mac: [u8; 6]) -> Self {
        Self {
            operation: Operation::Reply,
            sender_mac: mac,
            sender: self.target,
            target_mac: self.sender_mac,
            target: self.sender,
        }
    }
}

/// Refuses senders that cannot be. The sender's MAC address may well be the port's own: the
/// kernel's end of a tap has the same one by default.
fn check_sender(
    packet: &Packet,
    mac: [u8; 6],
    local: &LocalAddresses,
) -> Result<(), LinkDropReason> {
    let sender = packet.sender;
    if local.contains(IpAddr::V4(sender)) {
        let reflected = packet.sender_mac == mac;
        return Err(if reflected {
            LinkDropReason::ArpSpoofed
        } else {
            LinkDropReason::ArpConflict
        });
    }
    let no_host = ipv4::is_martian(sender) || local.is_broadcast(sender);
    let probe = sender.is_unspecified() && packet.operation == Operation::Request;
    let no_station = ethernet::is_group(packet.sender_mac) || packet.sender_mac == [0; 6];
    if no_station || (no_host && !probe) {
        return Err(LinkDropReason::ArpSpoofed);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
