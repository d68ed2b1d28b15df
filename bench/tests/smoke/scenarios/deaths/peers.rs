//! Peers of the kernel for programs that die: what each got, and how its connection ended.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::configuration::{DAEMON, KERNEL};
use crate::mortal::{ECHO, LISTEN};

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There never was one.
    Refused,
    /// End of stream.
    Fin,
    /// ECONNRESET.
    Reset,
    /// It did not end.
    Hung,
}

/// What became of a peer.
#[derive(Debug)]
pub struct Peer {
    /// Its first byte.
    pub tag: char,
    /// Bytes that it was to send, the first included.
    pub to_send: usize,
    /// Bytes that it received, in order and without a wrong one.
    pub received: usize,
    /// Another byte came than was sent.
    pub is_wrong: bool,
    /// How it ended.
    pub end: End,
}

/// Connects three peers, which send at once; each then reads to the end.
pub fn connect_all() -> Vec<JoinHandle<Peer>> {
    let connect = |(tag, to_send): (char, usize)| {
        let address = SocketAddr::new(DAEMON.parse().expect("an address"), LISTEN);
        let stream = TcpStream::connect_timeout(&address, PATIENCE);
        if let Ok(mut stream) = stream.as_ref() {
            // So that it has come when the program takes the connection.
            let _ = stream.write_all(&[tag as u8]);
            let _ = await_taken(stream);
        }
        std::thread::spawn(move || match stream {
            Ok(stream) => converse(stream, tag, to_send),
            Err(_) => Peer {
                tag,
                to_send,
                received: 0,
                is_wrong: false,
                end: End::Refused,
            },
        })
    };
    SENT.map(connect).into()
}

fn converse(mut stream: TcpStream, tag: char, to_send: usize) -> Peer {
    let timed = stream.set_read_timeout(Some(PATIENCE));
    timed.expect("time-out");
    let mut peer = Peer {
        tag,
        to_send,
        received: 0,
        is_wrong: false,
        end: End::Hung,
    };
    // A reset while sending is found again by reading what is there.
    let sent = stream.write_all(&vec![b's'; to_send - 1]);
    peer.read(&mut stream);
    if peer.end == End::Fin && sent.is_err() {
        peer.end = End::Reset;
    }
    peer
}

/// Waits until the other end has acknowledged everything, or is gone: what comes behind its end is answered by a reset
/// behind the FIN, on Linux too, and nobody could tell whether it was in time.
fn await_taken(stream: &TcpStream) -> Option<()> {
    let port = format!(":{:04X}", stream.local_addr().ok()?.port());
    for _ in 0..TAKEN_TRIES {
        // Local address, remote address, state, bytes to be sent and to be read.
        let table = std::fs::read_to_string("/proc/thread-self/net/tcp").ok()?;
        let mut rows = table.lines().map(|line| line.split_whitespace());
        let row = rows.find(|row| row.clone().nth(1).is_some_and(|at| at.ends_with(&port)));
        if row?.nth(4)?.starts_with("00000000:") {
            return Some(());
        }
        std::thread::sleep(TAKEN_PAUSE);
    }
    None
}

impl Peer {
    /// Reads to the end.
    pub fn read(&mut self, stream: &mut TcpStream) {
        let mut bytes = vec![0; 64 << 10];
        self.end = loop {
            match stream.read(&mut bytes) {
                Ok(0) => break End::Fin,
                Ok(count) => {
                    let expected = self.received..self.received + count;
                    let got = bytes.get(..count).unwrap_or_default();
                    self.is_wrong |= !got.iter().copied().eq(expected.map(pattern));
                    self.received += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break End::Hung,
                Err(_) => break End::Reset,
            }
        };
    }
}

/// The kernel's echo; counts connections that are open.
pub struct Echo {
    open: Arc<AtomicUsize>,
}

impl Echo {
    /// Serves until the test's process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind((KERNEL, ECHO)).expect("listen");
        let open = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&open);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("accept");
                let open = Arc::clone(&counted);
                open.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || {
                    let mut reader = &stream;
                    let mut writer = &stream;
                    // However it ends.
                    let _ = std::io::copy(&mut reader, &mut writer);
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { open }
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// The byte that programs write at a position.
pub fn pattern(at: usize) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
}

/// What each peer sends.
const SENT: [(char, usize); 3] = [('A', 200_100), ('B', 1_000), ('C', 500)];
const PATIENCE: Duration = Duration::from_secs(8);
const TAKEN_TRIES: usize = 1_000;
const TAKEN_PAUSE: Duration = Duration::from_millis(1);
