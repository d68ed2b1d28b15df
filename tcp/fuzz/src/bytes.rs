//! Values out of the bytes that a fuzzer or its corpus gives (`tcp/fuzz`): zeros follow the last byte.

use coremill_tcp::SequenceNumber;
use coremill_tcp::authentication::{AoAlgorithm, AoKey};
use coremill_tcp::fast_open::FastOpenCookie;
use coremill_tcp::header::Flags;
use coremill_tcp::header_options::{AccurateEcn, Options, SackBlock, Timestamps};
use coremill_tcp::options::SocketOption;
use coremill_tcp::packet::Unreachable;

use super::segment::Segment;

/// Takes values from the front.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Numbers near what is expected, mostly: far ones are refused at once.
    pub fn number(&mut self) -> u32 {
        let word = u32::from(self.word());
        match word >> 14 {
            0 | 1 => word & 0xfff,
            2 => 0_u32.wrapping_sub(word & 0xfff),
            _ => word << 16 | u32::from(self.word()),
        }
    }

    /// An option of a connection, and what it is set to.
    pub fn option(&mut self) -> (SocketOption, i64) {
        let option = OPTIONS[usize::from(self.byte()) % OPTIONS.len()];
        let kind = self.byte();
        let value = match kind >> 6 {
            0 => i64::from(kind & 1),
            1 => i64::from(self.word()),
            2 => i64::from(kind & 63) - 1,
            _ => i64::from(self.number()),
        };
        (option, value)
    }

    /// What a router may say.
    pub fn unreachable(&mut self) -> Unreachable {
        match self.byte() % 10 {
            0 => Unreachable::Network,
            1 => Unreachable::Host,
            2 => Unreachable::Protocol,
            3 => Unreachable::Port,
            4 => Unreachable::Prohibited,
            5 => Unreachable::Other,
            _ => Unreachable::TooBig { mtu: self.word() },
        }
    }

    /// A key of TCP-AO, one of few.
    pub fn ao(&mut self) -> AoKey {
        let byte = self.byte();
        AoKey {
            algorithm: match byte & 1 {
                0 => AoAlgorithm::HmacSha1,
                _ => AoAlgorithm::Aes128Cmac,
            },
            send_id: byte >> 1 & 3,
            receive_id: byte >> 3 & 3,
            mac_bytes: 3 + (byte >> 5),
            excludes_options: byte & 6 == 6,
        }
    }

    /// A segment of the peer's. Each of its bytes tells its place in the sequence.
    pub fn segment(&mut self) -> Segment {
        let flags = match self.byte() {
            byte @ 0..=63 => Flags::from_bits(byte.into()),
            byte @ 64..=79 => Flags::SYN | Flags::of_ace(byte & 7),
            64..=103 => Flags::ACK | Flags::FIN,
            byte @ 104..=135 => Flags::ACK | Flags::of_ace(byte & 7),
            _ => Flags::ACK,
        };
        let (seq, ack) = (self.number(), self.number());
        let present = self.byte();
        let window = if present & 1 == 0 { self.word() } else { 0 };
        let options = self.options(flags, present);
        let length = match present & 16 {
            0 => 0,
            _ => self.word() % 1_400,
        };
        let urgent = match flags.contains(Flags::URG) {
            true => self.word() % 3_000,
            false => 0,
        };
        let first = seq.wrapping_add(u32::from(flags.contains(Flags::SYN)));
        Segment {
            flags,
            seq,
            ack,
            window: Some(window),
            options: Some(options),
            urgent,
            payload: stream(first, length.into()),
        }
    }

    fn options(&mut self, flags: Flags, present: u8) -> Options {
        let mut options = Options::default();
        if present & 2 != 0 {
            options.mss = Some(self.word());
        }
        if present & 4 != 0 {
            match self.byte() {
                byte @ 0..=127 if flags.contains(Flags::SYN) => {
                    options.window_scale = Some(byte);
                }
                byte if flags.contains(Flags::SYN) => {
                    let cookie = [7; 16];
                    let length = usize::from(byte & 15);
                    options.fast_open = FastOpenCookie::of(&cookie[..length]);
                }
                byte => {
                    let count = |shift: u8| u32::from(byte >> shift & 3) * 0x3f_ffff;
                    options.accurate_ecn = Some(AccurateEcn::new(count(0), count(2), count(4)));
                }
            }
        }
        options.sack_permitted = present & 8 != 0;
        for _ in 0..(present >> 6) {
            // Offset to our numbers, as `Segment` counts acknowledgments.
            options.sack.push(SackBlock {
                left: SequenceNumber::new(self.number()),
                right: SequenceNumber::new(self.number()),
            });
        }
        options.timestamps = (present & 32 != 0).then(|| Timestamps {
            value: u32::from(self.word()),
            echo: self.number(),
        });
        options
    }
}

/// The bytes of a stream whose first has this number.
pub fn stream(first: u32, count: usize) -> Vec<u8> {
    (0..count as u32)
        .map(|offset| first.wrapping_add(offset) as u8)
        .collect()
}

const OPTIONS: [SocketOption; 25] = [
    SocketOption::NoDelay,
    SocketOption::Cork,
    SocketOption::QuickAck,
    SocketOption::Keepalive,
    SocketOption::KeepaliveIdle,
    SocketOption::KeepaliveInterval,
    SocketOption::KeepaliveCount,
    SocketOption::UrgentInline,
    SocketOption::SynCount,
    SocketOption::DeferAccept,
    SocketOption::FinWait2,
    SocketOption::UserTimeout,
    SocketOption::UnsentLowWater,
    SocketOption::WindowClamp,
    SocketOption::Congestion,
    SocketOption::PacingRateMax,
    SocketOption::SendBuffer,
    SocketOption::ReceiveBuffer,
    SocketOption::FastOpen,
    SocketOption::FastOpenConnect,
    SocketOption::FastOpenNoCookie,
    SocketOption::Tos,
    SocketOption::Ttl,
    SocketOption::MinTtl,
    SocketOption::MtuDiscover,
];
