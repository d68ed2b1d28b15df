//! Ways to read and write beside the plain ones, with the kernel's echo: in pieces, in place, urgent, without waiting.

use std::error::Error;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use coremill_client::{Interest, Poller, Stack, TcpStream};

use super::{LARGE, PATIENCE, call};
use crate::{Places, pattern};

/// Makes these calls.
pub fn run(stack: &Stack, places: &Places) -> Result<(), Box<dyn Error>> {
    let mut stream = call("connect in time", || {
        TcpStream::connect_timeout(stack, places.kernel, PATIENCE)
    })?;
    let (first, second) = (pattern::bytes(0, 100), pattern::bytes(100, LARGE));
    let pieces = [IoSlice::new(&first), IoSlice::new(&second)];
    let mut sent = call("write pieces", || stream.write_vectored(&pieces))?;
    let mut got = call("read pieces", || read_pieces(&mut stream))?;
    while got < sent {
        let received = call("fill", || stream.fill())?;
        let some = received.len().div_ceil(2);
        got += some;
        call("release", || received.release(some))?;
    }
    let mut reserved = call("reserve", || stream.reserve(1_000))?;
    reserved.fill(b'r');
    call("commit more", || reserved.commit_more(1_000))?;
    let reserved = call("reserve again", || stream.reserve(500))?;
    call("commit", || reserved.commit(500))?;
    sent = 1_500 + call("write more", || stream.write_more(b"more"))?;
    let clone = call("clone", || stream.try_clone())?;
    call("close clone", || drop(clone));
    // The kernel's program does not take it, so it does not come back.
    call("send urgent", || stream.send_urgent(b"!"))?;
    call("at mark", || stream.at_mark())?;
    // Nothing urgent came.
    let _none = call("peek urgent", || stream.peek_urgent());
    let _none = call("read urgent", || stream.read_urgent());
    call("read what came back", || {
        stream.read_exact(&mut vec![0; sent])
    })?;
    call("take error", || stream.take_error())?;
    // Everything came back, so that it lingers, for as long as its FIN takes.
    stream.set_linger(Some(Duration::from_secs(5)))?;
    call("close lingering", || drop(stream));
    connect_without_waiting(stack, places)
}

fn read_pieces(stream: &mut TcpStream) -> io::Result<usize> {
    let (mut first, mut second) = ([0; 50], [0; 50]);
    stream.read_vectored(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)])
}

fn connect_without_waiting(stack: &Stack, places: &Places) -> Result<(), Box<dyn Error>> {
    let from = SocketAddr::new(places.listen.ip(), 0);
    let streams = [
        call("begin to connect", || {
            TcpStream::connect_nonblocking(stack, places.kernel)
        })?,
        call("begin to connect from", || {
            TcpStream::connect_nonblocking_from(stack, from, places.kernel)
        })?,
    ];
    let mut poller = Poller::new(stack)?;
    for stream in &streams {
        call("register unopened", || {
            poller.register(stream, 0, Interest::WRITABLE.and_urgent())
        })?;
        call("arm", || poller.arm())?;
        call("wait for connection", || poller.wait(&mut Vec::new(), None))?;
        poller.deregister(stream)?;
    }
    call("close without waiting", || drop(streams));
    let stream = call("connect from in time", || {
        TcpStream::connect_from_timeout(stack, from, places.kernel, PATIENCE)
    })?;
    call("close that", || drop(stream));
    let stream = call("connect with data", || {
        TcpStream::connect_with(stack, places.kernel, b"data")
    })?;
    call("close with data unread", || drop(stream));
    Ok(())
}
