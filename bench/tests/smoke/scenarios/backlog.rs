//! A listener whose accept queue is full lets nobody else in, counts that, and goes on when the
//! queue drains.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::command::{load, try_load};
use crate::configuration::{NARROW, NARROW_BACKLOG};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let address = NARROW.parse().expect("an address");
    // One connection per worker is served, the backlog waits; this is enough to fill all of it
    // on each worker, however unevenly they spread.
    let wanted = 20 * workers + NARROW_BACKLOG;
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let mut held: Vec<TcpStream> = (0..wanted).filter_map(connect).collect();
    let served = held
        .iter_mut()
        .filter_map(|connection| is_served(connection).then_some(()))
        .count();
    // The backlog holds over all workers: one of them may fill it before another has served any.
    assert!(
        (1..=workers).contains(&served),
        "{served} of {} are served",
        held.len()
    );

    let queued: u64 = listener(&daemon, "accept_queue");
    assert!(
        queued > 0 && queued <= (NARROW_BACKLOG + workers) as u64,
        "{queued} wait"
    );
    assert!(listener(&daemon, "overflows") > 0);
    assert!(daemon.counter("ListenOverflows") > 0);
    assert!(daemon.drops("tcp_listen_overflow") > 0);
    let arguments = [
        "rpc",
        NARROW,
        "--connections",
        "4",
        "--requests",
        "1",
        "--timeout",
        "1s",
    ];
    let (report, _) = try_load(&[], &arguments);
    assert_eq!(
        report["errors"]["timeout"], 4,
        "a full listener let somebody in: {report}"
    );

    drop(held);
    wait_for("the queue to drain", || {
        listener(&daemon, "accept_queue") == 0
    });
    let arguments = [
        "rpc",
        NARROW,
        "--requests",
        "10",
        "--reopen",
        "10",
        "--timeout",
        "15s",
    ];
    let report = load(&[], &arguments);
    assert_eq!(report["requests"], 110);
}

/// Whether the service has accepted the connection: it then echoes.
fn is_served(connection: &mut TcpStream) -> bool {
    let timeout = Some(Duration::from_millis(100));
    connection.set_read_timeout(timeout).expect("set timeout");
    connection.write_all(b"x").is_ok() && connection.read(&mut [0]).is_ok_and(|count| count == 1)
}

/// A number of the narrow service's listener, summed over the workers.
fn listener(daemon: &Daemon, field: &str) -> u64 {
    let rows = daemon.rows(&["listeners"]);
    let port = NARROW.rsplit(':').next().expect("a port");
    let ours = rows.iter().filter(|row| {
        row["local"]
            .as_str()
            .is_some_and(|local| local.ends_with(&format!(":{port}")))
    });
    ours.filter_map(|row| row[field].as_u64()).sum()
}
