//! Peers that cannot be reached: what connecting to them, and being connected to them, ends with is what the kernel says
//! of its own, which stands at the other end of the tap.

use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream as KernelStream};
use std::time::{Duration, Instant};

use coremill_client::{Stack, TcpStream};

use crate::application::CONTROL;
use crate::command;
use crate::configuration::{self, KERNEL, TAP};
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let toml = configuration::toml(workers);
    let (before, after) = toml.split_once("[[routes]]").expect("a default route");
    let (_, after) = after.split_once("\n\n").expect("what follows it");
    let hasty = "[neighbors]\ndelay = \"500ms\"\nretry = \"300ms\"\n\n";
    let daemon = Daemon::start_with(&format!("{before}{after}"));
    let stack = Stack::attach(CONTROL).expect("attach");
    nobody_has_the_address(&stack);
    nothing_leads_there(&stack);
    drop(stack);
    drop(daemon);
    let daemon = Daemon::start_with(&format!("{before}{hasty}{after}"));
    let stack = Stack::attach(CONTROL).expect("attach");
    the_neighbour_falls_silent(&stack, &daemon);
}

/// ARP asks three times, a second apart; then connect fails on either side.
fn nobody_has_the_address(stack: &Stack) {
    let (ours, theirs) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| timed(|| TcpStream::connect(stack, address("10.99.0.98:80"))));
        let theirs = scope.spawn(|| timed(|| KernelStream::connect("10.99.0.99:80")));
        let told = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().expect("an error");
        (told(ours), told(theirs))
    });
    assert_eq!(ours.0, Some(EHOSTUNREACH));
    assert_eq!(ours.0, theirs.0);
    for time in [ours.1, theirs.1] {
        let is_soon = (2_500..6_000).contains(&time.as_millis());
        assert!(is_soon, "{:?} and {:?}", ours.1, theirs.1);
    }
}

/// Neither has a route to it, and says so at once.
fn nothing_leads_there(stack: &Stack) {
    let ours = timed(|| TcpStream::connect(stack, address("203.0.113.9:80")));
    let theirs = timed(|| KernelStream::connect("203.0.113.9:80"));
    assert_eq!(ours.0, Some(ENETUNREACH));
    assert_eq!(ours.0, theirs.0);
    assert!(ours.1 < Duration::from_secs(1), "{:?}", ours.1);
}

/// An open connection lives on, has its neighbour asked, and says at its end that there was no answer.
fn the_neighbour_falls_silent(stack: &Stack, daemon: &Daemon) {
    let listener = TcpListener::bind((KERNEL, 0)).expect("listen");
    let mut ours =
        TcpStream::connect(stack, listener.local_addr().expect("its address")).expect("connect");
    let (mut theirs, _) = listener.accept().expect("accept");
    ours.write_all(b"heard").expect("write");
    theirs.read_exact(&mut [0; 5]).expect("read");
    command::run(&["ip", "link", "set", TAP, "arp", "off"]);
    let port = listener.local_addr().expect("its address").port();
    command::run(&[
        "nft",
        &format!(
            "table ip silence {{ chain input {{ type filter hook input priority 0; tcp dport {port} drop; }}; }}"
        ),
    ]);
    ours.set_user_timeout(Some(Duration::from_secs(8)))
        .expect("set");
    ours.write_all(b"unheard").expect("room");
    let error = ours.read(&mut [0]).expect_err("nobody answers");
    assert_eq!(error.raw_os_error(), Some(EHOSTUNREACH));
    assert!(daemon.counter("paths_doubted") >= 1);
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The error's number, and how long it took.
fn timed<T>(connect: impl FnOnce() -> Result<T, Error>) -> (Option<i32>, Duration) {
    let begun = Instant::now();
    let error = connect().err().expect("nobody is there");
    (error.raw_os_error(), begun.elapsed())
}

const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;
