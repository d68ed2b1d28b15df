//! The verification suite that Microsoft publishes for receive-side scaling.

use std::net::SocketAddr;

use super::Toeplitz;

const KEY: [u8; 40] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
    0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
    0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
];

fn hash(source: &str, destination: &str) -> u32 {
    let source: SocketAddr = source.parse().expect("address");
    let destination: SocketAddr = destination.parse().expect("address");
    Toeplitz::new(&KEY).hash(
        (source.ip(), source.port()),
        (destination.ip(), destination.port()),
    )
}

#[test]
fn published_ipv4_vectors() {
    let vectors = [
        ("66.9.149.187:2794", "161.142.100.80:1766", 0x51cc_c178),
        ("199.92.111.2:14230", "65.69.140.83:4739", 0xc626_b0ea),
        ("24.19.198.95:12898", "12.22.207.184:38024", 0x5c2b_394a),
        ("38.27.205.30:48228", "209.142.163.6:2217", 0xafc7_327f),
        ("153.39.163.191:44251", "202.188.127.2:1303", 0x10e8_28a2),
    ];
    for (source, destination, expected) in vectors {
        assert_eq!(hash(source, destination), expected, "{source}");
    }
}

#[test]
fn published_ipv6_vectors() {
    let vectors = [
        (
            "[3ffe:2501:200:1fff::7]:2794",
            "[3ffe:2501:200:3::1]:1766",
            0x4020_7d3d,
        ),
        (
            "[3ffe:501:8::260:97ff:fe40:efab]:14230",
            "[ff02::1]:4739",
            0xdde5_1bbf,
        ),
        (
            "[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251",
            "[fe80::200:f8ff:fe21:67cf]:38024",
            0x02d1_feef,
        ),
    ];
    for (source, destination, expected) in vectors {
        assert_eq!(hash(source, destination), expected, "{source}");
    }
}
