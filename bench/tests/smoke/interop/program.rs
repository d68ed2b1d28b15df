//! A program with sockets of the client's kernel that echoes: for what only Python lets a test ask of them.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::configuration::DAEMON;
use crate::topology::IN_CLIENT;

use super::path::CLIENT;

/// It runs until this value goes.
pub struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    /// Listens; gives the port too. All that come have to have `secret` (TCP-MD5), where it is not empty, and may open fast.
    pub fn listen(secret: &str) -> (Self, u16) {
        let mut program = Self::start("0", &["listen", secret]);
        let port = program.line().parse().expect("a port");
        (program, port)
    }

    /// Connects `rounds` times, one after the other; each echoes until the other ends.
    pub fn connect(port: u16, secret: &str, rounds: usize) -> Self {
        Self::start(&port.to_string(), &["connect", secret, &rounds.to_string()])
    }

    /// Connects so as well, but says `bytes` bytes with its SYN where it can, and expects them back.
    pub fn connect_early(port: u16, bytes: usize, rounds: usize) -> Self {
        let words = ["early", &bytes.to_string(), &rounds.to_string()];
        Self::start(&port.to_string(), &words)
    }

    fn start(port: &str, words: &[&str]) -> Self {
        let [program, arguments @ ..] = IN_CLIENT;
        let mut child = Command::new(program)
            .args(arguments)
            .args(["python3", "-S", "-E", "-c", ECHO, CLIENT, DAEMON, port])
            .args(words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    /// The next line it says.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Options: 14 is TCP_MD5SIG (`struct tcp_md5sig`: address, flags, prefix, length, interface, 80 bytes of key), 23
/// TCP_FASTOPEN, 11 TCP_INFO, whose sixth byte tells by bit 5 that data of a SYN was acknowledged.
const ECHO: &str = r#"
import socket, struct, sys, threading
client, daemon, port, role = sys.argv[1:5]
def sign(s, secret):
    if secret:
        key = secret.encode()
        peer = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(daemon)).ljust(128, b"\0")
        s.setsockopt(6, 14, peer + struct.pack("=BBHi", 0, 0, len(key), 0) + key.ljust(80, b"\0"))
def echo(s):
    with s:
        s.settimeout(60)
        while data := s.recv(65536):
            s.sendall(data)
def early(s):
    return s.getsockopt(6, 11, 104)[5] >> 5 & 1
if role == "listen":
    s = socket.socket()
    sign(s, sys.argv[5])
    s.bind((client, 0))
    s.setsockopt(6, 23, 16)
    s.listen(16)
    print(s.getsockname()[1], flush=True)
    while True:
        one, _ = s.accept()
        print(early(one), flush=True)
        threading.Thread(target=echo, args=(one,)).start()
for _ in range(int(sys.argv[6])):
    s = socket.socket()
    s.bind((client, 0))
    if role == "early":
        words = bytes(index % 251 for index in range(int(sys.argv[5])))
        s.sendto(words, socket.MSG_FASTOPEN, (daemon, int(port)))
        s.settimeout(60)
        assert s.recv(len(words), socket.MSG_WAITALL) == words
        print(early(s), flush=True)
    else:
        sign(s, sys.argv[5])
        s.connect((daemon, int(port)))
        print("connected", flush=True)
    echo(s)
"#;
