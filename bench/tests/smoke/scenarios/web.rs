//! The kernel's curl and wrk against the HTTP service, with keep-alive and with close.

use crate::command;
use crate::configuration::{WEB, WEB_BODY_BYTES};
use crate::daemon::Daemon;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let format = "%{http_code} %{size_download} %{num_connects}\n";
    let base = [
        "curl",
        "--silent",
        "--show-error",
        "--max-time",
        "10",
        "--write-out",
        format,
    ];
    let get = |more: &[&str]| command::run(&[&base[..], more].concat());
    let whole = format!("200 {WEB_BODY_BYTES}");

    let kept = get(&["--output", "/dev/null", WEB, "--output", "/dev/null", WEB]);
    assert_eq!(
        kept,
        format!("{whole} 1\n{whole} 0\n"),
        "the second request opens no connection"
    );

    let close = [
        "--header",
        "Connection: close",
        "--output",
        "/dev/null",
        WEB,
    ];
    let closed = get(&[&close[..], &["--output", "/dev/null", WEB]].concat());
    assert_eq!(
        closed,
        format!("{whole} 1\n{whole} 1\n"),
        "each request opens a connection"
    );

    let head = get(&["--head", WEB]);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = format!("content-length: {WEB_BODY_BYTES}");
    assert!(head.to_ascii_lowercase().contains(&length), "{head}");

    let report = command::run(&[
        "wrk",
        "--threads",
        "2",
        "--connections",
        "64",
        "--duration",
        "5s",
        WEB,
    ]);
    eprintln!("{report}");
    assert!(!report.contains("Socket errors"), "{report}");
    assert!(!report.contains("Non-2xx"), "{report}");
    let requests = report
        .split_ascii_whitespace()
        .zip(report.split_ascii_whitespace().skip(1));
    let count = requests
        .filter(|(_, next)| *next == "requests")
        .find_map(|(word, _)| word.parse().ok());
    let count: u64 = count.unwrap_or_else(|| panic!("{report}"));
    assert!(count > 1_000, "{report}");
    assert_eq!(
        daemon.drops("stray_ring_full"),
        0,
        "packets were lost between workers"
    );
}
