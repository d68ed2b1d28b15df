//! The load generator as an application: each of its loads over Coremill's sockets, against services inside the daemon
//! and a server of the kernel behind the tap.

use serde_json::Value;

use crate::command::{self, try_load};
use crate::configuration::{CHARGEN, CLOSED, DAEMON, DISCARD, ECHO, KERNEL, WEB_BODY_BYTES};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let report = load(&["rpc", ECHO, "--connections", "200", "--requests", "50"]);
    assert_eq!(
        (&report["connections"], &report["requests"]),
        (&200.into(), &10_000.into())
    );
    // More than fits into a connection's buffers: writing waits for room.
    let report = load(&[
        "rpc",
        ECHO,
        "--size",
        "5MiB",
        "--requests",
        "2",
        "--connections",
        "4",
    ]);
    assert_eq!(report["bytes_received"], 40 << 20);
    for (direction, target) in [("up", DISCARD), ("down", CHARGEN), ("both", ECHO)] {
        let words = [
            "stream",
            direction,
            target,
            "--bytes",
            "16MiB",
            "--connections",
            "2",
        ];
        load(&words);
    }
    let web = format!("{DAEMON}:80");
    let length = WEB_BODY_BYTES.to_string();
    for (close, connections) in [("--path=/", 20), ("--close", 400)] {
        let words = [
            "http",
            &web,
            "--connections",
            "20",
            "--requests",
            "20",
            "--body-bytes",
            &length,
            close,
        ];
        let report = load(&words);
        assert_eq!(
            (&report["requests"], &report["connections"]),
            (&400.into(), &connections.into())
        );
    }
    let handshakes = [
        "connect",
        ECHO,
        "--connections",
        "10",
        "--reopen",
        "19",
        "--exchange",
        "64",
        "--source",
        DAEMON,
    ];
    let report = load(&handshakes);
    assert_eq!(
        (&report["connections"], &report["requests"]),
        (&200.into(), &200.into())
    );
    reaches_the_kernel();
    let refused = fails(&["rpc", CLOSED, "--requests", "1", "--connections", "3"]);
    assert_eq!(refused["errors"]["refused"], 3, "{refused}");
    let foreign = fails(&["connect", ECHO, "--reopen", "2", "--source", "192.0.2.77"]);
    assert_eq!(foreign["errors"]["local_address"], 3, "{foreign}");
    wait_for("all attachments to end", || {
        daemon.rows(&["apps"]).is_empty()
    });
}

/// Over the tap, to a server that the kernel's sockets carry.
fn reaches_the_kernel() {
    let listener = std::net::TcpListener::bind((KERNEL, 0)).expect("listen");
    let address = listener.local_addr().expect("its address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accept");
            std::thread::spawn(move || {
                let mut back = stream.try_clone().expect("clone");
                // Ends when the client does.
                drop(std::io::copy(&mut stream, &mut back));
            });
        }
    });
    let report = load(&["rpc", &address, "--connections", "20", "--requests", "50"]);
    assert_eq!(report["requests"], 1_000, "{report}");
}

fn load(arguments: &[&str]) -> Value {
    command::load(&[], &[arguments, &VIA].concat())
}

fn fails(arguments: &[&str]) -> Value {
    let (report, output) = try_load(&[], &[arguments, &VIA].concat());
    assert_eq!(output.status.code(), Some(1), "{report}");
    report
}

const VIA: [&str; 2] = ["--via", "coremill"];
