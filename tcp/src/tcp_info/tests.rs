//! Fields lie where Linux has them.

use super::{BYTES, TcpInfo};

#[test]
fn each_field_has_bytes_of_its_own_within_the_structure() {
    let mut taken = [false; BYTES];
    for (_, at, width, _) in TcpInfo::default().placed() {
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
        ..TcpInfo::default()
    };
    let bytes = info.to_bytes();
    assert_eq!(bytes[0], 1);
    assert_eq!(bytes[8..12], 0x0102_0304_u32.to_ne_bytes());
    assert_eq!(bytes[80..84], 10_u32.to_ne_bytes());
    assert_eq!(bytes[104..112], [0xff; 8]);
    assert_eq!(bytes[232..236], 7_u32.to_ne_bytes());
}
