//! A socket that connects to itself: both SYNs are the same one (RFC 9293, section 3.5, figure 7).

use coremill_tcp::options::{ConnectOptions, SocketOptions};
use coremill_tcp::{Endpoint, Inbound, State};

use super::harness::Test;

#[test]
fn a_connection_to_its_own_end_is_a_simultaneous_open_with_itself() {
    let mut test = Test::new(|_| {});
    let here = Endpoint::new(test.flow.local.address, 7_777);
    let options = ConnectOptions {
        source: here.address,
        source_port: Some(here.port),
        remote: here,
        mtu: 1_500,
        cookie: 0,
        socket: SocketOptions::default(),
    };
    let now = test.now;
    let id = test.shard.connect(now, &options, &|_| true);
    let id = id.expect("nobody has this flow");
    run(&mut test, id);
    assert_eq!(test.shard.send(now, id, b"to myself"), Ok(9));
    run(&mut test, id);
    assert_eq!(test.shard.receive_slice(id), Ok(&b"to myself"[..]));
    test.shard.consume(now, id, 9);
    // Our FIN is the peer's, too: simultaneous close.
    test.shard.shutdown(now, id).expect("it is open");
    let mut out = [0; 2_000];
    while let Some(sent) = test.shard.next_segment(now, &mut out) {
        let inbound = looped(&out[..sent.length], here);
        test.shard.receive(now, &inbound);
    }
    test.shard.close(now, id);
    assert_eq!(test.shard.live_records(), 1, "a record in TIME-WAIT");
}

/// Everything sent arrives where it came from.
fn run(test: &mut Test, id: coremill_tcp::ConnectionId) {
    let (now, mut out) = (test.now, [0; 2_000]);
    let flow = test.shard.flow(id).expect("it lives");
    for _ in 0..20 {
        let Some(sent) = test.shard.next_segment(now, &mut out) else {
            break;
        };
        let inbound = looped(&out[..sent.length], flow.local);
        test.shard.receive(now, &inbound);
    }
    let row = test.shard.row(now, id).expect("it lives");
    assert_eq!(row.state, State::Established);
}

fn looped(bytes: &[u8], here: Endpoint) -> Inbound<'_> {
    Inbound {
        source: here.address,
        destination: here.address,
        bytes,
        checksum_verified: true,
        ecn: 0,
        ttl: 64,
        mtu: 1_500,
    }
}
