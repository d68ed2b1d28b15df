//! A chat: each line that a client sends goes to all clients, in one thread with a poller. A client that does not read
//! what the others say is told so and dropped; nobody waits for it.
//!
//! `chat /run/coremill/control.sock 0.0.0.0:6000`, then `nc ADDRESS 6000` a few times

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, control, address] = arguments.as_slice() else {
        return Err("usage: chat CONTROL_SOCKET ADDRESS:PORT".into());
    };
    let stack = Stack::attach(control)?;
    let listener = TcpListener::bind(&stack, address.parse()?)?;
    listener.set_nonblocking(true)?;
    let mut poller = Poller::new(&stack)?;
    poller.register(&listener, LISTENER, Interest::READABLE)?;
    println!("chatting on {}", listener.local_addr()?);

    let mut room = Room::default();
    let (mut ready, mut next) = (Vec::new(), LISTENER);
    loop {
        poller.wait(&mut ready, Some(LOOK_EVERY))?;
        let was_full = room.is_full();
        for (token, _) in &ready {
            if *token != LISTENER {
                room.hear(*token);
            } else if let Some(stream) = accept(&listener)? {
                next += 1;
                poller.register(&stream, next, Interest::READABLE)?;
                room.enter(next, stream);
            }
        }
        room.speak(&mut poller)?;
        match (was_full, room.is_full()) {
            // Those that come now wait in the backlog.
            (false, true) => poller.deregister(&listener)?,
            (true, false) => poller.register(&listener, LISTENER, Interest::READABLE)?,
            _ => {}
        }
    }
}

fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok(Some(stream))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// All who are there.
#[derive(Default)]
struct Room {
    clients: HashMap<usize, Client>,
}

impl Room {
    fn is_full(&self) -> bool {
        self.clients.len() >= CLIENTS_MAX
    }

    fn enter(&mut self, number: usize, stream: TcpStream) {
        let mut client = Client::new(stream);
        let others = self.clients.len();
        client.tell(format!("* you are {number}, with {others} others\n").as_bytes());
        self.clients.insert(number, client);
    }

    /// Reads what a client says and puts it into everybody's queue, its own included.
    fn hear(&mut self, number: usize) {
        let client = self.clients.get_mut(&number);
        let Some(client) = client.filter(|client| client.leaves_at.is_none()) else {
            return;
        };
        client.receive();
        for line in client.lines() {
            let mut said = format!("{number}: ").into_bytes();
            said.extend_from_slice(&line);
            for client in self.clients.values_mut() {
                client.tell(&said);
            }
        }
    }

    /// Sends what goes now, and lets go of those who are done.
    fn speak(&mut self, poller: &mut Poller) -> io::Result<()> {
        let now = Instant::now();
        let mut outcome = Ok(());
        self.clients.retain(|number, client| {
            let goes_on = client.send() && client.leaves_at.is_none_or(|time| now < time);
            let wants = client.interest();
            if goes_on && wants != client.waits_for {
                client.waits_for = wants;
                let registered = poller.register(&client.stream, *number, wants);
                outcome = std::mem::replace(&mut outcome, Ok(())).and(registered);
            }
            goes_on
        });
        outcome
    }
}

/// One who chats.
struct Client {
    stream: TcpStream,
    /// What came, up to the last line's end.
    heard: Vec<u8>,
    /// What it is still to be told; bounded by [`QUEUE_BYTES_MAX`].
    queue: Vec<u8>,
    sent: usize,
    waits_for: Interest,
    /// It is told nothing more; gone when its queue is sent, or at this time.
    leaves_at: Option<Instant>,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            heard: Vec::new(),
            queue: Vec::new(),
            sent: 0,
            waits_for: Interest::READABLE,
            leaves_at: None,
        }
    }

    fn interest(&self) -> Interest {
        Interest {
            readable: self.leaves_at.is_none(),
            writable: self.sent < self.queue.len(),
            urgent: false,
        }
    }

    /// Reads once, so that each has its turn.
    fn receive(&mut self) {
        let mut bytes = [0; LINE_BYTES_MAX];
        match self.stream.read(&mut bytes) {
            Ok(0) => self.leave(b""),
            Ok(count) => self
                .heard
                .extend_from_slice(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => {
                self.queue.clear();
                self.sent = 0;
                self.leave(b"");
            }
        }
    }

    /// The whole lines of what it said.
    fn lines(&mut self) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        while let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
            lines.push(self.heard.drain(..=end).collect());
        }
        if self.heard.len() > LINE_BYTES_MAX {
            self.leave(b"* your line is too long\n");
        }
        lines
    }

    fn tell(&mut self, line: &[u8]) {
        if self.leaves_at.is_some() {
            return;
        }
        if self.queue.len() - self.sent + line.len() <= QUEUE_BYTES_MAX {
            self.queue.extend_from_slice(line);
            return;
        }
        // The socket may take more by now; if not, it is too slow.
        if self.send() && self.queue.len() - self.sent + line.len() <= QUEUE_BYTES_MAX {
            self.queue.extend_from_slice(line);
        } else {
            self.queue.clear();
            self.sent = 0;
            self.leave(b"\n* you read too slowly\n");
        }
    }

    fn leave(&mut self, reason: &[u8]) {
        self.queue.extend_from_slice(reason);
        self.leaves_at = Some(Instant::now() + FAREWELL);
    }

    /// Sends as much of the queue as goes now; false when it needs no further attention.
    fn send(&mut self) -> bool {
        while let Some(rest) = self.queue.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.queue.drain(..self.sent);
                    self.sent = 0;
                    return true;
                }
                Err(_) => return false,
            }
        }
        self.queue.clear();
        self.sent = 0;
        self.leaves_at.is_none()
    }
}

const LISTENER: usize = 0;
const CLIENTS_MAX: usize = 2_000;
const LINE_BYTES_MAX: usize = 1 << 10;
/// Beside what the daemon holds for a connection.
const QUEUE_BYTES_MAX: usize = 64 << 10;
/// How long one who leaves has for reading why.
const FAREWELL: Duration = Duration::from_secs(5);
/// How late a farewell may end.
const LOOK_EVERY: Duration = Duration::from_secs(1);
