//! What an idle connection costs the daemon. One application plays both ends of many connections over a looped-back
//! ring; each end is a connection of the daemon's.
//!
//! Cost is the daemon's resident memory, shared memory included, less that of a daemon of the same configuration but
//! for the sizes of its tables, which has carried as many bytes and has no connection and no application.

use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};
use coremill_ring::layout::{LOCAL_WORDS, OWNER_WORDS, SOCKET_WORDS};
use coremill_ring::words::WORD_BYTES;
use serde_json::Value;

use super::applications::{apps, await_that, metrics};
use super::process::Daemon;

#[test]
fn idle_connections_are_cheap_and_hold_no_chunk() {
    let without = {
        let daemon = start("few", 64);
        let stack = Stack::attach(&daemon.socket).unwrap();
        let listeners = listeners(&stack);
        for number in 0..5_000 {
            drop(pair(&stack, &listeners, number));
        }
        drop((listeners, stack));
        await_that("it is detached", || apps(&daemon).is_empty());
        resident_bytes(&daemon)
    };
    let daemon = start("many", 2 * PAIRS + 64);
    let stack = Stack::attach(&daemon.socket).unwrap();
    let listeners = listeners(&stack);
    let begun = Instant::now();
    let held: Vec<_> = (0..PAIRS)
        .map(|number| pair(&stack, &listeners, number))
        .collect();
    let elapsed = begun.elapsed();
    sleep_once(&stack, &listeners);
    await_that("no chunk is held", || chunks_held(&daemon) == [0; 3]);
    let row = apps(&daemon).swap_remove(0);
    let connections = 2 * PAIRS as u64;
    assert_eq!(
        row["sockets"]["used"].as_u64(),
        Some(connections + LISTENERS)
    );
    let bytes = resident_bytes(&daemon).saturating_sub(without);
    // Rings and chunks of the one application are counted too; so many connections hide them.
    let sockets = row["sockets"]["max"].as_u64().unwrap();
    let fixed = row["memory_bytes"].as_u64().unwrap() - sockets * SHARED_BYTES;
    println!(
        "{connections} idle connections: {} bytes each, {} of them the application's rings and chunks; \
         {:.1} us for both ends of one",
        bytes / connections,
        fixed / connections,
        elapsed.as_secs_f64() * 1e6 / PAIRS as f64
    );
    assert!(bytes <= connections * BYTES_MAX, "{bytes} bytes");
    drop((held, listeners, stack));
    await_that("nothing is left", || {
        records(&daemon) == 0 && apps(&daemon).is_empty()
    });
}

/// A daemon for so many sockets of one application.
fn start(name: &str, sockets: usize) -> Daemon {
    Daemon::start_with(|directory| config(directory, name, sockets))
}

fn listeners(stack: &Stack) -> Vec<TcpListener> {
    let ports = (0..LISTENERS).map(|number| FIRST_PORT + number as u16);
    let listen = |port| TcpListener::bind(stack, ([192, 0, 2, 2], port).into()).unwrap();
    ports.map(listen).collect()
}

/// Both ends of a connection over which bytes went both ways, which both have read.
fn pair(stack: &Stack, listeners: &[TcpListener], number: usize) -> (TcpStream, TcpStream) {
    let listener = &listeners[number % listeners.len()];
    let mut ours = TcpStream::connect(stack, listener.local_addr().unwrap()).unwrap();
    let (mut theirs, peer) = listener.accept().unwrap();
    assert_eq!(peer, ours.local_addr().unwrap());
    let (said, mut heard) = (number.to_ne_bytes(), [0; size_of::<usize>()]);
    ours.write_all(&said).unwrap();
    theirs.read_exact(&mut heard).unwrap();
    assert_eq!(heard, said);
    theirs.write_all(&heard).unwrap();
    ours.read_exact(&mut heard).unwrap();
    assert_eq!(heard, said);
    (ours, theirs)
}

/// As an application with nothing to do: what it has read is told before it sleeps.
fn sleep_once(stack: &Stack, listeners: &[TcpListener]) {
    let mut poller = Poller::new(stack).unwrap();
    poller
        .register(&listeners[0], 0, Interest::READABLE)
        .unwrap();
    let timeout = Duration::from_millis(1);
    assert_eq!(poller.wait(&mut Vec::new(), Some(timeout)).unwrap(), 0);
}

/// Receive chunks and send chunks lent to the application, and bytes of the shard's.
fn chunks_held(daemon: &Daemon) -> [u64; 3] {
    let row = &apps(daemon)[0];
    let text = metrics(daemon);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("coremill_tcp_memory_held_bytes{worker=\"0\"} "));
    let lent = |what: &str| row[what]["used"].as_u64().unwrap();
    [
        lent("receive_chunks"),
        lent("send_chunks"),
        line.unwrap().parse().unwrap(),
    ]
}

/// Connections of any state but those of listeners.
fn records(daemon: &Daemon) -> u64 {
    let output = daemon.ask(&["--json", "workers"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    rows.iter()
        .map(|row| row["connections"].as_u64().unwrap())
        .sum()
}

/// Memory of the daemon that is there, its own and shared.
fn resident_bytes(daemon: &Daemon) -> u64 {
    let path = format!("/proc/{}/smaps_rollup", daemon.process());
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() << 10
}

fn config(directory: &Path, name: &str, sockets: usize) -> String {
    let directory = directory.display();
    let prefix = format!("cmtest-idle-{name}-{}", std::process::id());
    format!(
        r#"
[eal]
memory_size = "128MiB"
packets = 8192
file_prefix = "{prefix}"
runtime_directory = "{directory}/dpdk"
[control]
socket = "{directory}/control.sock"
[tcp]
memory = "16MiB"
connections_max = {sockets}
orphans_max = 4194304
time_wait = "100ms"
[applications]
sockets = {sockets}
contexts = 2
notifiers = 4
listeners = 16
receive_chunks = [1024, 64, 8]
send_chunks = [1024, 64, 8]
[[ports]]
name = "ring0"
device = "ring-loopback"
addresses = ["192.0.2.2/24"]
[[routes]]
network = "192.0.2.0/24"
port = "ring0"
local = "port"
"#
    )
}

/// Several, because one address and port can be connected to from no more than all ephemeral ports.
const LISTENERS: u64 = 8;
const FIRST_PORT: u16 = 9_000;
/// What a socket takes of the shared memory: its state, its address and its owners.
const SHARED_BYTES: u64 = ((SOCKET_WORDS + LOCAL_WORDS + OWNER_WORDS) * WORD_BYTES) as u64;
/// So many that what differs from start to start, some hundred kilobytes, is little beside them.
const PAIRS: usize = 100_000;
/// All in, state written for the application included.
const BYTES_MAX: u64 = 512;
