//! What is used up, taken, refused or silent: an application gets Linux's error, or is told by name which limit it met, in
//! bounded time; and once there is room again, all goes on.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use coremill_client::{Stack, TcpListener, TcpStream};
use rustix::io::Errno;

use crate::command;
use crate::configuration::{self, KERNEL};
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let few = "attachments_max = 4\nattachments_per_user_max = 2\n";
    let daemon = start(workers, "", few);
    let mut other = program("echo", &[OTHER]);
    let stack = Stack::attach(CONTROL).expect("attach");
    is_refused("applications.attachments_per_user_max");
    addresses_are_judged(&stack);
    peers_refuse_or_are_silent(&stack);
    who_comes_then_waits(&stack);
    sockets_run_out(&stack);
    listeners_run_out(&stack);
    // A place is free again as soon as the other one is gone.
    other.kill().expect("it runs");
    other.wait().expect("it ends");
    crate::daemon::wait_for("its end", || daemon.rows(&["apps"]).len() == 1);
    let mut next = program("echo", &[OTHER]);
    next.kill().expect("it runs");
    next.wait().expect("it ends");
    drop(stack);
    drop(daemon);

    let daemon = start(1, "connections_max = 16\n", "attachments_max = 1\n");
    let stack = Stack::attach(CONTROL).expect("attach");
    is_refused("applications.attachments_max");
    connections_run_out(&stack);
    drop(stack);
    drop(daemon);

    let _daemon = start(1, "", "memory_max = \"4MiB\"\n");
    let _stack = Stack::attach(CONTROL).expect("attach");
    is_refused("applications.memory_max");
}

fn addresses_are_judged(stack: &Stack) {
    for (local, expected) in [
        (OTHER, Errno::ADDRINUSE),
        // A service's.
        ("10.99.0.2:7", Errno::ADDRINUSE),
        ("10.99.0.99:8000", Errno::ADDRNOTAVAIL),
    ] {
        let refused = TcpListener::bind(stack, address(local));
        assert_eq!(number(refused), expected, "{local}");
    }
    let taken = TcpListener::bind(stack, address("10.99.0.2:8000")).expect("a free port");
    let again = TcpListener::bind(stack, address("10.99.0.2:8000"));
    assert_eq!(number(again), Errno::ADDRINUSE);
    drop(taken);
    let deadline = Instant::now() + PATIENCE;
    while TcpListener::bind(stack, address("10.99.0.2:8000")).is_err() {
        assert!(Instant::now() < deadline, "the port is not free again");
    }
}

fn peers_refuse_or_are_silent(stack: &Stack) {
    for (remote, expected) in [
        ("10.99.0.2:4444", Errno::CONNREFUSED),
        ("10.99.0.1:4444", Errno::CONNREFUSED),
        // Nobody has this address.
        ("10.99.0.77:80", Errno::HOSTUNREACH),
    ] {
        assert_eq!(
            number(TcpStream::connect(stack, address(remote))),
            expected,
            "{remote}"
        );
    }
    command::run(&[
        "nft",
        "table ip silent { chain input { type filter hook input priority 0; tcp dport 4445 drop; }; }",
    ]);
    let began = Instant::now();
    let silent = TcpStream::connect(stack, address("10.99.0.1:4445"));
    assert_eq!(number(silent), Errno::TIMEDOUT);
    assert!(began.elapsed() < PATIENCE, "after {:?}", began.elapsed());
}

fn sockets_run_out(stack: &Stack) {
    let kernel = std::net::TcpListener::bind((KERNEL, 0)).expect("listen");
    let remote = kernel.local_addr().expect("its address");
    let mut streams = Vec::new();
    let refused = loop {
        match TcpStream::connect(stack, remote) {
            Ok(stream) => streams.push((stream, kernel.accept().expect("the other end"))),
            Err(error) => break error,
        }
        assert!(streams.len() <= SOCKETS, "more sockets than the quota");
    };
    assert_eq!(
        refused.raw_os_error(),
        Some(Errno::MFILE.raw_os_error()),
        "{refused}"
    );
    assert!(
        streams.len() * 2 >= SOCKETS,
        "only {} sockets",
        streams.len()
    );
    drop(streams.pop());
    // Each worker has its share of the sockets: one of the next tries is at the one with room.
    let tries = (0..stack.workers()).map(|_| TcpStream::connect(stack, remote));
    assert_eq!(tries.filter(Result::is_ok).count(), 1);
}

/// Whoever connects to a server that has no socket left is served when it lets go of one, though nobody else comes.
fn who_comes_then_waits(stack: &Stack) {
    let listener = TcpListener::bind(stack, address("10.99.0.2:8001")).expect("a free port");
    listener.set_nonblocking(true).expect("any time");
    let clients: Vec<_> = (0..2 * SOCKETS)
        .map(|_| std::net::TcpStream::connect("10.99.0.2:8001").expect("the backlog has room"))
        .collect();
    let accept = |wait| {
        let deadline = Instant::now() + wait;
        loop {
            match listener.accept() {
                Ok((stream, _)) => return Some(stream),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let mut accepted: Vec<_> = std::iter::from_fn(|| accept(Duration::from_millis(500))).collect();
    assert!(accepted.len() < SOCKETS, "more sockets than the quota");
    for _ in 0..SOCKETS / 8 {
        // The oldest goes; of two workers either may have had it, and still has a client waiting: chance sends it more than
        // eighteen of them.
        drop(accepted.remove(0));
        accepted.push(accept(PATIENCE).expect("nobody else came"));
    }
    drop((accepted, clients));
}

fn listeners_run_out(stack: &Stack) {
    let bind = |port| TcpListener::bind(stack, SocketAddr::from(([10, 99, 0, 2], port)));
    let mut listeners: Vec<_> = (0..LISTENERS)
        .map(|port| bind(9_000 + port).expect("a listener"))
        .collect();
    assert_eq!(number(bind(9_100)), Errno::NOBUFS);
    listeners.pop();
    let deadline = Instant::now() + PATIENCE;
    while bind(9_100).is_err() {
        assert!(Instant::now() < deadline, "no room for a listener again");
    }
}

/// More than the worker's table of connections holds.
fn connections_run_out(stack: &Stack) {
    let kernel = std::net::TcpListener::bind((KERNEL, 0)).expect("listen");
    let remote = kernel.local_addr().expect("its address");
    let connect = || TcpStream::connect(stack, remote);
    let streams: Vec<_> = (0..16).map(|_| connect().expect("a connection")).collect();
    assert_eq!(number(connect()), Errno::NOBUFS);
    // With the kernel's ends, so that nothing stays in FIN-WAIT-2.
    drop((streams, kernel));
    let deadline = Instant::now() + PATIENCE;
    let kernel = std::net::TcpListener::bind((KERNEL, 0)).expect("listen");
    let remote = kernel.local_addr().expect("its address");
    while TcpStream::connect(stack, remote).is_err() {
        assert!(Instant::now() < deadline, "no room for a connection again");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Another process is refused, at once, and told why.
fn is_refused(limit: &str) {
    let began = Instant::now();
    let echo = command::program("examples/echo");
    let echo = echo.to_str().expect("path in UTF-8");
    let output = command::output(&[echo, CONTROL, OTHER]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "attached beyond {limit}");
    assert!(said.contains(limit), "`{said}` does not name {limit}");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "after {:?}",
        began.elapsed()
    );
}

/// A daemon with little of all, and more of `tcp` and `applications` in these sections.
fn start(workers: usize, tcp: &str, applications: &str) -> Daemon {
    let tcp = format!("[tcp]\nsyn_retries = 1\nrto_initial = \"200ms\"\n{tcp}");
    let toml = configuration::toml(workers).replace("[tcp]\n", &tcp);
    let sizes = format!(
        "sockets = {SOCKETS}\nlisteners = {LISTENERS}\n\
         receive_chunks = [256, 64, 32]\nsend_chunks = [256, 64, 32]\n"
    );
    let neighbors = "[neighbors]\nretry = \"100ms\"\n";
    Daemon::start_with(&format!(
        "{toml}\n{neighbors}[applications]\n{sizes}{applications}"
    ))
}

fn program(name: &str, arguments: &[&str]) -> std::process::Child {
    let child = std::process::Command::new(command::program(&format!("examples/{name}")))
        .arg(CONTROL)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.expect("start an example");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output");
    let said = io::BufRead::read_line(&mut io::BufReader::new(stdout), &mut line);
    assert!(said.is_ok() && line.contains(" on "), "it said `{line}`");
    child
}

/// Linux's number of the error that there must be.
#[track_caller]
fn number<T>(result: io::Result<T>) -> Errno {
    let error = result.err().expect("an error");
    Errno::from_io_error(&error).unwrap_or_else(|| panic!("{error} has no number"))
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

const CONTROL: &str = "/run/coremill/control.sock";
const OTHER: &str = "10.99.0.2:7000";
const SOCKETS: usize = 32;
const LISTENERS: u16 = 4;
const PATIENCE: Duration = Duration::from_secs(10);
