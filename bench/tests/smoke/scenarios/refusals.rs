//! What nobody listens for is refused at once: RST for TCP, port unreachable for UDP; ping is answered.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use crate::command;
use crate::configuration::{CLOSED, DAEMON};
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let (report, _) = command::try_load(
        &[],
        &["rpc", CLOSED, "--connections", "10", "--requests", "1"],
    );
    assert_eq!(report["errors"]["refused"], 10, "{report}");
    assert!(
        report["seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds < 0.5),
        "{report}"
    );
    assert!(daemon.counter("OutRsts") >= 10);
    assert!(daemon.drops("tcp_no_socket") >= 10);

    let socket = UdpSocket::bind("0.0.0.0:0").expect("bind");
    socket.connect(CLOSED).expect("connect");
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .expect("set timeout");
    socket.send(b"anyone there?").expect("send");
    let error = socket.recv(&mut [0; 16]).expect_err("nobody listens there");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    assert!(daemon.drops("udp_no_socket") >= 1);

    let pings = command::run(&[
        "ping", "-c", "10", "-i", "0.05", "-W", "2", "-s", "1400", DAEMON,
    ]);
    assert!(pings.contains(" 0% packet loss"), "{pings}");
}
