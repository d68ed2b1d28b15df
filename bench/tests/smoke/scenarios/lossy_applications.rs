//! Applications at the far end of a path that loses one packet in a hundred each way: files with equal digests, the
//! proxy with loss on both its legs, and many requests.

use std::net::TcpListener;

use crate::application::{Program, digest, make_file};
use crate::command::load;
use crate::daemon::Daemon;
use crate::isolation::is_long;
use crate::scenarios::passed_on::through_proxy;
use crate::topology::{IN_CLIENT, LossyPath, in_client};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let path = LossyPath::build();
    let (bytes, conversation, connections, requests) = match is_long() {
        true => (1 << 30, 16 << 20, "1000", "100"),
        false => (64 << 20, 1 << 20, "100", "20"),
    };

    let folder = tempfile::tempdir().expect("temporary folder");
    let made = make_file(&folder.path().join("file"), bytes);
    let server = Program::start(
        "file_server",
        &[FILES, folder.path().to_str().expect("path in UTF-8")],
    );
    let before = daemon.counter("RetransSegs");
    let curl = format!("curl --silent --show-error --max-time 900 http://{FILES}/file");
    let got = digest(&format!("{} {curl} | sha256sum", IN_CLIENT.join(" ")));
    assert_eq!(got, made, "other bytes arrived");
    let repeated = daemon.counter("RetransSegs") - before;
    assert!(repeated > 200, "{repeated} segments were repeated only");
    drop(server);

    in_client(|| {
        let server = TcpListener::bind("10.98.0.2:0").expect("listen");
        let target = server.local_addr().expect("its address").to_string();
        let _proxy = Program::start("proxy", &["10.99.0.2:8080", &target]);
        through_proxy(&server, conversation);
    });

    let _echo = Program::start("echo", &[ECHO]);
    let arguments = ["rpc", ECHO, "--connections", connections];
    let arguments = [
        &arguments[..],
        &["--requests", requests, "--timeout", "60s"],
    ]
    .concat();
    let report = load(&IN_CLIENT, &arguments);
    assert_eq!(report["failures"], 0, "{report}");
    for share in path.shares() {
        assert!(share.dropped > 0, "nothing was lost: {share:?}");
    }
}

const FILES: &str = "10.99.0.2:8000";
const ECHO: &str = "10.99.0.2:7000";
