//! The load `connect`: what it counts, and that it goes on after failures.

use crate::server::{self, Behaviour};
use crate::{fail, succeed};

#[test]
fn handshakes_are_counted() {
    let address = server::start(Behaviour::Echo);
    let report = succeed(&["connect", &address, "--connections", "4", "--reopen", "24"]);
    assert_eq!(report["connections"], 100, "{report}");
    assert_eq!(report["connect_micros"]["count"], 100);
    assert_eq!(report["bytes_sent"], 0);
    assert!(report["connections_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn each_connection_exchanges_once() {
    let address = server::start(Behaviour::Echo);
    let report = succeed(&[
        "connect",
        &address,
        "--reopen",
        "9",
        "--exchange",
        "1000",
        "--connections",
        "2",
    ]);
    assert_eq!(
        (&report["connections"], &report["requests"]),
        (&20.into(), &20.into()),
        "{report}"
    );
    assert_eq!(report["bytes_received"], 20 * 1_000);
    let address = server::start(Behaviour::CorruptEcho);
    let report = fail(&["connect", &address, "--reopen", "4", "--exchange", "10"]);
    assert_eq!(report["errors"]["mismatch"], 5, "{report}");
}

#[test]
fn it_ends_by_duration_and_takes_source_addresses_in_turn() {
    let address = server::start(Behaviour::Echo);
    let sources = "127.0.0.9,127.0.0.10,127.0.0.11";
    let report = succeed(&[
        "connect",
        &address,
        "--duration",
        "300ms",
        "--source",
        sources,
    ]);
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((0.3..3.0).contains(&seconds), "{seconds}");
    assert!(report["connections"].as_u64().unwrap() > 3, "{report}");
    let half_wrong = "127.0.0.9,192.0.2.1";
    let report = fail(&["connect", &address, "--reopen", "9", "--source", half_wrong]);
    assert_eq!(report["errors"]["local_address"], 5, "{report}");
    assert_eq!(report["connections"], 5);
}

#[test]
fn refusals_do_not_end_it() {
    let report = fail(&[
        "connect",
        &server::closed_port(),
        "--connections",
        "2",
        "--reopen",
        "9",
    ]);
    assert_eq!(report["errors"]["refused"], 20, "{report}");
}
