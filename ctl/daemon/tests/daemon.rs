//! The real daemon on a looped-back ring, asked by the real command: no device, no privileges.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod daemon {
    pub mod applications;
    pub mod attaching;
    pub mod child;
    pub mod idle_connections;
    pub mod idling;
    pub mod process;
    pub mod serving;
    pub mod session;
}

use daemon::process::{Daemon, config, coremilld};

/// One daemon serves all of it: starting DPDK is the slow part, and a process starts it once.
#[test]
fn a_daemon_serves_its_operator() {
    let mut daemon = Daemon::start("verbs", "");
    every_verb_prints_a_table_and_json(&daemon);
    services_talk_over_the_ring(&daemon);
    routes_come_and_go(&daemon);
    refusals_have_their_exit_codes(&daemon);
    bad_requests_are_answered(&daemon);
    metrics_are_served(&daemon);
    a_second_daemon_is_refused(&daemon);
    shutdown_stops_it(&mut daemon);
}

#[test]
fn check_tells_right_from_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cm.toml");
    std::fs::write(&path, config(directory.path(), "check")).unwrap();
    let output = coremilld(&path, &["--check"]);
    assert!(output.status.success(), "{}", text(&output));
    std::fs::write(&path, "[tcp]\nttl = 300\n").unwrap();
    let output = coremilld(&path, &["--check"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text(&output).contains("tcp.ttl = 300: out of range"),
        "{}",
        text(&output)
    );
    let output = coremilld(&directory.path().join("none.toml"), &["--check"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(coremilld(&path, &["--flowers"]).status.code(), Some(2));
}

fn every_verb_prints_a_table_and_json(daemon: &Daemon) {
    for (verb, expected) in [
        ("status", "running"),
        ("sockets", "STATE"),
        ("listeners", "192.0.2.2:7"),
        ("counters", "turns"),
        ("drops", "REASON"),
        ("neighbors", "ADDRESS"),
        ("routes", "192.0.2.0/24"),
        ("workers", "WORKER"),
        ("services", "echo"),
        ("ports", "ring0"),
        ("apps", "ATTACHMENT"),
    ] {
        let output = daemon.ask(&[verb]);
        assert!(output.status.success(), "{verb}: {}", text(&output));
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(table.contains(expected), "{verb}:\n{table}");
        let output = daemon.ask(&["--json", verb]);
        let value: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{verb}: {error}"));
        assert!(value.is_array() || value.is_object(), "{verb}");
    }
    let all: Value =
        serde_json::from_slice(&daemon.ask(&["--json", "drops", "--all"]).stdout).unwrap();
    assert!(all.as_array().unwrap().len() > 40);
}

fn services_talk_over_the_ring(daemon: &Daemon) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let requests = || -> u64 {
        let rows: Value =
            serde_json::from_slice(&daemon.ask(&["--json", "services"]).stdout).unwrap();
        let rows = rows.as_array().unwrap();
        rows.iter()
            .filter(|row| row["kind"] == "rpc")
            .filter_map(|row| row["requests"].as_u64())
            .sum()
    };
    while requests() < 100 {
        assert!(
            Instant::now() < deadline,
            "the rpc client made {} requests only",
            requests()
        );
        sleep(Duration::from_millis(50));
    }
    let rows: Value = serde_json::from_slice(
        &daemon
            .ask(&["--json", "sockets", "--state", "established"])
            .stdout,
    )
    .unwrap();
    assert!(
        rows.as_array()
            .unwrap()
            .iter()
            .any(|row| row["local"] == "192.0.2.2:7"),
        "{rows}"
    );
}

fn routes_come_and_go(daemon: &Daemon) {
    let output = daemon.ask(&["routes", "add", "198.51.100.0/24", "--gateway", "192.0.2.1"]);
    assert!(output.status.success(), "{}", text(&output));
    let listed = |daemon: &Daemon| text(&daemon.ask(&["routes"])).contains("198.51.100.0/24");
    assert!(listed(daemon));
    let output = daemon.ask(&["routes", "remove", "198.51.100.0/24"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(!listed(daemon));
    assert_eq!(
        daemon
            .ask(&["routes", "remove", "198.51.100.0/24"])
            .status
            .code(),
        Some(1)
    );
}

fn refusals_have_their_exit_codes(daemon: &Daemon) {
    let output = daemon.ask(&["sockets", "--state", "open"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("allowed are CLOSED"),
        "{}",
        text(&output)
    );
    let output = daemon.ask(&["--socket", "/nonexistent/cm.sock", "status"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text(&output).contains("no daemon at /nonexistent/cm.sock"),
        "{}",
        text(&output)
    );
    assert_eq!(daemon.ask(&["flowers"]).status.code(), Some(2));
}

fn bad_requests_are_answered(daemon: &Daemon) {
    let kind = |bytes: &[u8]| -> Value {
        let mut stream = UnixStream::connect(&daemon.socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
            .write_all(b"{\"request\":\"hello\",\"version\":1,\"client\":\"test\"}\n")
            .unwrap();
        // A session that is closed early refuses the rest of the bytes.
        let _ = stream.write_all(bytes);
        let mut lines = BufReader::new(stream).lines();
        let hello: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(hello["reply"], "hello");
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        answer["error"]["kind"].clone()
    };
    assert_eq!(kind(b"\x00\xff\xfe garbage\n"), "malformed");
    assert_eq!(kind(b"{\"request\":\"flowers\"}\n"), "malformed");
    assert_eq!(
        kind(b"{\"request\":\"hello\",\"version\":99,\"client\":\"test\"}\n"),
        "version"
    );
    assert_eq!(kind(&vec![b'x'; 70_000]), "too-long");

    let mut stream = UnixStream::connect(&daemon.socket).unwrap();
    stream
        .write_all(json!({"request": "status"}).to_string().as_bytes())
        .unwrap();
    stream.write_all(b"\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.contains("no-hello"), "{line}");
}

fn metrics_are_served(daemon: &Daemon) {
    let (head, body) = get(daemon, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("coremill_"), "{line}");
        value
            .parse::<f64>()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    for name in [
        "coremill_received_packets_total{worker=\"0\"}",
        "coremill_dropped_packets_total{worker=\"0\",reason=\"ipv4_fragment\"} 0",
        "coremill_tcp_retrans_segs_total",
        "coremill_tcp_connections{worker=\"0\",state=\"ESTABLISHED\"}",
        "coremill_turn_duration_seconds_bucket",
        "coremill_listener_accept_queue",
        "coremill_service_requests_total",
        "coremill_attachments 0",
        "coremill_attached_total 0",
        "coremill_detached_total{reason=\"died\"} 0",
        "coremill_application_violations_total{violation=\"bad_length\"} 0",
    ] {
        assert!(body.contains(name), "{name} is missing in\n{body}");
    }
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", "200"),
        ("GET /readyz HTTP/1.1\r\n\r\n", "200"),
        ("GET /flowers HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "400"),
        (
            &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(9_000)),
            "431",
        ),
    ] {
        let (head, _) = get(daemon, request);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {head}"
        );
    }
}

fn a_second_daemon_is_refused(daemon: &Daemon) {
    let output = coremilld(&daemon.config, &[]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    assert!(
        text(&output).contains("another coremilld is running"),
        "{}",
        text(&output)
    );
    assert!(
        daemon.ask(&["status"]).status.success(),
        "the first one must not suffer"
    );
}

fn shutdown_stops_it(daemon: &mut Daemon) {
    let output = daemon.ask(&["shutdown", "--drain-timeout", "1"]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(daemon.wait(Duration::from_secs(20)), Some(0));
    assert!(!daemon.socket.exists());
    assert_eq!(daemon.ask(&["status"]).status.code(), Some(3));
}

fn get(daemon: &Daemon, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(daemon.metrics).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // A refused request may be cut off by a reset once its answer is there.
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.into(), body.into())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
