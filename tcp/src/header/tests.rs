//! Headers against etherparse, and against anything at all.

use etherparse::{TcpHeader, TcpHeaderSlice};
use proptest::prelude::*;

use super::{Flags, HEADER_BYTES, HEADER_BYTES_MAX, Header, Segment};
use crate::drop_reason::DropReason;
use crate::header_options::{Options, Timestamps};
use crate::sequence::SequenceNumber;

fn header() -> Header {
    Header {
        source_port: 4_000,
        destination_port: 80,
        sequence: SequenceNumber::new(0x0102_0304),
        acknowledgment: SequenceNumber::new(0x0506_0708),
        flags: Flags::ACK | Flags::PSH,
        window: 1_000,
        urgent_pointer: 0,
    }
}

#[test]
fn what_is_emitted_is_parsed_again() {
    let options = Options {
        timestamps: Some(Timestamps { value: 1, echo: 2 }),
        ..Options::default()
    };
    let mut bytes = [0xaa; 80];
    let length = header().emit(&options, &mut bytes).expect("it fits");
    assert_eq!(length, 32);
    let segment = Segment::parse(&bytes[..40]).expect("well-formed");
    assert_eq!(segment.header, header());
    assert_eq!(Options::parse(segment.options), Ok(options));
    assert_eq!(segment.payload, [0xaa; 8]);
    assert_eq!(bytes[16..18], [0, 0]);
    assert_eq!(header().emit(&options, &mut bytes[..31]), None);
    assert_eq!(header().emit(&options, &mut bytes[..19]), None);
}

#[test]
fn malformed_headers_are_told_apart() {
    let mut bytes = [0; 60];
    header().emit(&Options::default(), &mut bytes);
    assert_eq!(Segment::parse(&bytes[..19]), Err(DropReason::Truncated));
    assert!(Segment::parse(&bytes[..20]).is_ok());
    let mut short = bytes;
    short[12] = 4 << 4;
    assert_eq!(Segment::parse(&short), Err(DropReason::BadHeader));
    let mut long = bytes;
    long[12] = 15 << 4;
    assert!(Segment::parse(&long).is_ok());
    assert_eq!(Segment::parse(&long[..59]), Err(DropReason::Truncated));
    let mut no_port = bytes;
    no_port[2..4].copy_from_slice(&[0, 0]);
    assert_eq!(Segment::parse(&no_port), Err(DropReason::BadHeader));
}

#[test]
fn syn_and_fin_take_a_sequence_number_each() {
    let mut segment = Segment {
        header: header(),
        options: &[],
        payload: &[1, 2, 3],
        ecn: 0,
    };
    assert_eq!(segment.sequence_length(), 3);
    segment.header.flags = Flags::SYN | Flags::FIN;
    assert_eq!(segment.sequence_length(), 5);
    assert_eq!(
        format!("{:?} {:?}", segment.header.flags, Flags::NONE),
        "FIN+SYN none"
    );
}

proptest! {
    #[test]
    fn etherparse_reads_the_same(
        ports in (1_u16.., 1_u16..), numbers: (u32, u32), bits in 0_u16..512, window: u16, urgent: u16,
        stamps in proptest::option::of(any::<(u32, u32)>()),
    ) {
        let header = Header {
            source_port: ports.0,
            destination_port: ports.1,
            sequence: SequenceNumber::new(numbers.0),
            acknowledgment: SequenceNumber::new(numbers.1),
            flags: Flags::from_bits(bits),
            window,
            urgent_pointer: urgent,
        };
        let timestamps = stamps.map(|(value, echo)| Timestamps { value, echo });
        let options = Options { timestamps, ..Options::default() };
        let mut bytes = [0; HEADER_BYTES_MAX];
        let length = header.emit(&options, &mut bytes).expect("it fits");
        let oracle = TcpHeaderSlice::from_slice(&bytes[..length]).expect("well-formed");
        prop_assert_eq!(oracle.source_port(), ports.0);
        prop_assert_eq!(oracle.destination_port(), ports.1);
        prop_assert_eq!(oracle.sequence_number(), numbers.0);
        prop_assert_eq!(oracle.acknowledgment_number(), numbers.1);
        prop_assert_eq!(oracle.window_size(), window);
        prop_assert_eq!(oracle.urgent_pointer(), urgent);
        prop_assert_eq!(usize::from(oracle.data_offset()) * 4, length);
        let flags = [oracle.fin(), oracle.syn(), oracle.rst(), oracle.psh(), oracle.ack(),
            oracle.urg(), oracle.ece(), oracle.cwr()];
        for (bit, set) in flags.into_iter().enumerate() {
            prop_assert_eq!(set, bits & (1 << bit) != 0);
        }
    }

    #[test]
    fn etherparse_writes_what_is_read_the_same(ports in (1_u16.., 1_u16..), sequence: u32, window: u16) {
        let mut oracle = TcpHeader::new(ports.0, ports.1, sequence, window);
        oracle.syn = true;
        let bytes = oracle.to_bytes();
        let segment = Segment::parse(&bytes).expect("well-formed");
        prop_assert_eq!(segment.header.sequence.raw(), sequence);
        prop_assert_eq!(segment.header.flags, Flags::SYN);
        prop_assert_eq!(segment.header.window, window);
    }

    #[test]
    fn any_bytes_are_taken_apart_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(segment) = Segment::parse(&bytes) {
            let length = HEADER_BYTES + segment.options.len() + segment.payload.len();
            prop_assert_eq!(length, bytes.len());
        }
    }
}
