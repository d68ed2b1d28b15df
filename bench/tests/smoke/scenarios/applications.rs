//! Programs with sockets of Coremill, in processes of their own: a file server and an echo, spoken to by the kernel's
//! curl and by the load generator; killed under load, and outliving the daemon.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::application::{Program, make_file};
use crate::command::{self, load};
use crate::daemon::{Daemon, wait_for};
use crate::isolation::is_long;

pub fn run(workers: usize) {
    let mut daemon = Daemon::start(workers);
    let folder = tempfile::tempdir().expect("temporary folder");
    let digest = make_file(&folder.path().join("file"), FILE_BYTES);

    let server = serve(folder.path());
    fetch_and_compare(&digest);
    refuses_what_is_not_there();
    assert_eq!(daemon.rows(&["apps"]).len(), 1);

    if is_long() {
        let large = make_file(&folder.path().join("file"), LARGE_BYTES);
        fetch_and_compare(&large);
        make_file(&folder.path().join("file"), FILE_BYTES);
    }

    killed_under_load(&daemon, server, folder.path());
    let mut server = serve(folder.path());
    fetch_and_compare(&digest);

    for name in ["echo", "tokio_echo"] {
        let echo = Program::start(name, &[ECHO]);
        let report = load(&[], &["stream", "both", ECHO, "--bytes", "64MiB"]);
        assert_eq!(report["mismatches"], 0, "{name}: {report}");
        drop(echo);
        nothing_is_left(&daemon, ECHO);
    }

    let killed = Instant::now();
    daemon.signal("KILL");
    server.wait_for_end();
    let late = killed.elapsed();
    assert!(late < DEATH_NOTICED, "the server noticed after {late:?}");
    daemon.wait_for_end();
}

/// A server that dies in the middle of transfers leaves nothing behind.
fn killed_under_load(daemon: &Daemon, mut server: Program, folder: &Path) {
    let mut clients: Vec<Child> = (0..4)
        .map(|number| {
            let out = folder.join(format!("cut-{number}"));
            let curl = Command::new("curl")
                .args([
                    "--silent",
                    "--max-time",
                    "20",
                    "--limit-rate",
                    "8M",
                    "--output",
                ])
                .arg(&out)
                .arg(format!("http://{FILES}/file"))
                .spawn();
            curl.expect("curl")
        })
        .collect();
    wait_for("the transfers to begin", || {
        let begun = |number| {
            fs::metadata(folder.join(format!("cut-{number}")))
                .is_ok_and(|file| file.len() > 1 << 20)
        };
        (0..4).all(begun)
    });
    server.kill();
    for client in &mut clients {
        let status = client.wait().expect("curl");
        assert!(!status.success(), "got all of it from a dead server");
    }
    nothing_is_left(daemon, FILES);
    for number in 0..4 {
        fs::remove_file(folder.join(format!("cut-{number}"))).expect("remove");
    }
}

/// No attachment but those of others, no listener, no connection.
fn nothing_is_left(daemon: &Daemon, address: &str) {
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let has_port = |row: &Value| {
        let local = row["local"].as_str().unwrap_or_default();
        local.ends_with(&format!(":{port}"))
    };
    let others = if address == FILES { 0 } else { 1 };
    wait_for("all of it to be gone", || {
        daemon.rows(&["apps"]).len() == others
            && !daemon.rows(&["listeners"]).iter().any(has_port)
            && !daemon.rows(&["sockets"]).iter().any(has_port)
    });
}

/// Asks for the head and then for the file, on one connection.
fn fetch_and_compare(digest: &str) {
    let url = format!("http://{FILES}/file");
    let of_each = "--silent --show-error --max-time 120 --write-out '%{stderr}%{http_code} %{num_connects}\\n'";
    let command = format!(
        "curl {of_each} --head --output /dev/null {url} --next {of_each} {url} 2>said | sha256sum; cat said"
    );
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().to_str().expect("path in UTF-8");
    let printed = command::run(&["bash", "-c", &format!("cd {path} && {command}")]);
    eprint!("{printed}");
    assert!(
        printed.starts_with(digest),
        "other bytes arrived: {printed}"
    );
    assert!(
        printed.ends_with("200 1\n200 0\n"),
        "the connection is kept: {printed}"
    );
}

fn refuses_what_is_not_there() {
    for (path, code) in [("/missing", "404"), ("/../../etc/passwd", "404")] {
        let url = format!("http://{FILES}{path}");
        let printed = command::run(&[
            "curl",
            "--silent",
            "--path-as-is",
            "--max-time",
            "10",
            "--write-out",
            "%{http_code}",
            &url,
        ]);
        assert_eq!(printed, code, "{path}");
    }
}

fn serve(folder: &Path) -> Program {
    let folder = folder.to_str().expect("path in UTF-8");
    Program::start("file_server", &[FILES, folder])
}

const FILES: &str = "10.99.0.2:8000";
const ECHO: &str = "10.99.0.2:7000";
const FILE_BYTES: usize = 64 << 20;
const LARGE_BYTES: usize = 1 << 30;
/// Calls that sleep fail within this time when the daemon is killed.
const DEATH_NOTICED: Duration = Duration::from_millis(100);
