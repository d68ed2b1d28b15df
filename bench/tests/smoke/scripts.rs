//! Packetdrill scripts against the real daemon: the short form of `make verify-scripts`, which plays all of
//! them and beside the kernel too.

use crate::{command, isolation};

/// One of each way to open, close, send and lose: none waits for seconds.
const SCRIPTS: [&str; 12] = [
    "calls/states",
    "closing/active",
    "closing/half_close",
    "closing/linger_zero",
    "closing/simultaneous",
    "defence/reset_in_window",
    "loss/fast_retransmit",
    "opening/active_options",
    "opening/refused",
    "receiving/sack",
    "sending/window",
    "timewait/newer_syn",
];

#[test]
fn short_set() {
    isolation::run("scripts::short_set", || {
        let program = command::program("coremill-script");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tcp/tests/scripts");
        let paths = SCRIPTS.map(|name| format!("{folder}/{name}.pkt"));
        let mut words = vec![program.to_str().expect("path in UTF-8")];
        words.extend(["--against", "daemon"]);
        words.extend(paths.iter().map(String::as_str));
        let printed = command::run(&words);
        eprintln!("{printed}");
        assert!(printed.contains("daemon: 12 pass"), "{printed}");
    });
}
