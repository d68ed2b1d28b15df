//! An HTTP server for the files below a folder: GET and HEAD, keep-alive, any size, in one thread with a poller.
//!
//! `file_server /run/coremill/control.sock 0.0.0.0:8000 FOLDER`

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Take, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, control, address, folder] = arguments.as_slice() else {
        return Err("usage: file_server CONTROL_SOCKET ADDRESS:PORT FOLDER".into());
    };
    let folder = Path::new(folder).canonicalize()?;
    let stack = Stack::attach(control)?;
    let listener = TcpListener::bind(&stack, address.parse()?)?;
    listener.set_nonblocking(true)?;
    let mut poller = Poller::new(&stack)?;
    poller.register(&listener, LISTENER, Interest::READABLE)?;
    println!("serving {} on {}", folder.display(), listener.local_addr()?);

    let mut connections: HashMap<usize, Connection> = HashMap::new();
    let (mut ready, mut next, mut looked) = (Vec::new(), LISTENER, Instant::now());
    loop {
        poller.wait(&mut ready, Some(LOOK_EVERY))?;
        let was_full = connections.len() >= CONNECTIONS_MAX;
        for (token, _) in &ready {
            if *token == LISTENER {
                if let Some(connection) = accept(&listener)? {
                    next += 1;
                    poller.register(&connection.stream, next, Interest::READABLE)?;
                    connections.insert(next, connection);
                }
            } else if let Some(connection) = connections.get_mut(token) {
                let before = connection.interest();
                let goes_on = connection.go_on(&folder);
                let after = connection.interest();
                if !goes_on {
                    connections.remove(token);
                } else if before != after {
                    poller.register(&connection.stream, *token, after)?;
                }
            }
        }
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            connections.retain(|_, connection| connection.active.elapsed() < IDLE_MAX);
        }
        match (was_full, connections.len() >= CONNECTIONS_MAX) {
            // Those that come now wait in the backlog.
            (false, true) => poller.deregister(&listener)?,
            (true, false) => poller.register(&listener, LISTENER, Interest::READABLE)?,
            _ => {}
        }
    }
}

fn accept(listener: &TcpListener) -> io::Result<Option<Connection>> {
    match listener.accept() {
        Ok((stream, _)) => {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok(Some(Connection::new(stream)))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// A connection, what it asked, and what of the answer is yet to be sent.
struct Connection {
    stream: TcpStream,
    asked: Vec<u8>,
    /// The head of an answer, or a piece of the file.
    bytes: Vec<u8>,
    sent: usize,
    /// The rest of the file.
    file: Option<Take<File>>,
    ends: bool,
    /// Its share of a turn was over before its work.
    has_more: bool,
    /// When it last got on.
    active: Instant,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            asked: Vec::new(),
            bytes: Vec::new(),
            sent: 0,
            file: None,
            ends: false,
            has_more: false,
            active: Instant::now(),
        }
    }

    /// One who must still send reads nothing more.
    fn interest(&self) -> Interest {
        match self.has_more || self.sent < self.bytes.len() || self.file.is_some() {
            true => Interest::WRITABLE,
            false => Interest::READABLE,
        }
    }

    /// Sends and receives as much as goes now; false at the end.
    fn go_on(&mut self, folder: &Path) -> bool {
        self.active = Instant::now();
        self.has_more = false;
        for _ in 0..ROUNDS_MAX {
            match self.step(folder) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        self.has_more = true;
        true
    }

    /// Does the next thing: sends, fetches what is to be sent, or receives.
    fn step(&mut self, folder: &Path) -> io::Result<bool> {
        if let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            self.sent += self.stream.write(rest)?;
            return Ok(true);
        }
        if let Some(file) = &mut self.file {
            self.bytes.resize(PIECE_BYTES, 0);
            let count = file.read(&mut self.bytes)?;
            self.bytes.truncate(count);
            self.sent = 0;
            if file.limit() == 0 {
                self.file = None;
            } else if count == 0 {
                // It became shorter than was promised.
                return Ok(false);
            }
            return Ok(true);
        }
        if self.ends {
            return Ok(false);
        }
        if let Some((request, length)) = parse(&self.asked)? {
            self.asked.drain(..length);
            self.ends = !request.keep_alive;
            (self.bytes, self.file) = answer(folder, &request);
            self.sent = 0;
            return Ok(true);
        }
        if self.asked.len() > REQUEST_BYTES_MAX {
            return Ok(false);
        }
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes)?;
        self.asked
            .extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(count > 0)
    }
}

/// What matters of a request.
struct Request {
    method: String,
    target: String,
    keep_alive: bool,
}

/// A request and its length, when all of it is there.
fn parse(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(bytes);
    let parsed = parsed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let connection = request.headers.iter();
    let mut connection = connection.filter(|header| header.name.eq_ignore_ascii_case("connection"));
    let says = |word: &str, value: &[u8]| value.eq_ignore_ascii_case(word.as_bytes());
    let keep_alive = match connection.next() {
        Some(header) if request.version == Some(0) => says("keep-alive", header.value),
        Some(header) => !says("close", header.value),
        None => request.version == Some(1),
    };
    let request = Request {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        keep_alive,
    };
    Ok(Some((request, length)))
}

/// The head of the answer, and the file behind it.
fn answer(folder: &Path, request: &Request) -> (Vec<u8>, Option<Take<File>>) {
    if !["GET", "HEAD"].contains(&request.method.as_str()) {
        return (head("405 Method Not Allowed", 0, request), None);
    }
    // Nothing but plain files is opened: a pipe would make all wait.
    let path = path_of(folder, &request.target).filter(|path| path.is_file());
    let opened = path.and_then(|path| File::open(path).ok());
    let known = opened.and_then(|file| file.metadata().ok().map(|about| (file, about)));
    let Some((file, about)) = known else {
        return (head("404 Not Found", 0, request), None);
    };
    let wanted = request.method == "GET" && about.len() > 0;
    let head = head("200 OK", about.len(), request);
    (head, wanted.then(|| file.take(about.len())))
}

fn head(status: &str, length: u64, request: &Request) -> Vec<u8> {
    let connection = match request.keep_alive {
        true => "keep-alive",
        false => "close",
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: application/octet-stream\r\n\
         Connection: {connection}\r\n\r\n"
    );
    head.into_bytes()
}

/// The file that a target names, only ever one below the folder.
fn path_of(folder: &Path, target: &str) -> Option<PathBuf> {
    let relative = Path::new(target.split('?').next()?.strip_prefix('/')?);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !relative.components().all(plain) {
        return None;
    }
    // A link may lead elsewhere.
    let path = folder.join(relative).canonicalize().ok()?;
    path.starts_with(folder).then_some(path)
}

const LISTENER: usize = 0;
const CONNECTIONS_MAX: usize = 1_000;
const REQUEST_BYTES_MAX: usize = 16 << 10;
const PIECE_BYTES: usize = 64 << 10;
/// So that one fast connection leaves the others their share of a turn.
const ROUNDS_MAX: usize = 8;
/// Who neither asks nor takes anything for so long makes room for others.
const IDLE_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_secs(1);
