//! The kernel's side: closed-loop requests over loopback with non-blocking sockets and epoll.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::{Measured, REQUEST_BYTES};

/// One thread plays both ends of all connections.
pub fn one_thread(connections: usize, duration: Duration) -> anyhow::Result<Measured> {
    let (clients, servers) = pairs(connections)?;
    let mut ends = Ends::new(clients)?;
    let first_server = ends.streams.len();
    ends.add(servers)?;
    let mut exchange = Exchange::start(&mut ends, first_server)?;
    while exchange.started.elapsed() < duration {
        ends.wait(|token, stream| match token < first_server {
            true => exchange.answered(token, stream),
            false => echo(stream),
        })?;
    }
    Ok(exchange.measured())
}

/// One thread for the clients' ends and one for the servers'.
pub fn two_threads(connections: usize, duration: Duration) -> anyhow::Result<Measured> {
    let (clients, servers) = pairs(connections)?;
    let mut client_ends = Ends::new(clients)?;
    let mut server_ends = Ends::new(servers)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| -> io::Result<()> {
            while !done.load(Relaxed) {
                server_ends.wait(|_, stream| echo(stream))?;
            }
            Ok(())
        });
        let measured = play(&mut client_ends, duration);
        done.store(true, Relaxed);
        server
            .join()
            .map_err(|_| anyhow::anyhow!("the server's thread panicked"))??;
        measured
    })
}

fn play(clients: &mut Ends, duration: Duration) -> anyhow::Result<Measured> {
    let count = clients.streams.len();
    let mut exchange = Exchange::start(clients, count)?;
    while exchange.started.elapsed() < duration {
        clients.wait(|token, stream| exchange.answered(token, stream))?;
    }
    Ok(exchange.measured())
}

/// Streams of one poller; a stream's token is its index.
struct Ends {
    poll: Poll,
    events: Events,
    streams: Vec<TcpStream>,
}

impl Ends {
    fn new(streams: Vec<TcpStream>) -> io::Result<Self> {
        let mut ends = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(256),
            streams: Vec::new(),
        };
        ends.add(streams)?;
        Ok(ends)
    }

    fn add(&mut self, streams: Vec<TcpStream>) -> io::Result<()> {
        for mut stream in streams {
            let token = Token(self.streams.len());
            self.poll
                .registry()
                .register(&mut stream, token, Interest::READABLE)?;
            self.streams.push(stream);
        }
        Ok(())
    }

    fn wait(
        &mut self,
        mut ready: impl FnMut(usize, &mut TcpStream) -> io::Result<()>,
    ) -> io::Result<()> {
        self.poll
            .poll(&mut self.events, Some(Duration::from_millis(50)))?;
        for event in &self.events {
            let index = event.token().0;
            ready(index, &mut self.streams[index])?;
        }
        Ok(())
    }
}

/// The clients' view: when each request left, and how long answers took.
struct Exchange {
    started: Instant,
    sent: Vec<Instant>,
    latencies: Histogram<u64>,
}

impl Exchange {
    /// Sends the first request on the first `count` streams.
    fn start(ends: &mut Ends, count: usize) -> anyhow::Result<Self> {
        for stream in &mut ends.streams[..count] {
            stream.write_all(&[0x5a; REQUEST_BYTES])?;
        }
        let started = Instant::now();
        Ok(Self {
            started,
            sent: vec![started; count],
            latencies: Histogram::new_with_max(LATENCY_MAX, 3)?,
        })
    }

    fn answered(&mut self, index: usize, stream: &mut TcpStream) -> io::Result<()> {
        let mut answer = [0; REQUEST_BYTES];
        // A request this small crosses loopback in one segment, so an answer arrives whole.
        loop {
            match stream.read(&mut answer) {
                Ok(REQUEST_BYTES) => {}
                Ok(length) => return Err(io::Error::other(format!("answer of {length} bytes"))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            let now = Instant::now();
            let nanoseconds = (now - self.sent[index]).as_nanos();
            self.latencies
                .saturating_record(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
            self.sent[index] = now;
            stream.write_all(&answer)?;
        }
    }

    fn measured(&self) -> Measured {
        Measured {
            requests_per_second: self.latencies.len() as f64 / self.started.elapsed().as_secs_f64(),
            p50_nanoseconds: self.latencies.value_at_quantile(0.50),
            p99_nanoseconds: self.latencies.value_at_quantile(0.99),
        }
    }
}

fn echo(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = [0; REQUEST_BYTES];
    loop {
        match stream.read(&mut request) {
            // The client's end is closed before the server's at the end of a round.
            Ok(0) => return Ok(()),
            Ok(length) => stream.write_all(&request[..length])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn pairs(connections: usize) -> io::Result<(Vec<TcpStream>, Vec<TcpStream>)> {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let mut clients = Vec::new();
    let mut servers = Vec::new();
    for _ in 0..connections {
        let client = std::net::TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        for (stream, side) in [(client, &mut clients), (server, &mut servers)] {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            side.push(TcpStream::from_std(stream));
        }
    }
    Ok((clients, servers))
}

/// Ten seconds, in nanoseconds.
const LATENCY_MAX: u64 = 10_000_000_000;
