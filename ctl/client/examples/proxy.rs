//! Passes TCP connections on to another server, in one thread with a poller. Each direction ends by itself: who shuts
//! down writing is still answered.
//!
//! `proxy /run/coremill/control.sock 0.0.0.0:8080 192.0.2.1:80`

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, control, address, target] = arguments.as_slice() else {
        return Err("usage: proxy CONTROL_SOCKET ADDRESS:PORT TARGET:PORT".into());
    };
    let (address, target) = (address.parse()?, target.parse()?);
    let stack = Stack::attach(control)?;
    let listener = TcpListener::bind(&stack, address)?;
    listener.set_nonblocking(true)?;
    let mut poller = Poller::new(&stack)?;
    poller.register(&listener, LISTENER, Interest::READABLE)?;
    println!("passing {} on to {target}", listener.local_addr()?);

    let mut pairs: HashMap<usize, Pair> = HashMap::new();
    let (mut ready, mut next) = (Vec::new(), 0);
    loop {
        poller.wait(&mut ready, None)?;
        for (token, _) in &ready {
            if *token == LISTENER {
                let accepted = accept(&stack, &listener, target);
                if let Some(mut pair) = accepted? {
                    next += 1;
                    pair.register(&mut poller, next)?;
                    pairs.insert(next, pair);
                }
                if pairs.len() == PAIRS_MAX {
                    // Those that come now wait in the backlog.
                    poller.deregister(&listener)?;
                }
                continue;
            }
            // Both ends of a pair may be ready in one turn, and the first may have ended it.
            let number = token / 2;
            let Some(pair) = pairs.get_mut(&number) else {
                continue;
            };
            match pair.go_on() {
                Ok(true) => pair.register(&mut poller, number)?,
                ended => {
                    if let Err(error) = ended {
                        eprintln!("{}: {error}", pair.name);
                    }
                    if pairs.len() == PAIRS_MAX {
                        poller.register(&listener, LISTENER, Interest::READABLE)?;
                    }
                    pairs.remove(&number);
                }
            }
        }
    }
}

/// Takes a connection, if there is one, and begins to connect on its behalf.
fn accept(
    stack: &Stack,
    listener: &TcpListener,
    target: SocketAddr,
) -> Result<Option<Pair>, Box<dyn Error>> {
    let (client, peer) = match listener.accept() {
        Ok(accepted) => accepted,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    client.set_nonblocking(true)?;
    match TcpStream::connect_nonblocking(stack, target) {
        Ok(server) => Ok(Some(Pair::new(client, server, peer))),
        Err(error) => {
            // The client's connection is closed; the next one may fare better.
            eprintln!("{peer}: {error}");
            Ok(None)
        }
    }
}

/// A client, the server it talks to, and what is on its way between them.
struct Pair {
    name: SocketAddr,
    client: End,
    server: End,
    is_connected: bool,
}

/// One end of a pair, and what was read from it but not yet written to the other end.
struct End {
    stream: TcpStream,
    bytes: Vec<u8>,
    written: usize,
    /// It sends nothing more, and the other end was told so.
    ended: bool,
    registered: Option<Interest>,
}

impl Pair {
    fn new(client: TcpStream, server: TcpStream, name: SocketAddr) -> Self {
        Self {
            name,
            client: End::new(client),
            server: End::new(server),
            is_connected: false,
        }
    }

    /// Moves what can be moved now; false when both directions have ended.
    fn go_on(&mut self) -> io::Result<bool> {
        if !self.is_connected {
            // Until now only that was waited for.
            if let Some(error) = self.server.stream.take_error()? {
                return Err(error);
            }
            self.is_connected = true;
        }
        self.client.pass_to(&self.server.stream)?;
        self.server.pass_to(&self.client.stream)?;
        Ok(!(self.client.ended && self.server.ended))
    }

    /// Waits for what each end needs next: to be read when nothing of it is under way, to be written to when something
    /// is under way to it.
    fn register(&mut self, poller: &mut Poller, number: usize) -> io::Result<()> {
        let (client, server) = match self.is_connected {
            true => (
                (self.client.is_empty(), !self.server.is_idle()),
                (self.server.is_empty(), !self.client.is_idle()),
            ),
            false => ((false, false), (false, true)),
        };
        self.client.register(poller, number * 2, client)?;
        self.server.register(poller, number * 2 + 1, server)
    }
}

impl End {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            written: 0,
            ended: false,
            registered: None,
        }
    }

    /// Nothing is under way, and more may come.
    fn is_empty(&self) -> bool {
        self.is_idle() && !self.ended
    }

    /// Nothing is under way.
    fn is_idle(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Reads here and writes there, and at the end of the stream ends the other one.
    fn pass_to(&mut self, other: &TcpStream) -> io::Result<()> {
        for _ in 0..ROUNDS_MAX {
            while let Some(rest) = self
                .bytes
                .get(self.written..)
                .filter(|rest| !rest.is_empty())
            {
                match { other }.write(rest) {
                    Ok(count) => self.written += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            if self.ended {
                return Ok(());
            }
            self.bytes.resize(BYTES_MAX, 0);
            self.written = 0;
            let read = self.stream.read(&mut self.bytes);
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => {
                    self.ended = true;
                    return other.shutdown(Shutdown::Write);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn register(
        &mut self,
        poller: &mut Poller,
        token: usize,
        (readable, writable): (bool, bool),
    ) -> io::Result<()> {
        let wanted = (readable || writable).then_some(Interest {
            readable,
            writable,
            urgent: false,
        });
        if wanted == self.registered {
            return Ok(());
        }
        self.registered = wanted;
        match wanted {
            Some(interest) => poller.register(&self.stream, token, interest),
            // A connection's end would be told again and again to one who does not wait for anything else.
            None => poller.deregister(&self.stream),
        }
    }
}

const LISTENER: usize = 0;
/// Connections passed on at once: each takes two sockets of the daemon's `applications.sockets`.
const PAIRS_MAX: usize = 1_000;
const BYTES_MAX: usize = 64 << 10;
/// So that one fast connection leaves the others their share of a turn.
const ROUNDS_MAX: usize = 4;
