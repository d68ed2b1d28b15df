//! Sends back what comes, for any number of connections, in one thread with a poller.
//!
//! `echo /run/coremill/control.sock 0.0.0.0:7000`

use std::collections::HashMap;
use std::error::Error;
use std::io::{ErrorKind, Read, Write};

use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, control, address] = arguments.as_slice() else {
        return Err("usage: echo CONTROL_SOCKET ADDRESS:PORT".into());
    };
    let stack = Stack::attach(control)?;
    let listener = TcpListener::bind(&stack, address.parse()?)?;
    listener.set_nonblocking(true)?;
    let mut poller = Poller::new(&stack)?;
    poller.register(&listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);

    let mut connections = HashMap::new();
    let (mut ready, mut next) = (Vec::new(), LISTENER);
    loop {
        poller.wait(&mut ready, None)?;
        for (token, _) in &ready {
            if *token == LISTENER {
                let stream = match listener.accept() {
                    Ok((stream, _)) => stream,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                    Err(error) => return Err(error.into()),
                };
                next += 1;
                stream.set_nonblocking(true)?;
                // What comes in pieces goes back in pieces: the peer may wait for less than a full segment.
                stream.set_nodelay(true)?;
                poller.register(&stream, next, Interest::READABLE)?;
                connections.insert(next, Connection::new(stream));
            } else if let Some(connection) = connections.get_mut(token) {
                let before = connection.interest();
                let goes_on = connection.go_on();
                let after = connection.interest();
                if !goes_on {
                    connections.remove(token);
                } else if before != after {
                    poller.register(&connection.stream, *token, after)?;
                }
            }
        }
    }
}

/// A connection and what it has yet to send back.
struct Connection {
    stream: TcpStream,
    bytes: Vec<u8>,
    sent: usize,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            bytes: Vec::with_capacity(BYTES_MAX),
            sent: 0,
        }
    }

    /// One who must still send reads nothing more.
    fn interest(&self) -> Interest {
        match self.sent < self.bytes.len() {
            true => Interest::WRITABLE,
            false => Interest::READABLE,
        }
    }

    /// Sends and receives as much as goes now; false at the end.
    fn go_on(&mut self) -> bool {
        loop {
            if self.sent < self.bytes.len() {
                match self
                    .stream
                    .write(self.bytes.get(self.sent..).unwrap_or_default())
                {
                    Ok(count) => self.sent += count,
                    Err(error) => return error.kind() == ErrorKind::WouldBlock,
                }
                continue;
            }
            self.bytes.resize(BYTES_MAX, 0);
            let read = self.stream.read(&mut self.bytes);
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            self.sent = 0;
            match read {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }
}

const LISTENER: usize = 0;
const BYTES_MAX: usize = 64 << 10;
