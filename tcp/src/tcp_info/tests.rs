//! Fields lie where Linux has them.

use super::{BYTES, CountedInfo, EcnInfo, TcpInfo};

#[test]
fn each_field_has_bytes_of_its_own_within_the_structure() {
    let mut taken = [false; BYTES];
    let info = TcpInfo {
        counted: Some(CountedInfo::default()),
        ..TcpInfo::default()
    };
    for (_, at, width, _) in info.all() {
        assert_eq!(at % width, 0, "aligned as in C");
        for byte in &mut taken[at..at + width] {
            assert!(!std::mem::replace(byte, true), "{at} is taken twice");
        }
    }
}

#[test]
fn numbers_stand_at_the_offsets_of_tcp_h() {
    let info = TcpInfo {
        state: 1,
        rto: 0x0102_0304,
        snd_cwnd: 10,
        pacing_rate: u64::MAX,
        rcv_wnd: 7,
        counted: Some(CountedInfo {
            busy_time: 9,
            total_rto: 3,
            ..CountedInfo::default()
        }),
        ecn: EcnInfo {
            mode: 2,
            option_seen: 1,
            failures: 4,
            received_bytes: [1, 2, 3],
            ..EcnInfo::default()
        },
        ..TcpInfo::default()
    };
    let bytes = info.to_bytes();
    assert_eq!(bytes[0], 1);
    assert_eq!(bytes[8..12], 0x0102_0304_u32.to_ne_bytes());
    assert_eq!(bytes[80..84], 10_u32.to_ne_bytes());
    assert_eq!(bytes[104..112], [0xff; 8]);
    assert_eq!(bytes[168..176], 9_u64.to_ne_bytes());
    assert_eq!(bytes[240..242], 3_u16.to_ne_bytes());
    assert_eq!(bytes[232..236], 7_u32.to_ne_bytes());
    assert_eq!(bytes[268..272], 2_u32.to_ne_bytes());
    assert_eq!(bytes[276..], [0b0100_0110, 0, 0, 0]);
}
