//! /metrics as Prometheus' own checker wants it, with what happened counted in it.

use std::io::Write;
use std::path::Path;

use crate::command::{self, load};
use crate::configuration::{ECHO, WEB};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let _daemon = Daemon::start(workers);
    load(
        &[],
        &["rpc", ECHO, "--connections", "20", "--requests", "20"],
    );
    command::run(&["curl", "--silent", "--fail", "--output", "/dev/null", WEB]);
    let page = fetch();
    assert_eq!(check(&page), "", "promtool complains");
    let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(samples.len() > 100, "{} samples only", samples.len());
    let strangers: Vec<_> = samples
        .iter()
        .filter(|line| !line.starts_with("coremill_"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    // Twenty connections and the page, counted by whatever name TCP's PassiveOpens has.
    wait_for("the connections to be counted", || {
        passive_opens(&fetch()) >= 21.0
    });
}

fn fetch() -> String {
    command::run(&[
        "curl",
        "--silent",
        "--show-error",
        "--fail",
        "--max-time",
        "5",
        METRICS,
    ])
}

fn passive_opens(page: &str) -> f64 {
    let samples = page.lines().filter(|line| {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        !line.starts_with('#')
            && name
                .to_ascii_lowercase()
                .replace('_', "")
                .contains("passiveopens")
    });
    samples
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// What `promtool check metrics` has to say; nothing when all is well.
fn check(page: &str) -> String {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/promtool");
    let program = if unpacked.exists() {
        unpacked
    } else {
        "promtool".into()
    };
    let mut checker = std::process::Command::new(program)
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("promtool is missing: deploy/host/setup test fetches it");
    let mut input = checker.stdin.take().expect("a pipe");
    input
        .write_all(page.as_bytes())
        .expect("hand the page over");
    drop(input);
    let output = checker.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

const METRICS: &str = "http://127.0.0.1:9178/metrics";
