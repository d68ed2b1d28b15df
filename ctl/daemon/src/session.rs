//! One client of the control socket: bounded buffers in and out, one request at a time.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use coremill_protocol::{
    ANSWER_BYTES_MAX, Answer, ErrorKind, Lines, REQUEST_BYTES_MAX, Request, encode,
};
use mio::net::UnixStream;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, recvmsg};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::access::Peer;
use crate::process_watch;

/// A session.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub stream: UnixStream,
    /// Who is at its other end.
    pub peer: Peer,
    /// What the client called itself.
    pub client: String,
    /// When it was opened, in ticks of the system's clock.
    pub opened: u64,
    /// When it last asked for something, or was answered.
    pub last_active: Instant,
    lines: Lines,
    out: Vec<u8>,
    /// To be sent with the first byte of `out`.
    descriptors: Vec<OwnedFd>,
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
    pub fn new(stream: UnixStream, peer: Peer) -> Self {
        Self {
            stream,
            peer,
            client: String::new(),
            opened: process_watch::now_ticks(),
            last_active: Instant::now(),
            descriptors: Vec::new(),
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
            if self.closing {
                continue;
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
        self.last_active = Instant::now();
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

    /// As `answer`, with descriptors beside it.
    pub fn answer_with(&mut self, answer: &Answer, descriptors: Vec<OwnedFd>) {
        self.descriptors = descriptors;
        self.answer(answer);
    }

    /// Whether it has asked for nothing for longer than `timeout`. One that never ends a request, or does not read its
    /// answers, asks for nothing either.
    pub fn is_idle(&self, now: Instant, timeout: Duration) -> bool {
        !self.waiting && now.saturating_duration_since(self.last_active) > timeout
    }

    /// Whether descriptors wait to be sent.
    pub fn holds_descriptors(&self) -> bool {
        !self.descriptors.is_empty()
    }

    fn read(&mut self, line: &[u8]) -> Option<Request> {
        match serde_json::from_slice::<Request>(line) {
            Ok(request) => {
                if let Request::Hello { client, .. } = &request {
                    self.greeted = true;
                    self.client.clone_from(client);
                }
                if self.greeted {
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

    /// How many bytes can be read that bring no descriptors; None when those that come next do. Whoever receives
    /// descriptors closes them, wanted or not, and a socket that lingers would hold up everybody for as long.
    fn peek(&self, bytes: &mut [u8]) -> Result<Option<usize>, Errno> {
        let mut nowhere = RecvAncillaryBuffer::new(&mut []);
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let seen = recvmsg(
            &self.stream,
            &mut [IoSliceMut::new(bytes)],
            &mut nowhere,
            flags,
        )?;
        let brings_descriptors = seen.flags.contains(ReturnFlags::CTRUNC);
        Ok((!brings_descriptors).then_some(seen.bytes))
    }

    /// Reads what has come, up to about one longest request.
    fn receive(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 << 10];
        while !self.ended && !self.closing && self.lines.pending_bytes() < REQUEST_BYTES_MAX {
            let seen = match self.peek(&mut bytes) {
                Ok(seen) => seen,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(count) = seen else {
                self.closing = true;
                let message = "a session takes no descriptors; it is closed";
                self.answer(&Answer::error(ErrorKind::Malformed, message));
                break;
            };
            let bytes = bytes.get_mut(..count).unwrap_or_default();
            match self.stream.read(bytes) {
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
            match self.write() {
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

    /// Writes what the socket takes; descriptors go with the first byte, and are then no longer ours.
    fn write(&mut self) -> io::Result<usize> {
        if self.descriptors.is_empty() {
            return self.stream.write(&self.out);
        }
        let given: Vec<_> = self.descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(given.len()))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&given)) {
            return Err(io::Error::other(
                "no room for descriptors; this is a bug in coremilld",
            ));
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let count = sendmsg(
            &self.stream,
            &[IoSlice::new(&self.out)],
            &mut control,
            flags,
        )?;
        if count > 0 {
            self.descriptors.clear();
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
