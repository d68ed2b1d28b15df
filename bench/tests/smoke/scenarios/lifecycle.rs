//! Starting and stopping: a second daemon and a bad configuration are refused with exit codes of
//! their own, SIGTERM drains and ends with 0.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::configuration::{self, ECHO};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let mut bad = Daemon::spawn("[tcp]\nconections_max = 1\n");
    let bad_code = bad.wait_for_end().code();
    assert!(
        bad.log().contains("conections_max"),
        "names no key: {}",
        bad.log()
    );

    let mut daemon = Daemon::start(workers);
    let mut second = Daemon::spawn(&configuration::toml(workers));
    let second_code = second.wait_for_end().code();
    assert!(
        second.log().contains("control.sock"),
        "does not say what is taken: {}",
        second.log()
    );
    let codes = [bad_code, second_code, Some(0)];
    assert!(
        codes.iter().all(|code| code.is_some_and(|code| code < 101)),
        "{codes:?}"
    );
    assert_ne!(bad_code, second_code);
    assert!(!codes[..2].contains(&Some(0)), "{codes:?}");
    drains(&mut daemon);
}

/// A connection that stands is served until it ends; new ones are refused meanwhile.
fn drains(daemon: &mut Daemon) {
    let mut connection = TcpStream::connect(ECHO).expect("the first daemon still serves");
    connection
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("set timeout");
    echo(&mut connection);
    daemon.signal("TERM");
    let address = ECHO.parse().expect("an address");
    wait_for("new connections to be refused", || {
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err()
    });
    echo(&mut connection);
    drop(connection);
    let status = daemon.wait_for_end();
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    assert!(
        !std::path::Path::new("/run/coremill/control.sock").exists(),
        "socket left behind"
    );
}

fn echo(connection: &mut TcpStream) {
    connection.write_all(b"still there?").expect("send");
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).expect("receive");
    assert_eq!(&answer, b"still there?");
}
