//! Names, HTTP and the whole text.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coremill_engine::drop_reason::DropReason;
use coremill_tcp::TcpCounters;
use prometheus::TextEncoder;
use prometheus::core::Collector;

use super::collector::{Rows, StackCollector};
use super::connection::{Request, Status, parse};
use super::endpoint::Endpoint;
use super::tcp_names::metric_name;
use crate::stack::fake::FakeWorker;
use crate::stack::{Stack, Worker};

#[test]
fn tcp_names_follow_linux() {
    for (linux, expected) in [
        ("RetransSegs", "coremill_tcp_retrans_segs_total"),
        ("InCsumErrors", "coremill_tcp_in_csum_errors_total"),
        ("TCPSynRetrans", "coremill_tcp_syn_retrans_total"),
        ("TCPTimeouts", "coremill_tcp_timeouts_total"),
        ("DelayedACKs", "coremill_tcp_delayed_acks_total"),
        ("DelayedACKLost", "coremill_tcp_delayed_ack_lost_total"),
        ("PAWSEstab", "coremill_tcp_paws_estab_total"),
        ("TCPOFOQueue", "coremill_tcp_ofo_queue_total"),
        ("TCPRcvQDrop", "coremill_tcp_rcv_q_drop_total"),
        ("TW", "coremill_tcp_tw_total"),
        ("TWRecycled", "coremill_tcp_tw_recycled_total"),
        ("OutRsts", "coremill_tcp_out_rsts_total"),
    ] {
        assert_eq!(metric_name(linux), expected);
    }
    let names: BTreeSet<String> = TcpCounters::TABLE
        .iter()
        .map(|(name, _)| metric_name(name))
        .collect();
    assert_eq!(
        names.len(),
        TcpCounters::TABLE.len(),
        "two counters have one name"
    );
}

#[test]
fn requests_are_told_apart() {
    let get = |text: &str| parse(text.as_bytes());
    assert_eq!(
        get("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"),
        Some(Request::Get("/metrics".into()))
    );
    assert_eq!(
        get("GET /metrics?x=1 HTTP/1.1\r\n\r\n"),
        Some(Request::Get("/metrics".into()))
    );
    assert_eq!(
        get("HEAD / HTTP/1.0\r\n\r\n"),
        Some(Request::Head("/".into()))
    );
    assert_eq!(get("GET /metrics HT"), None);
    assert_eq!(
        get("POST /metrics HTTP/1.1\r\n\r\n"),
        Some(Request::Wrong(Status::MethodNotAllowed))
    );
    assert_eq!(
        get("\x16\x03\x01\x02"),
        Some(Request::Wrong(Status::BadRequest))
    );
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(9_000));
    assert_eq!(get(&endless), Some(Request::Wrong(Status::HeadTooLarge)));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
    assert_eq!(get(&many), Some(Request::Wrong(Status::HeadTooLarge)));
}

#[test]
fn every_drop_reason_and_state_is_there_also_when_zero() {
    let text = text();
    for reason in DropReason::all() {
        let line = format!(
            "coremill_dropped_packets_total{{worker=\"1\",reason=\"{}\"}} 0",
            reason.word()
        );
        assert!(text.lines().any(|other| other == line), "{line}");
    }
    assert!(
        text.contains("coremill_tcp_connections{worker=\"0\",state=\"ESTABLISHED\"} 2\n"),
        "{text}"
    );
    assert!(text.contains("# TYPE coremill_tcp_retrans_segs_total counter\n"));
    assert!(text.contains("coremill_build_info{version="));
}

#[test]
fn histograms_are_cumulative_and_in_seconds() {
    let text = text();
    let bucket = |bound: &str| {
        format!("coremill_tcp_round_trip_seconds_bucket{{worker=\"0\",le=\"{bound}\"}}")
    };
    assert!(
        text.contains(&format!("{} 0\n", bucket("0.000064"))),
        "{text}"
    );
    assert!(text.contains(&format!("{} 1\n", bucket("0.000128"))));
    assert!(text.contains(&format!("{} 2\n", bucket("+Inf"))));
    assert!(text.contains("coremill_tcp_round_trip_seconds_count{worker=\"0\"} 2\n"));
    assert!(text.contains("coremill_tcp_round_trip_seconds_sum{worker=\"0\"} 1.0001\n"));
}

fn text() -> String {
    let workers = [FakeWorker::new(), FakeWorker::new()];
    workers[0].tcp.states[coremill_tcp::State::Established as usize].set(2);
    workers[0].tcp.round_trip_micros.record(100);
    workers[0].tcp.round_trip_micros.record(1_000_000);
    let stack = Stack {
        workers: workers
            .into_iter()
            .map(|worker| worker as Arc<dyn Worker>)
            .collect(),
        ports: Vec::new(),
        link_up: Box::new(|_port| None),
        started: Instant::now(),
        metrics_address: None,
        config_file: "test".into(),
        applications: Arc::default(),
    };
    let rows = Arc::new(Mutex::new(Rows::default()));
    let collector = StackCollector::new(Arc::new(stack), rows);
    TextEncoder::new()
        .encode_to_string(&collector.collect())
        .unwrap()
}

#[test]
fn a_connection_that_asks_for_nothing_is_given_up() {
    let config = coremill_config::schema::Metrics {
        enabled: true,
        address: "127.0.0.1:0".parse().unwrap(),
        ..Default::default()
    };
    let mut endpoint = Endpoint::bind(&config).unwrap().unwrap();
    let poll = mio::Poll::new().unwrap();
    let mut idle = std::net::TcpStream::connect(endpoint.address()).unwrap();
    idle.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    idle.set_nonblocking(true).unwrap();
    let mut is_over = |endpoint: &mut Endpoint, now| {
        endpoint.expire(now, poll.registry());
        std::thread::sleep(Duration::from_millis(20));
        match idle.read(&mut [0]) {
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            Ok(count) => count == 0,
        }
    };
    endpoint.accept(poll.registry(), &mut 1);
    let now = Instant::now();
    assert!(!is_over(&mut endpoint, now + Duration::from_secs(5)));
    assert!(is_over(&mut endpoint, now + Duration::from_secs(11)));
}
