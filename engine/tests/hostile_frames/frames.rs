//! Frames that nobody should send: sound ones of each layer, damaged in every way, and some of
//! them made sound again as far as checksums go, so that they reach the layers above.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

use crate::heard::{Heard, heard_segment};
use crate::repair::repair;
use crate::{OUR_MAC, OURS, PEER_MAC};

/// Makes frames; the same seed makes the same frames.
pub struct Frames {
    random: SmallRng,
    previous: Vec<u8>,
}

impl Frames {
    pub fn new(random: SmallRng) -> Self {
        Self {
            random,
            previous: Vec::new(),
        }
    }

    /// The next frame; `heard` is one that the engine sent, from which answers and quotes are made.
    pub fn next(&mut self, heard: Option<&[u8]>) -> Vec<u8> {
        let mut frame = self.sound(heard);
        if self.random.random_ratio(1, 2) {
            for _ in 0..self.random.random_range(1..4) {
                self.damage(&mut frame);
            }
            if self.random.random_ratio(2, 3) {
                repair(&mut frame);
            }
        }
        frame.truncate(FRAME_BYTES_MAX);
        self.previous.clone_from(&frame);
        frame
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.random.random_range(0..end)
    }

    fn sound(&mut self, heard: Option<&[u8]>) -> Vec<u8> {
        let answer = heard.and_then(heard_segment);
        match self.random.random_range(0..20) {
            0 => self.bytes(0..200),
            1 => self.arp(),
            2 => self.ipv6(),
            3 => self.previous.clone(),
            4 => {
                let protocol = self.random.random();
                let payload = self.bytes(0..100);
                self.ipv4(protocol, &payload)
            }
            5 => self.udp(),
            6 => self.echo(),
            7 => self.icmp_error(heard),
            8..=9 => self.opening(),
            _ => match answer {
                Some(heard) => self.answer(heard),
                None => self.opening(),
            },
        }
    }

    fn bytes(&mut self, length: std::ops::Range<usize>) -> Vec<u8> {
        let mut bytes = vec![0; self.random.random_range(length)];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    /// A host of the network; few, so that they come again.
    fn peer(&mut self) -> [u8; 4] {
        [10, 0, 0, self.random.random_range(2..40)]
    }

    fn ethernet(&mut self, ethertype: u16, payload: &[u8]) -> Vec<u8> {
        let destination = match self.random.random_range(0..60) {
            0 => [0xff; 6],
            1 => [1, 0, 0x5e, 0, 0, 1],
            2 => self.random.random(),
            _ => OUR_MAC,
        };
        let mut frame = [
            &destination[..],
            &PEER_MAC,
            &ethertype.to_be_bytes(),
            payload,
        ]
        .concat();
        if self.random.random_ratio(1, 2) {
            frame.resize(frame.len().max(60), 0);
        }
        frame
    }

    fn arp(&mut self) -> Vec<u8> {
        let operation = self.random.random_range(1..3);
        let sender = match self.random.random_range(0..20) {
            0 => OURS,
            _ => self.peer(),
        };
        let target = match self.random.random_range(0..4) {
            0 => self.peer(),
            _ => OURS,
        };
        let target_mac = if operation == 2 { OUR_MAC } else { [0; 6] };
        let packet = [
            &[0, 1, 8, 0, 6, 4, 0, operation][..],
            &PEER_MAC,
            &sender,
            &target_mac,
            &target,
        ];
        self.ethernet(0x0806, &packet.concat())
    }

    fn ipv6(&mut self) -> Vec<u8> {
        let mut payload = self.bytes(0..80);
        if let Some(first) = payload.first_mut() {
            *first = 0x60;
        }
        let ethertype = [0x86dd, 0x8100, 0x88cc][self.random.random_range(0..3)];
        self.ethernet(ethertype, &payload)
    }

    fn ipv4(&mut self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let source = self.peer();
        self.ipv4_from(source, protocol, payload)
    }

    fn ipv4_from(&mut self, source: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
        let options = match self.random.random_range(0..30) {
            0 => vec![1, 7, 7, 4, 0, 0, 0, 0],
            1 => vec![131, 7, 4, 10, 0, 0, 9, 0],
            2 => {
                let mut options = self.bytes(0..41);
                options.truncate(options.len() / 4 * 4);
                options
            }
            _ => Vec::new(),
        };
        let destination = match self.random.random_range(0..40) {
            0 => [10, 0, 0, 255],
            1 => self.random.random(),
            _ => OURS,
        };
        let fragment = match self.random.random_range(0..40) {
            0 => self.random.random(),
            _ => [0x40, 0],
        };
        let header_length = 20 + options.len();
        let length = u16::try_from(header_length + payload.len()).unwrap();
        let [l0, l1] = length.to_be_bytes();
        let words = u8::try_from(header_length / 4).unwrap();
        let fixed = [
            0x40 | words,
            0,
            l0,
            l1,
            0,
            1,
            fragment[0],
            fragment[1],
            64,
            protocol,
            0,
            0,
        ];
        let packet = [&fixed[..], &source, &destination, &options, payload].concat();
        let mut frame = self.ethernet(0x0800, &packet);
        repair(&mut frame);
        frame
    }

    fn udp(&mut self) -> Vec<u8> {
        let payload = self.bytes(0..64);
        let [l0, l1] = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
        let ports: [u8; 4] = self.random.random();
        let datagram = [&ports[..], &[l0, l1, 0, 0], &payload].concat();
        self.ipv4(17, &datagram)
    }

    fn echo(&mut self) -> Vec<u8> {
        let rest = self.bytes(4..1_000);
        self.ipv4(1, &[&[8, 0, 0, 0][..], &rest].concat())
    }

    /// An ICMP error that quotes what the engine sent, or anything.
    fn icmp_error(&mut self, heard: Option<&[u8]>) -> Vec<u8> {
        let kind = [3, 3, 3, 4, 5, 11, 12][self.random.random_range(0..7)];
        let code = self.random.random_range(0..16);
        let words: [u8; 4] = self.random.random();
        let quote = match heard.and_then(|heard| heard.get(14..)) {
            Some(quote) => quote.to_vec(),
            None => self.bytes(0..60),
        };
        let length = self.random.random_range(0..=quote.len().min(100));
        let message = [&[kind, code, 0, 0][..], &words, &quote[..length]];
        self.ipv4(1, &message.concat())
    }

    /// A segment out of nothing: mostly a SYN.
    fn opening(&mut self) -> Vec<u8> {
        let flags = match self.random.random_range(0..4) {
            0 => self.random.random(),
            _ => 0x02,
        };
        let source = self.peer();
        let source_port = self.random.random_range(1_024..1_100);
        let destination_port = match self.random.random_range(0..8) {
            0 => self.random.random(),
            _ => crate::ECHO_PORT,
        };
        let numbers = [self.random.random(), self.random.random()];
        let payload = if flags & 2 == 0 {
            self.bytes(0..50)
        } else {
            Vec::new()
        };
        let segment = self.segment([source_port, destination_port], numbers, flags, &payload);
        self.ipv4_from(source, 6, &segment)
    }

    /// What the receiver of a segment might say, and what it might not.
    fn answer(&mut self, heard: Heard) -> Vec<u8> {
        let consumed = heard.payload_bytes + u32::from(heard.flags & 0x03 != 0);
        let mut sequence = heard.acknowledgment;
        let mut acknowledgment = heard.sequence.wrapping_add(consumed);
        match self.random.random_range(0..12) {
            0 => sequence = sequence.wrapping_sub(self.random.random_range(0..2_000)),
            1 => sequence = sequence.wrapping_add(self.random.random_range(0..200_000)),
            2 => acknowledgment = acknowledgment.wrapping_sub(self.random.random_range(0..9_999)),
            3 => acknowledgment = acknowledgment.wrapping_add(self.random.random_range(0..9_999)),
            4 => sequence = self.random.random(),
            5 => acknowledgment = self.random.random(),
            _ => {}
        }
        let flags = match self.random.random_range(0..12) {
            0 => self.random.random(),
            1 => 0x11,
            2 => 0x14,
            3 => 0x12,
            _ => 0x18,
        };
        let payload = match self.random.random_range(0..3) {
            0 => Vec::new(),
            1 => self.bytes(0..20),
            _ => self.bytes(0..1_400),
        };
        let ports = [heard.destination_port, heard.source_port];
        let segment = self.segment(ports, [sequence, acknowledgment], flags, &payload);
        self.ipv4_from(heard.destination, 6, &segment)
    }

    fn segment(
        &mut self,
        ports: [u16; 2],
        numbers: [u32; 2],
        flags: u8,
        payload: &[u8],
    ) -> Vec<u8> {
        let options = self.tcp_options();
        let offset = u8::try_from((20 + options.len()) / 4).unwrap() << 4;
        let window: [u8; 2] = match self.random.random_range(0..6) {
            0 => [0, 0],
            1 => self.random.random(),
            _ => [0xff, 0xff],
        };
        [
            &ports[0].to_be_bytes()[..],
            &ports[1].to_be_bytes(),
            &numbers[0].to_be_bytes(),
            &numbers[1].to_be_bytes(),
            &[offset, flags, window[0], window[1], 0, 0, 0, 0],
            &options,
            payload,
        ]
        .concat()
    }

    /// Options sound, absurd and malformed, up to forty bytes of them.
    fn tcp_options(&mut self) -> Vec<u8> {
        let mut options = Vec::new();
        for _ in 0..self.random.random_range(0..4) {
            let value: [u8; 8] = self.random.random();
            match self.random.random_range(0..8) {
                0 => options.extend([2, 4, value[0] & 7, value[1]]),
                1 => options.extend([1, 3, 3, value[0] & 15]),
                2 => options.extend([4, 2, 1, 1]),
                3 => options.extend([&[1, 1, 8, 10][..], &value].concat()),
                4 => options.extend([&[1, 1, 5, 10][..], &value].concat()),
                5 => options.extend(self.bytes(0..12)),
                6 => options.push(0),
                _ => options.extend([value[0], value[1] & 15, value[2], value[3]]),
            }
        }
        options.truncate(40);
        options.resize(options.len().next_multiple_of(4), 0);
        options
    }

    fn damage(&mut self, frame: &mut Vec<u8>) {
        let random = &mut self.random;
        // Headers are hit more often than data.
        let reach = [frame.len(), frame.len().min(70)][random.random_range(0..2)];
        match random.random_range(0..6) {
            0 => frame.truncate(random.random_range(0..=frame.len())),
            1 => {
                let length = random.random_range(0..1_600).max(frame.len());
                frame.resize(length, random.random());
            }
            _ if reach == 0 => {}
            2 => frame[random.random_range(0..reach)] = random.random(),
            3 => frame[random.random_range(0..reach)] = [0, 0xff][random.random_range(0..2)],
            4 => {
                let from = random.random_range(0..reach);
                random.fill_bytes(&mut frame[from..reach]);
            }
            _ => frame[random.random_range(0..reach)] ^= 1 << random.random_range(0..8),
        }
    }
}

const FRAME_BYTES_MAX: usize = 1_600;
