//! What both contestants play: requests of 64 bytes, and replies, in a closed loop on each connection.
//! One read and one write for each end and exchange; who waits, and how, is the contestant's affair.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Measured;

/// The ends that one thread plays. A stream's token is its number among the clients, or behind all of them among the servers.
pub struct Ends<S> {
    clients: Vec<Client<S>>,
    servers: Vec<S>,
    /// Token of the first server.
    first_server: usize,
    started: Instant,
    /// No request begins after this.
    end: Instant,
    last_answer: Instant,
    outstanding: usize,
    latencies: Histogram<u64>,
}

struct Client<S> {
    stream: S,
    sent: Instant,
}

impl<S: Read + Write> Ends<S> {
    /// Plays these; `first_server` is the number of clients of all threads together.
    pub fn new(clients: Vec<S>, servers: Vec<S>, first_server: usize) -> anyhow::Result<Self> {
        let now = Instant::now();
        let client = |stream| Client { stream, sent: now };
        Ok(Self {
            clients: clients.into_iter().map(client).collect(),
            servers,
            first_server,
            started: now,
            end: now,
            last_answer: now,
            outstanding: 0,
            latencies: Histogram::new_with_max(LATENCY_MAX, 3)?,
        })
    }

    /// Sends the first request on each connection; the last one begins when `duration` has passed.
    pub fn begin(&mut self, duration: Duration) -> io::Result<()> {
        self.latencies.reset();
        self.started = Instant::now();
        self.end = self.started + duration;
        self.outstanding = self.clients.len();
        for client in &mut self.clients {
            client.sent = Instant::now();
            send(&mut client.stream, &[0x5a; REQUEST_BYTES])?;
        }
        Ok(())
    }

    /// Clients that this thread plays.
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// Whether answers are still to come.
    pub fn at_work(&self) -> bool {
        self.outstanding > 0
    }

    /// Goes on with the connection that became readable.
    pub fn readable(&mut self, token: usize) -> io::Result<()> {
        match token.checked_sub(self.first_server) {
            None => self.answered(token),
            Some(server) => echo(self.servers.get_mut(server).ok_or(ErrorKind::NotFound)?),
        }
    }

    /// What this thread's clients saw since they began.
    pub fn measured(&self) -> Measured {
        let seconds = (self.last_answer - self.started).as_secs_f64();
        Measured {
            exchanges: self.latencies.len(),
            exchanges_per_second: self.latencies.len() as f64 / seconds,
            p50_nanoseconds: self.latencies.value_at_quantile(0.50) as f64,
            p99_nanoseconds: self.latencies.value_at_quantile(0.99) as f64,
        }
    }

    fn answered(&mut self, token: usize) -> io::Result<()> {
        let client = self.clients.get_mut(token).ok_or(ErrorKind::NotFound)?;
        let mut answer = [0; ROOM_BYTES];
        if receive(&mut client.stream, &mut answer)? == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let nanoseconds = u64::try_from((now - client.sent).as_nanos()).unwrap_or(u64::MAX);
        self.latencies.saturating_record(nanoseconds);
        self.last_answer = now;
        if now >= self.end {
            self.outstanding -= 1;
            return Ok(());
        }
        client.sent = now;
        send(&mut client.stream, answer.split_at(REQUEST_BYTES).0)
    }
}

fn echo<S: Read + Write>(stream: &mut S) -> io::Result<()> {
    let mut request = [0; ROOM_BYTES];
    match receive(stream, &mut request)? {
        0 => Ok(()),
        _ => send(stream, request.split_at(REQUEST_BYTES).0),
    }
}

/// Receives one message; 0 when there is none. There is room for more than one, so that one read finds out that
/// nothing is left, as epoll(7) says of edges.
fn receive(stream: &mut impl Read, room: &mut [u8; ROOM_BYTES]) -> io::Result<usize> {
    match stream.read(room) {
        Ok(REQUEST_BYTES) => Ok(REQUEST_BYTES),
        // So small a message is one segment, and there is one at a time.
        Ok(length) => Err(io::Error::other(format!("a message of {length} bytes"))),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error),
    }
}

fn send(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    match stream.write(message)? {
        REQUEST_BYTES => Ok(()),
        count => Err(io::Error::other(format!("only {count} bytes were taken"))),
    }
}

pub const REQUEST_BYTES: usize = 64;
const ROOM_BYTES: usize = 256;
/// Ten seconds, in nanoseconds.
const LATENCY_MAX: u64 = 10_000_000_000;
