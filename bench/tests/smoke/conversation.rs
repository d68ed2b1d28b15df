//! Two ends that send and check at once, and the half-close between them; for sockets of the kernel and of Coremill.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use crate::application::pattern;

/// A stream with two directions that end by themselves.
pub trait Stream: Sync {
    /// Ends our direction.
    fn end(&self) -> io::Result<()>;
    /// As [`Read::read`].
    fn receive(&self, bytes: &mut [u8]) -> io::Result<usize>;
    /// As [`Write::write_all`].
    fn send(&self, bytes: &[u8]) -> io::Result<()>;
}

impl Stream for std::net::TcpStream {
    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn receive(&self, bytes: &mut [u8]) -> io::Result<usize> {
        { self }.read(bytes)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        { self }.write_all(bytes)
    }
}

impl Stream for coremill_client::TcpStream {
    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn receive(&self, bytes: &mut [u8]) -> io::Result<usize> {
        { self }.read(bytes)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        { self }.write_all(bytes)
    }
}

/// Who ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Ends after its bytes, then hears the other's late words.
    First,
    /// Speaks once more when the other has ended.
    Second,
}

/// Plays one end: sends `bytes` bytes and checks as many of the other end's at the same time.
pub fn converse(stream: &impl Stream, turn: Turn, bytes: usize) {
    let (mine, yours) = match turn {
        Turn::First => (FIRST, SECOND),
        Turn::Second => (SECOND, FIRST),
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            stream.send(&pattern(mine, bytes)).expect("send");
            if turn == Turn::First {
                stream.end().expect("end our direction");
            }
        });
        expect(stream, &pattern(yours, bytes), "what came meanwhile");
        if turn == Turn::First {
            expect(stream, &pattern(LATE, LATE_BYTES), "late words");
        }
        let mut none = [0];
        let count = stream.receive(&mut none).expect("the end of the stream");
        assert_eq!(count, 0, "{turn:?} got more than was sent");
    });
    if turn == Turn::Second {
        stream
            .send(&pattern(LATE, LATE_BYTES))
            .expect("send to one who has ended");
        stream.end().expect("end our direction");
    }
}

fn expect(stream: &impl Stream, bytes: &[u8], what: &str) {
    let mut rest = bytes;
    let mut piece = vec![0; 64 << 10];
    while !rest.is_empty() {
        let room = piece.len().min(rest.len());
        let count = stream.receive(&mut piece[..room]).expect("receive");
        let at = bytes.len() - rest.len();
        assert!(count > 0, "{what}: ended after {at} of {}", bytes.len());
        let (front, behind) = rest.split_at(count);
        assert!(piece[..count] == *front, "{what}: others at {at}");
        rest = behind;
    }
}

const FIRST: u64 = 1;
const SECOND: u64 = 2;
const LATE: u64 = 3;
const LATE_BYTES: usize = 100_000;
