//! TCP Fast Open with the kernel as peer, both ways: the first connection brings a cookie, later ones send data with their SYN.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coremill_client::{Stack, TcpListener, TcpStream};

use crate::application::CONTROL;
use crate::command;
use crate::configuration::{self, DAEMON, KERNEL};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let toml = configuration::toml(workers).replace("[tcp]", "[tcp]\nfast_open = 3");
    let daemon = Daemon::start_with(&toml);
    command::run(&["sysctl", "-q", "-w", "net.ipv4.tcp_fastopen=3"]);
    let stack = Stack::attach(CONTROL).expect("attach");
    from_the_kernel(&stack, &daemon);
    to_the_kernel(&stack, &daemon, workers);
    wait_for("its connections to go", || {
        let rows = daemon.rows(&["apps"]);
        rows.len() == 1 && rows[0]["sockets"]["used"] == 0
    });
}

/// The kernel connects to an application of the daemon's.
fn from_the_kernel(stack: &Stack, daemon: &Daemon) {
    let any = SocketAddr::new(DAEMON.parse().expect("an address"), 0);
    let listener = TcpListener::bind(stack, any).expect("listen");
    listener.set_fast_open(16).expect("turn it on");
    // The first one has no cookie yet.
    let told = served(&listener, ROUNDS);
    assert_eq!(told, ["0", "1", "1", "1"], "data of the SYN acknowledged");
    assert_eq!(daemon.counter("TCPFastOpenCookieReqd"), 1);
    assert_eq!(daemon.counter("TCPFastOpenPassive"), 3);
    assert_eq!(daemon.counter("TCPFastOpenPassiveFail"), 0);
    // With another key the kernel's cookie is good no more: its data goes again, and it gets a new one.
    let program = command::program("coremill");
    let program = program.to_str().expect("path in UTF-8");
    command::run(&[program, "fast-open-keys", KEY]);
    let told = served(&listener, 2);
    assert_eq!(told, ["0", "1"], "data of the SYN acknowledged");
    assert_eq!(daemon.counter("TCPFastOpenPassiveFail"), 1);
}

/// So many connections of the kernel's, each of which asks and is answered; tells of each whether its data went with the SYN.
fn served(listener: &TcpListener, count: usize) -> Vec<String> {
    let port = listener.local_addr().expect("its address").port();
    let (port, rounds) = (port.to_string(), count.to_string());
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            for _ in 0..count {
                let (mut stream, _) = listener.accept().expect("accept");
                let mut asked = [0; 5];
                stream.read_exact(&mut asked).expect("a question");
                stream.write_all(&asked).expect("an answer");
            }
        });
        let words = ["python3", "-S", "-E", "-c", CLIENT, DAEMON, &port, &rounds];
        let told = command::run(&words);
        server.join().expect("no panic");
        told.split_whitespace().map(str::to_owned).collect()
    })
}

/// An application of the daemon's connects to the kernel.
fn to_the_kernel(stack: &Stack, daemon: &Daemon, workers: usize) {
    let mut server = Server::start();
    let target = SocketAddr::new(KERNEL.parse().expect("an address"), server.port);
    let mut told = Vec::new();
    for _ in 0..ROUNDS {
        let mut stream = TcpStream::connect_with(stack, target, b"hello").expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut answer = [0; 6];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer[..5], b"hello");
        told.push(answer[5]);
    }
    // Each worker has a first one, which asks.
    let early = told.iter().filter(|byte| **byte == b'1').count();
    assert_eq!(early, ROUNDS - workers, "{told:?}");
    assert_eq!(daemon.counter("TCPFastOpenActive"), early as u64);
    assert_eq!(daemon.counter("TCPFastOpenActiveFail"), 0);
    let known = daemon.rows(&["destinations"]);
    let has_cookie = |row: &&serde_json::Value| row["fast_open_cookie"].is_string();
    assert_eq!(
        known.iter().filter(has_cookie).count(),
        workers,
        "{known:?}"
    );
    server.child.wait().expect("it ends after so many");
}

/// A server of the kernel's, which tells of each connection whether data came with its SYN.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let rounds = ROUNDS.to_string();
        let mut child = Command::new("python3")
            .args(["-S", "-E", "-c", SERVER, KERNEL, &rounds])
            .stdout(Stdio::piped())
            .spawn()
            .expect("start python3");
        let output = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let port = line.trim().parse().expect("a port");
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ROUNDS: usize = 4;
const KEY: &str = "00000000-00000000-00000000-00000001";
const PATIENCE: Duration = Duration::from_secs(10);
/// Tells of each connection whether TCP_INFO has TCPI_OPT_SYN_DATA.
const CLIENT: &str = "
import socket, sys
for _ in range(int(sys.argv[3])):
    with socket.socket() as one:
        one.sendto(b'hello', socket.MSG_FASTOPEN, (sys.argv[1], int(sys.argv[2])))
        one.settimeout(10)
        assert one.recv(5, socket.MSG_WAITALL) == b'hello'
        print(one.getsockopt(6, 11, 104)[5] >> 5 & 1)
";
const SERVER: &str = "
import socket, sys
with socket.socket() as listener:
    listener.bind((sys.argv[1], 0))
    listener.setsockopt(6, 23, 16)
    listener.listen(16)
    print(listener.getsockname()[1], flush=True)
    for _ in range(int(sys.argv[2])):
        one, _ = listener.accept()
        with one:
            one.settimeout(10)
            data = one.recv(5, socket.MSG_WAITALL)
            early = one.getsockopt(6, 11, 104)[5] >> 5 & 1
            one.sendall(data + str(early).encode())
            one.recv(1)
";
