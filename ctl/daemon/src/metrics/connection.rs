//! One HTTP connection of the metrics endpoint: one request, one answer, closed.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// The socket.
    pub stream: TcpStream,
    /// When it is given up.
    pub deadline: Instant,
    head: Vec<u8>,
    out: Vec<u8>,
    answered: bool,
}

/// What a connection wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// The answer for a path.
    Get(String),
    /// Only the head of that answer.
    Head(String),
    /// This status, without asking anybody.
    Wrong(Status),
}

/// A status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 200
    Ok,
    /// 400
    BadRequest,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 431
    HeadTooLarge,
    /// 503
    Unavailable,
}

/// How a connection goes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its peer.
    Waiting,
    /// There is a request to answer.
    Asked(Request),
    /// It is over.
    Over,
}

impl Connection {
    /// A fresh connection.
    pub fn new(stream: TcpStream, now: Instant) -> Self {
        Self {
            stream,
            deadline: now + PATIENCE,
            head: Vec::new(),
            out: Vec::new(),
            answered: false,
        }
    }

    /// Moves bytes both ways.
    pub fn advance(&mut self) -> Progress {
        if self.answered {
            return self.flush();
        }
        self.receive()
    }

    fn receive(&mut self) -> Progress {
        let mut bytes = [0; 4 << 10];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Progress::Over,
                Ok(count) => {
                    self.head
                        .extend_from_slice(bytes.get(..count).unwrap_or_default());
                    if let Some(request) = parse(&self.head) {
                        return Progress::Asked(request);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Progress::Waiting;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Progress::Over,
            }
        }
    }

    /// Answers; the body is left out for HEAD.
    pub fn answer(&mut self, status: Status, kind: &str, body: &str, head_only: bool) -> Progress {
        let allow = if status == Status::MethodNotAllowed {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n",
            status.line(),
            body.len()
        );
        self.out = head.into_bytes();
        if !head_only {
            self.out.extend_from_slice(body.as_bytes());
        }
        self.answered = true;
        self.flush()
    }

    fn flush(&mut self) -> Progress {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count @ 1..) => {
                    self.out.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Progress::Waiting;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return Progress::Over,
            }
        }
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
        self.discard()
    }

    /// Closing with unread input would reset the connection, and the peer might lose the answer:
    /// what it still sends is read until it closes, or until the deadline.
    fn discard(&mut self) -> Progress {
        let mut bytes = [0; 4 << 10];
        for _ in 0..DISCARDS_MAX {
            match self.stream.read(&mut bytes) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Progress::Waiting;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return Progress::Over,
            }
        }
        Progress::Over
    }
}

impl Status {
    /// Number and phrase.
    pub fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::Unavailable => "503 Service Unavailable",
        }
    }
}

/// The request in `head`; None when more of it must come.
pub fn parse(head: &[u8]) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let known = match request.parse(head) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_BYTES_MAX => request,
        Ok(httparse::Status::Partial) if head.len() < HEAD_BYTES_MAX => return None,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Some(Request::Wrong(Status::HeadTooLarge));
        }
        Err(_) => return Some(Request::Wrong(Status::BadRequest)),
    };
    let target = known.path.unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    Some(match known.method {
        Some("GET") => Request::Get(path),
        Some("HEAD") => Request::Head(path),
        _ => Request::Wrong(Status::MethodNotAllowed),
    })
}

/// A request's head, all headers included.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// Reads of input that nobody wants, per event: a peer that floods is cut off.
const DISCARDS_MAX: usize = 64;
const HEADERS_MAX: usize = 64;
/// How long a connection may take altogether.
const PATIENCE: Duration = Duration::from_secs(10);
