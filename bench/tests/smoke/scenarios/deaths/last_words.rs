//! What was written arrives completely, although the program is gone right after the last write; unless it wanted its
//! peers to get a reset.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use super::peers::{End, Peer};
use crate::configuration::DAEMON;
use crate::control::Control;
use crate::mortal::{LISTEN, Mortal};

/// By exit, and by SIGKILL; read at once, and after a while.
pub fn run(control: &mut Control, services: usize) {
    for (how, bytes, delay_ms) in [
        ("exit", 100, 0),
        ("exit", 8 << 20, 200),
        ("die", 100, 100),
        ("die", 8 << 20, 0),
        ("die", 700_000, 300),
    ] {
        let peer = hear(control, services, how, bytes, delay_ms);
        assert_eq!(
            (peer.received, peer.is_wrong, peer.end),
            (bytes, false, End::Fin),
            "{how} after {bytes} bytes, read after {delay_ms} ms"
        );
    }
    for (bytes, delay_ms) in [(100, 0), (100, 200), (700_000, 300)] {
        let peer = hear(control, services, "reset", bytes, delay_ms);
        assert_eq!(
            (peer.is_wrong, peer.end),
            (false, End::Reset),
            "{bytes} bytes, read after {delay_ms} ms"
        );
    }
}

/// Connects to a program that writes `bytes` and ends, and reads after a while; gives what came.
fn hear(control: &mut Control, services: usize, how: &str, bytes: usize, delay_ms: u64) -> Peer {
    let mut writer = Mortal::start(&["writer", how, &bytes.to_string()]);
    assert_eq!(writer.line().as_deref(), Some("listening"));
    let mut stream = TcpStream::connect((DAEMON, LISTEN)).expect("connect");
    let timed = stream.set_read_timeout(Some(Duration::from_secs(20)));
    timed.expect("time-out");
    stream.write_all(b"W").expect("write");
    std::thread::sleep(Duration::from_millis(delay_ms));
    let mut peer = Peer {
        tag: 'W',
        to_send: 1,
        received: 0,
        is_wrong: false,
        end: End::Hung,
    };
    peer.read(&mut stream);
    drop(stream);
    writer.wait();
    control.wait_for_nothing(services);
    peer
}
