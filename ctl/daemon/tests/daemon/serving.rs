//! A process serves through the client library; the daemon's own client, over a looped-back ring, asks it.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use coremill_client::{Stack, TcpListener, TcpStream};
use serde_json::Value;

use super::applications::{apps, await_that, held};
use super::child::{self, Application};
use super::process::Daemon;

/// A process that the other test starts: echoes, a thread per connection, until the daemon is gone.
#[test]
fn a_server() {
    let Some(socket) = child::socket() else {
        return;
    };
    let stack = Stack::attach(socket).unwrap();
    let listener = TcpListener::bind(&stack, ADDRESS.parse().unwrap()).unwrap();
    child::say("listening");
    while let Ok((stream, _peer)) = listener.accept() {
        thread::spawn(move || echo(stream));
    }
    child::say("the daemon is gone");
}

fn echo(mut stream: TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut bytes) {
        if stream.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

#[test]
fn a_killed_server_leaves_nothing_and_the_next_one_serves() {
    let mut daemon = Daemon::start("serving", CONFIG);
    let before = held(&daemon);
    for round in 1..=3 {
        let (server, said) = Application::start(&daemon.socket, ROLE);
        assert_eq!(said, "listening");
        let served = requests(&daemon);
        await_that("it serves", || requests(&daemon) > served + 200);
        let row = &apps(&daemon)[0];
        assert!(row["sockets"]["used"].as_u64().unwrap() >= 2, "{row}");
        assert!(row["received_bytes"].as_u64().unwrap() > 200 * 64, "{row}");
        assert!(shows(&daemon, "listeners"));
        server.kill();
        await_that("it is detached", || apps(&daemon).is_empty());
        assert!(!shows(&daemon, "listeners"), "round {round}");
        await_that("no connection is left", || !shows(&daemon, "sockets"));
        await_that("nothing is held", || held(&daemon) == before);
    }
    let mut server = Application::spawn(&daemon.socket, ROLE);
    let mut says = server.listen();
    assert_eq!(says.next().unwrap(), "listening");
    let killed = Instant::now();
    daemon.kill();
    assert_eq!(says.next().unwrap(), "the daemon is gone");
    let elapsed = killed.elapsed();
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}

/// Requests that the daemon's client had answered.
fn requests(daemon: &Daemon) -> u64 {
    let output = daemon.ask(&["--json", "services"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let asked = rows.iter().filter(|row| row["name"] == "asks");
    let count = asked.map(|row| {
        assert_eq!(row["mismatches"], 0, "{row}");
        row["requests"].as_u64().unwrap()
    });
    count.sum()
}

/// Whether the server's address is a local one among `what`, but for connections that are over.
fn shows(daemon: &Daemon, what: &str) -> bool {
    let output = daemon.ask(&["--json", what]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    rows.iter()
        .any(|row| row["local"] == ADDRESS && row["state"] != "TIME-WAIT")
}

const ADDRESS: &str = "192.0.2.2:8000";
const ROLE: &str = "daemon::serving::a_server";
const CONFIG: &str = r#"
[workers]
count = 2
[[services]]
name = "asks"
kind = "rpc"
target = "192.0.2.2:8000"
connections = 4
requests = 100
"#;
