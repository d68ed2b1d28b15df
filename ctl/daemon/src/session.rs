//! One client of the control socket: bounded buffers in and out, one request at a time.

use std::io::{self, Read, Write};

use coremill_protocol::{
    ANSWER_BYTES_MAX, Answer, ErrorKind, Lines, REQUEST_BYTES_MAX, Request, encode,
};
use mio::net::UnixStream;

/// A session.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub stream: UnixStream,
    lines: Lines,
    out: Vec<u8>,
    greeted: bool,
    /// A request is being answered by workers; further ones wait in `lines`.
    waiting: bool,
    /// The peer has sent its last byte.
    ended: bool,
    /// Close when all is written.
    closing: bool,
}

/// What a session wants.
#[derive(Debug, PartialEq)]
pub enum Wish {
    /// Answer this.
    Answer(Request),
    /// Nothing now.
    Nothing,
    /// To be closed.
    Close,
}

impl Session {
    /// A fresh session.
    pub fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            lines: Lines::new(REQUEST_BYTES_MAX),
            out: Vec::new(),
            greeted: false,
            waiting: false,
            ended: false,
            closing: false,
        }
    }

    /// Moves bytes both ways and takes the next request, answering by itself what is no request.
    pub fn next(&mut self) -> Wish {
        loop {
            if self.flush().is_err() {
                return Wish::Close;
            }
            if self.closing {
                return if self.out.is_empty() {
                    Wish::Close
                } else {
                    Wish::Nothing
                };
            }
            // Whoever does not read its answers gets no further ones.
            if self.waiting || !self.out.is_empty() {
                return Wish::Nothing;
            }
            if self.receive().is_err() {
                return Wish::Close;
            }
            match self.lines.next_line() {
                Ok(Some(line)) => {
                    if let Some(request) = self.read(&line) {
                        self.waiting = true;
                        return Wish::Answer(request);
                    }
                }
                Ok(None) => {
                    return if self.ended {
                        Wish::Close
                    } else {
                        Wish::Nothing
                    };
                }
                Err(_) => {
                    let message = format!("request longer than {REQUEST_BYTES_MAX} bytes");
                    self.answer(&Answer::error(ErrorKind::TooLong, message));
                }
            }
        }
    }

    /// Puts an answer into the buffer; `next` writes it.
    pub fn answer(&mut self, answer: &Answer) {
        self.waiting = false;
        if let Answer::Error { error } = answer
            && matches!(
                error.kind,
                ErrorKind::TooLong | ErrorKind::Version | ErrorKind::Forbidden
            )
        {
            self.closing = true;
        }
        match encode(answer) {
            Ok(line) if line.len() <= ANSWER_BYTES_MAX => self.out.extend(line),
            _ => {
                let message = "the answer is longer than the protocol allows; ask for less";
                let error = Answer::error(ErrorKind::Internal, message);
                self.out.extend(encode(&error).unwrap_or_default());
            }
        }
    }

    /// Says why and closes, without having been asked anything.
    pub fn refuse(&mut self, answer: &Answer) {
        self.answer(answer);
        self.closing = true;
    }

    fn read(&mut self, line: &[u8]) -> Option<Request> {
        match serde_json::from_slice::<Request>(line) {
            Ok(request) => {
                if self.greeted || matches!(request, Request::Hello { .. }) {
                    self.greeted = true;
                    return Some(request);
                }
                let message =
                    "the first request of a session is hello, with the protocol's version";
                self.answer(&Answer::error(ErrorKind::NoHello, message));
            }
            Err(error) => {
                self.answer(&Answer::error(
                    ErrorKind::Malformed,
                    format!("not a request: {error}"),
                ));
            }
        }
        None
    }

    /// Reads what has come, up to about one longest request.
    fn receive(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 << 10];
        while !self.ended && self.lines.pending_bytes() < REQUEST_BYTES_MAX {
            match self.stream.read(&mut bytes) {
                Ok(0) => self.ended = true,
                Ok(count) => self.lines.push(bytes.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.out.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
