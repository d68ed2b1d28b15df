//! Programs with sockets of Coremill, in processes of their own: a file server and an echo, spoken to by the kernel's
//! curl and by the load generator; killed under load, and outliving the daemon.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coremill_client::{Stack, TcpStream};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::command::{self, load};
use crate::configuration::KERNEL;
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let mut daemon = Daemon::start(workers);
    let folder = tempfile::tempdir().expect("temporary folder");
    let digest = make_file(&folder.path().join("file"));

    let server = serve(folder.path());
    fetch_and_compare(folder.path(), &digest);
    refuses_what_is_not_there();
    assert_eq!(daemon.rows(&["apps"]).len(), 1);

    killed_under_load(&daemon, server, folder.path());
    let mut server = serve(folder.path());
    fetch_and_compare(folder.path(), &digest);

    let echo = Program::start("echo", &[ECHO]);
    let report = load(&[], &["stream", "both", ECHO, "--bytes", "64MiB"]);
    assert_eq!(report["mismatches"], 0, "{report}");
    let report = load(
        &[],
        &["rpc", ECHO, "--connections", "64", "--requests", "200"],
    );
    assert_eq!(report["failures"], 0, "{report}");
    assert_eq!(report["requests"], 64 * 200, "{report}");
    connects_out();
    drop(echo);
    nothing_is_left(&daemon, ECHO);

    let killed = Instant::now();
    daemon.signal("KILL");
    server.wait_for_end();
    let late = killed.elapsed();
    assert!(late < DEATH_NOTICED, "the server noticed after {late:?}");
    daemon.wait_for_end();
}

/// This very process attaches and connects: to a server of the kernel, to nobody, and to another application.
fn connects_out() {
    let stack = Stack::attach(CONTROL).expect("attach");
    let kernel = std::net::TcpListener::bind((KERNEL, 0)).expect("listen");
    let address = kernel.local_addr().expect("its address");
    let server = std::thread::spawn(move || {
        let (mut stream, peer) = kernel.accept().expect("accept");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("read");
        stream.write_all(&bytes).expect("write");
        (peer, bytes.len())
    });
    let stream = TcpStream::connect(&stack, address).expect("connect");
    let local = stream.local_addr().expect("its address");
    talk(stream, 8 << 20);
    assert_eq!(server.join().expect("the kernel's side"), (local, 8 << 20));

    let refused = TcpStream::connect(&stack, address).expect_err("nobody listens any more");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let other = TcpStream::connect(&stack, ECHO.parse().expect("an address"));
    talk(other.expect("connect to another application"), 1 << 20);
}

/// Writes, ends, and reads the same back, both at once.
fn talk(stream: TcpStream, count: usize) {
    let bytes: Vec<u8> = (0..count)
        .map(|at| (at ^ at >> 8 ^ at >> 16) as u8)
        .collect();
    let mut back = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(&bytes).expect("write");
            stream.shutdown(Shutdown::Write).expect("shutdown");
        });
        (&stream).read_to_end(&mut back).expect("read");
    });
    assert!(back == bytes, "{} bytes came back of {count}", back.len());
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

fn make_file(path: &Path) -> Vec<u8> {
    let mut bytes = vec![0; FILE_BYTES];
    let mut word = 0x9e37_79b9_7f4a_7c15_u64;
    for piece in bytes.chunks_mut(8) {
        // Xorshift: no two pages alike.
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        piece.copy_from_slice(&word.to_le_bytes());
    }
    fs::write(path, &bytes).expect("write the file");
    Sha256::digest(&bytes).to_vec()
}

fn fetch_and_compare(folder: &Path, digest: &[u8]) {
    let got = folder.join("got");
    let path = got.to_str().expect("path in UTF-8");
    let url = format!("http://{FILES}/file");
    let format = "%{http_code} %{size_download} %{num_connects}\n";
    let printed = command::run(&[
        "curl",
        "--silent",
        "--show-error",
        "--max-time",
        "60",
        "--write-out",
        format,
        "--output",
        path,
        &url,
        "--head",
        "--next",
        "--silent",
        "--write-out",
        format,
        "--output",
        path,
        &url,
    ]);
    eprint!("{printed}");
    assert!(
        printed.ends_with(&format!("200 {FILE_BYTES} 0\n")),
        "the connection is kept: {printed}"
    );
    let bytes = fs::read(&got).expect("read");
    assert_eq!(
        Sha256::digest(&bytes).to_vec(),
        digest,
        "other bytes arrived"
    );
    fs::remove_file(got).expect("remove");
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

/// An example that serves; killed when dropped.
struct Program {
    child: Child,
}

impl Program {
    /// Starts it and waits until it says that it serves.
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(command::program(&format!("examples/{name}")))
            .arg(CONTROL)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("start an example");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its first line");
        assert!(line.contains(" on "), "{name} said `{line}`");
        Self { child }
    }

    fn kill(&mut self) {
        // Gone already is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn wait_for_end(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().expect("look after it").is_none() {
            assert!(
                Instant::now() < deadline,
                "it does not notice that the daemon is dead"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

const CONTROL: &str = "/run/coremill/control.sock";
const FILES: &str = "10.99.0.2:8000";
const ECHO: &str = "10.99.0.2:7000";
const FILE_BYTES: usize = 64 << 20;
/// Calls that sleep fail within this time when the daemon is killed.
const DEATH_NOTICED: Duration = Duration::from_millis(100);
