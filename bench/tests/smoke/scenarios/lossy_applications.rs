//! Applications at the far end of a path that loses one packet in a hundred each way: files with equal digests, the
//! proxy with loss on both its legs, many requests, a chat, and an application that connects out. Each time both ends
//! must have sent something again; at the end nothing of all that may be left.

use std::net::TcpListener;

use coremill_client::{Stack, TcpStream};

use crate::application::{CONTROL, Program, digest, make_file};
use crate::command::load;
use crate::control::Control;
use crate::conversation::{Turn, converse};
use crate::daemon::Daemon;
use crate::isolation::is_long;
use crate::scenarios::crowds::everybody_hears_everything;
use crate::scenarios::passed_on::through_proxy;
use crate::topology::{IN_CLIENT, LossyPath, in_client};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let path = LossyPath::build();
    let ends = Ends {
        daemon: &daemon,
        path: &path,
    };
    files(&ends);
    let conversation = if is_long() { 16 << 20 } else { 1 << 20 };
    in_client(|| {
        let server = TcpListener::bind(CLIENT).expect("listen");
        let target = server.local_addr().expect("its address").to_string();
        let _proxy = Program::start("proxy", &["10.99.0.2:8080", &target]);
        ends.both_repeat("proxy", || through_proxy(&server, conversation));
    });
    requests(&ends);
    in_client(|| {
        let _chat = Program::start("chat", &["10.99.0.2:6000"]);
        ends.both_repeat("chat", || everybody_hears_everything(100, 20));
    });
    let stack = Stack::attach(CONTROL).expect("attach");
    ends.both_repeat("connecting out", || connect_out(&stack, conversation));
    drop(stack);
    for share in path.shares() {
        assert!(share.dropped > 0, "nothing was lost: {share:?}");
    }
    let mut control = Control::open();
    control.wait_for_no_connection();
    control.wait_for_no_entry();
}

/// Who sends through the loss.
struct Ends<'a> {
    daemon: &'a Daemon,
    path: &'a LossyPath,
}

impl Ends<'_> {
    /// Segments sent again: by the daemon, and by the client's kernel.
    fn repeated(&self) -> [u64; 2] {
        [
            self.daemon.counter("RetransSegs"),
            self.path.client_retransmissions(),
        ]
    }

    fn both_repeat(&self, what: &str, act: impl FnOnce()) {
        let before = self.repeated();
        act();
        let after = self.repeated();
        let [daemon, client] = [after[0] - before[0], after[1] - before[1]];
        eprintln!("{what}: {daemon} segments sent again by the daemon, {client} by the client");
        assert!(
            daemon > 0 && client > 0,
            "{what}: {daemon} and {client} segments were repeated"
        );
    }
}

/// The client's end sends nothing but a request and acknowledgements.
fn files(ends: &Ends) {
    let bytes = if is_long() { 1 << 30 } else { 64 << 20 };
    let folder = tempfile::tempdir().expect("temporary folder");
    let made = make_file(&folder.path().join("file"), bytes);
    let _server = Program::start(
        "file_server",
        &[FILES, folder.path().to_str().expect("path in UTF-8")],
    );
    let before = ends.repeated();
    let curl = format!("curl --silent --show-error --max-time 900 http://{FILES}/file");
    let got = digest(&format!("{} {curl} | sha256sum", IN_CLIENT.join(" ")));
    assert_eq!(got, made, "other bytes arrived");
    let repeated = ends.repeated()[0] - before[0];
    assert!(repeated > 200, "{repeated} segments were repeated only");
}

fn requests(ends: &Ends) {
    let (connections, requests) = match is_long() {
        true => ("1000", "100"),
        false => ("100", "20"),
    };
    let _echo = Program::start("echo", &[ECHO]);
    let arguments = ["rpc", ECHO, "--connections", connections];
    let arguments = [
        &arguments[..],
        &["--requests", requests, "--timeout", "60s"],
    ]
    .concat();
    ends.both_repeat("requests", || {
        let report = load(&IN_CLIENT, &arguments);
        assert_eq!(report["failures"], 0, "{report}");
    });
}

/// Several conversations with a server in the client's place: half of them ended by the application first.
fn connect_out(stack: &Stack, bytes: usize) {
    let server = in_client(|| TcpListener::bind(CLIENT).expect("listen"));
    let address = server.local_addr().expect("its address");
    std::thread::scope(|scope| {
        for number in 0..CONVERSATIONS {
            let stream = TcpStream::connect(stack, address).expect("connect");
            let (accepted, peer) = server.accept().expect("accept");
            assert_eq!(stream.local_addr().expect("its address"), peer);
            let (one, other) = match number % 2 {
                0 => (Turn::First, Turn::Second),
                _ => (Turn::Second, Turn::First),
            };
            scope.spawn(move || converse(&stream, one, bytes));
            scope.spawn(move || converse(&accepted, other, bytes));
        }
    });
}

const CLIENT: &str = "10.98.0.2:0";
const FILES: &str = "10.99.0.2:8000";
const ECHO: &str = "10.99.0.2:7000";
const CONVERSATIONS: usize = 4;
