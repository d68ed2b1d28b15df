//! Connections signed by TCP-MD5 with the kernel: whoever has the key gets through both ways, whoever has another or none does not.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coremill_client::{PeerKey, Stack, TcpListener, TcpStream};

use crate::application::{CONTROL, pattern};
use crate::configuration::{DAEMON, KERNEL};
use crate::daemon::{Daemon, wait_for};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let stack = Stack::attach(CONTROL).expect("attach");
    to_the_kernel(&stack);
    from_the_kernel(&stack, &daemon);
    wait_for("its connections to go", || {
        let rows = daemon.rows(&["apps"]);
        rows.len() == 1 && rows[0]["sockets"]["used"] == 0
    });
}

/// The kernel listens, and echoes what comes from whoever has its key.
fn to_the_kernel(stack: &Stack) {
    let (mut echo, port) = Kernel::listen();
    let remote = SocketAddr::new(KERNEL.parse().expect("an address"), port);
    let connect = |secret: &[u8]| {
        let key = PeerKey::md5(remote.ip(), 32, secret).expect("a key");
        TcpStream::connect_with_keys(stack, remote, &[key], Some(SHORT))
    };
    let refused = connect(b"wrong").expect_err("another key");
    assert_eq!(refused.kind(), std::io::ErrorKind::TimedOut);
    let mut stream = connect(SECRET).expect("the kernel has this key");
    exchange(&mut stream);
    // The key goes, and so does the kernel's trust.
    stream.remove_md5_key(remote.ip(), 32).expect("removed");
    stream.write_all(b"unsigned").expect("room");
    stream.set_read_timeout(Some(SHORT)).expect("set");
    let nothing = stream.read(&mut [0; 8]).expect_err("not believed");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    let key = PeerKey::md5(remote.ip(), 24, SECRET).expect("a key");
    stream.add_key(&key).expect("added");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut came = [0; 8];
    stream.read_exact(&mut came).expect("sent again, signed");
    assert_eq!(&came, b"unsigned");
    drop(stream);
    echo.end();
}

/// We listen, for a whole prefix.
fn from_the_kernel(stack: &Stack, daemon: &Daemon) {
    let local = SocketAddr::new(DAEMON.parse().expect("an address"), PORT);
    let network = KERNEL.parse().expect("an address");
    let keys = [PeerKey::md5(network, 24, SECRET).expect("a key")];
    let listener = TcpListener::bind_with_keys(stack, local, 16, &keys).expect("listen");
    for (secret, reason) in [("", "TCPMD5NotFound"), ("wrong", "TCPMD5Failure")] {
        let before = daemon.counter(reason);
        assert_eq!(Kernel::connect(secret).answer(), "timed out");
        assert!(daemon.counter(reason) > before, "{reason}");
    }
    let mut right = Kernel::connect(SECRET_TEXT);
    let (mut stream, _) = listener.accept().expect("it has the key");
    exchange(&mut stream);
    drop(stream);
    assert_eq!(right.answer(), "ended");
    let missing = listener.remove_md5_key(network, 25).expect_err("none");
    assert_eq!(missing.raw_os_error(), Some(ENOENT));
    listener.remove_md5_key(network, 24).expect("removed");
    let mut plain = Kernel::connect("");
    let (mut stream, _) = listener.accept().expect("anybody may come");
    exchange(&mut stream);
    drop(stream);
    assert_eq!(plain.answer(), "ended");
}

/// Bytes there and back: more than a window, so that some are delayed, acknowledged and pushed in all ways.
fn exchange(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let sent = pattern(7, 300_000);
    let mut reader = stream.clone();
    let came = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut came = vec![0; 300_000];
            reader.read_exact(&mut came).expect("all of it");
            came
        });
        stream.write_all(&sent).expect("all of it");
        reading.join().expect("read")
    });
    assert!(came == sent, "other bytes came back");
}

/// A socket of the kernel's in a process of its own, which echoes what comes.
struct Kernel(Child);

impl Kernel {
    fn listen() -> (Self, u16) {
        let mut kernel = Self::start(&["listen", SECRET_TEXT]);
        let port = kernel.line().parse().expect("a port");
        (kernel, port)
    }

    fn connect(secret: &str) -> Self {
        Self::start(&["connect", secret])
    }

    fn start(arguments: &[&str]) -> Self {
        let child = Command::new("python3")
            .args(["-c", PEER, KERNEL, DAEMON, &PORT.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn();
        Self(child.expect("python3"))
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let out = self.0.stdout.as_mut().expect("piped");
        let mut byte = [0];
        while out.read(&mut byte).expect("readable") == 1 && byte != *b"\n" {
            line.extend(byte);
        }
        String::from_utf8(line).expect("text")
    }

    /// What it says at its end.
    fn answer(&mut self) -> String {
        let line = self.line();
        self.0.wait().expect("it ends");
        line
    }

    fn end(&mut self) {
        // It may have ended with its connection.
        let _ended = self.0.kill();
        self.0.wait().expect("it ends");
    }
}

/// TCP_MD5SIG is option 14: `struct tcp_md5sig` is an address, flags, prefix, length, interface, and 80 bytes of key.
const PEER: &str = r#"
import socket, struct, sys
kernel, daemon, port, role, secret = sys.argv[1:]
def sign(s, peer):
    if secret:
        key = secret.encode()
        peer = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(peer)).ljust(128, b"\0")
        s.setsockopt(6, 14, peer + struct.pack("=BBHi", 0, 0, len(key), 0) + key.ljust(80, b"\0"))
def echo(s):
    while data := s.recv(65536):
        s.sendall(data)
s = socket.socket()
sign(s, daemon)
if role == "listen":
    s.bind((kernel, 0))
    s.listen()
    print(s.getsockname()[1], flush=True)
    echo(s.accept()[0])
else:
    s.settimeout(1.5)
    try:
        s.connect((daemon, int(port)))
        s.settimeout(20)
        echo(s)
        print("ended")
    except TimeoutError:
        print("timed out")
"#;

const SECRET: &[u8] = SECRET_TEXT.as_bytes();
const SECRET_TEXT: &str = "a secret that both have";
const PORT: u16 = 1_790;
const SHORT: Duration = Duration::from_millis(1_500);
const PATIENCE: Duration = Duration::from_secs(20);
const ENOENT: i32 = 2;
