//! Runs coremill-load against small servers on the kernel's loopback: what it reports, how it
//! fails, and that it notices each kind of wrong answer.

mod connect;
mod http;
mod server;

use std::process::{Command, Output};

use serde_json::Value;

use server::Behaviour;

#[test]
fn rpc_counts_every_request() {
    let address = server::start(Behaviour::Echo);
    let report = succeed(&["rpc", &address, "--connections", "20", "--requests", "30"]);
    assert_eq!(report["requests"], 600);
    assert_eq!(report["connections"], 20);
    assert_eq!(report["bytes_received"], 600 * 64);
    assert_eq!(report["request_micros"]["count"], 600);
    assert_eq!(report["failures"], 0);
}

#[test]
fn rpc_reopens_and_moves_large_requests() {
    let address = server::start(Behaviour::Echo);
    let report = succeed(&[
        "rpc",
        &address,
        "--size",
        "3MiB",
        "--requests",
        "2",
        "--reopen",
        "4",
        "--connections",
        "2",
    ]);
    assert_eq!(report["requests"], 20);
    assert_eq!(report["connections"], 10);
    assert_eq!(report["bytes_sent"], 20 * (3 << 20));
}

#[test]
fn rpc_ends_by_duration() {
    let address = server::start(Behaviour::Echo);
    let report = succeed(&["rpc", &address, "--duration", "300ms", "--connections", "3"]);
    assert!(report["requests"].as_u64().unwrap() > 3);
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((0.3..3.0).contains(&seconds), "{seconds}");
}

#[test]
fn rpc_rests_between_requests() {
    let address = server::start(Behaviour::Echo);
    let report = succeed(&[
        "rpc",
        &address,
        "--requests",
        "10",
        "--pause",
        "20ms",
        "--connections",
        "5",
    ]);
    assert_eq!(report["requests"], 50);
    let seconds = report["seconds"].as_f64().unwrap();
    assert!(
        (0.18..2.0).contains(&seconds),
        "nine pauses of 20 ms took {seconds} s"
    );
    assert!(
        report["request_micros"]["p50"].as_f64().unwrap() < 15_000.0,
        "{report}"
    );
}

#[test]
fn rpc_reports_refusal_mismatch_early_end_and_timeout() {
    let refused = fail(&[
        "rpc",
        &server::closed_port(),
        "--requests",
        "1",
        "--connections",
        "4",
    ]);
    assert_eq!(refused["errors"]["refused"], 4);
    for (behaviour, word) in [
        (Behaviour::CorruptEcho, "mismatch"),
        (Behaviour::CloseEarly, "closed_early"),
        (Behaviour::Mute, "timeout"),
    ] {
        let address = server::start(behaviour);
        let report = fail(&["rpc", &address, "--requests", "1", "--timeout", "500ms"]);
        assert_eq!(report["errors"][word], 1, "{report}");
        assert_eq!(report["requests"], 0);
    }
}

#[test]
fn stream_up_compares_the_account() {
    let address = server::start(Behaviour::Discard { lie: false });
    let report = succeed(&[
        "stream",
        "up",
        &address,
        "--bytes",
        "5000001",
        "--connections",
        "2",
    ]);
    assert_eq!(report["bytes_sent"], 10_000_002);
    let address = server::start(Behaviour::Discard { lie: true });
    let report = fail(&["stream", "up", &address, "--bytes", "1000"]);
    assert_eq!(report["errors"]["bad_answer"], 1);
}

#[test]
fn stream_both_verifies_the_echo() {
    let address = server::start(Behaviour::Echo);
    let report = succeed(&["stream", "both", &address, "--bytes", "20MiB"]);
    assert_eq!(report["bytes_sent"], 20 << 20);
    assert_eq!(report["bytes_received"], 20 << 20);
    let address = server::start(Behaviour::CorruptEcho);
    let report = fail(&[
        "stream",
        "both",
        &address,
        "--bytes",
        "1MiB",
        "--timeout",
        "2s",
    ]);
    assert!(report["mismatches"].as_u64().unwrap() > 0);
}

#[test]
fn stream_down_verifies_the_pattern() {
    let address = server::start(Behaviour::Pattern);
    let report = succeed(&[
        "stream", "down", &address, "--bytes", "10MiB", "--seed", "5",
    ]);
    assert_eq!(report["bytes_received"], 10 << 20);
    let report = fail(&[
        "stream", "down", &address, "--bytes", "10MiB", "--seed", "6",
    ]);
    assert_eq!(report["errors"]["mismatch"], 1);
    let address = server::start(Behaviour::CloseEarly);
    let report = fail(&["stream", "down", &address, "--bytes", "1000"]);
    assert_eq!(report["errors"]["closed_early"], 1);
    let address = server::start(Behaviour::Zeros);
    let report = fail(&["stream", "down", &address, "--bytes", "1000"]);
    assert_eq!(report["errors"]["mismatch"], 1);
    assert!(report["mismatches"].as_u64().unwrap() > 0);
}

#[test]
fn exit_codes_tell_usage_from_errors() {
    let code = |arguments: &[&str]| run(arguments).status.code();
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["rpc", "nonsense"]), Some(2));
    assert_eq!(code(&["rpc", "127.0.0.1:7", "--size", "0"]), Some(2));
    assert_eq!(code(&["stream", "sideways", "127.0.0.1:7"]), Some(2));
    assert_eq!(code(&["http", "127.0.0.1:7", "--path", "no"]), Some(2));
    assert_eq!(code(&["http", "127.0.0.1:7", "--sha256", "12"]), Some(2));
    assert_eq!(code(&["http", "127.0.0.1:7", "--status", "99"]), Some(2));
    assert_eq!(code(&["rpc", "127.0.0.1:7", "--via", "pigeon"]), Some(2));
    assert_eq!(
        code(&["rpc", &server::closed_port(), "--requests", "1"]),
        Some(1)
    );
}

#[test]
fn without_a_daemon_coremill_cannot_carry_anything() {
    let output = run(&[
        "rpc",
        "127.0.0.1:7",
        "--via",
        "coremill",
        "--control",
        "/nowhere/socket",
    ]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("/nowhere/socket") && said.contains("is coremilld running"),
        "{said}"
    );
}

#[test]
fn a_source_address_that_is_not_ours_is_named() {
    let address = server::start(Behaviour::Echo);
    let report = fail(&[
        "rpc",
        &address,
        "--requests",
        "1",
        "--source-address",
        "192.0.2.1",
    ]);
    assert_eq!(report["errors"]["local_address"], 1);
    let report = succeed(&[
        "rpc",
        &address,
        "--requests",
        "1",
        "--source-address",
        "127.0.0.9",
    ]);
    assert_eq!(report["requests"], 1);
}

fn succeed(arguments: &[&str]) -> Value {
    let output = run_json(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    report(&output)
}

fn fail(arguments: &[&str]) -> Value {
    let output = run_json(arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    report(&output)
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn run_json(arguments: &[&str]) -> Output {
    run(&[arguments, &["--json"]].concat())
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coremill-load"))
        .args(arguments)
        .output()
        .unwrap()
}
