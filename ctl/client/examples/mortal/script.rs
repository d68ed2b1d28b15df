//! Every call of the library in a fixed order, with peers of the kernel that tests bring along.
//!
//! Three peers connect; each says which one it is by its first byte. What was read and written is told line by line, so
//! that a test knows what a peer must have got when this process dies.

mod options;
mod sockets;
mod tasks;
mod transfers;

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use coremill_client::{Interest, Options, Poller, Stack, TcpListener, TcpStream};
use coremill_ring::injection::{passed, phase, point};

use crate::{Places, pattern};

/// Runs all of it, then says which points were passed: a line each of phase, point and times, with tabs between.
pub fn list(places: &Places) -> Result<(), Box<dyn Error>> {
    run(places)?;
    for (phase, point, times) in passed() {
        println!("point\t{phase}\t{point}\t{times}");
    }
    Ok(())
}

/// Runs all of it, or as far as it was told to live.
pub fn run(places: &Places) -> Result<(), Box<dyn Error>> {
    // Without looking around first, so that sleeping is part of it.
    let options = Options {
        spin: Duration::ZERO,
        ..Options::default()
    };
    let stack = call("attach", || Stack::attach_with(&places.control, options))?;
    let listener = call("listen", || TcpListener::bind(&stack, places.listen))?;
    let mut poller = call("poller", || Poller::new(&stack))?;
    call("register", || {
        poller.register(&listener, 0, Interest::READABLE)
    })?;
    println!("listening");
    call("wait", || poller.wait(&mut Vec::new(), None))?;
    call("deregister", || poller.deregister(&listener))?;
    await_peers()?;
    let mut peers = HashMap::new();
    while peers.len() < PEERS {
        let (stream, _) = call("accept", || listener.accept())?;
        let mut tag = [0];
        call("peek", || stream.peek(&mut tag))?;
        peers.insert(tag[0], stream);
    }
    let mut peer = |tag| peers.remove(&tag).ok_or("no such peer");
    talk(peer(b'A')?)?;
    leave_unread(peer(b'B')?)?;
    watch(peer(b'C')?, &mut poller)?;
    connect(&stack, places)?;
    transfers::run(&stack, places)?;
    options::run(&stack, places)?;
    sockets::run(&stack, places)?;
    tasks::run(&stack, places)?;
    call("listener closed", || drop(listener));
    call("poller closed", || drop(poller));
    call("detach", || drop(stack));
    Ok(())
}

/// Waits until the test says that what all peers sent first has come: how a connection ends depends on it.
fn await_peers() -> io::Result<()> {
    println!("awaiting");
    io::stdin().read_line(&mut String::new()).map(drop)
}

/// A conversation with much in it, read to its end.
fn talk(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut small = [0; 100];
    call("read small", || stream.read_exact(&mut small))?;
    println!("read A 100");
    let mut large = vec![0; LARGE];
    call("read large", || stream.read_exact(&mut large))?;
    println!("read A {}", 100 + LARGE);
    call("no delay", || stream.set_nodelay(true))?;
    call("keepalive", || stream.set_keepalive(true))?;
    // Whether it is taken is another test's.
    let _ = call("linger", || stream.set_linger(None));
    call("write small", || stream.write_all(&pattern::bytes(0, 50)))?;
    println!("wrote A 50");
    call("write large", || {
        stream.write_all(&pattern::bytes(50, LARGE))
    })?;
    println!("wrote A {}", 50 + LARGE);
    call("local address", || stream.local_addr())?;
    call("end writing", || stream.shutdown(Shutdown::Write))?;
    call("read the end", || stream.read_to_end(&mut Vec::new()))?;
    println!("done A 0");
    call("close", || drop(stream));
    Ok(())
}

/// Closes although there is something to read.
fn leave_unread(stream: TcpStream) -> Result<(), Box<dyn Error>> {
    call("close unread", || drop(stream));
    Ok(())
}

/// Reads and writes as a poller says.
fn watch(mut stream: TcpStream, poller: &mut Poller) -> Result<(), Box<dyn Error>> {
    stream.set_nonblocking(true)?;
    let both = Interest {
        readable: true,
        writable: true,
        urgent: false,
    };
    call("register stream", || poller.register(&stream, 1, both))?;
    let mut got = 0;
    while got < FEW {
        call("wait for stream", || poller.wait(&mut Vec::new(), None))?;
        let mut bytes = vec![0; FEW];
        match call("read now", || stream.read(&mut bytes)) {
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    println!("read C {FEW}");
    call("write now", || stream.write(&pattern::bytes(0, 200)))?;
    println!("wrote C 200");
    call("deregister stream", || poller.deregister(&stream))?;
    call("end reading", || stream.shutdown(Shutdown::Read))?;
    println!("done C 0");
    call("close watched", || drop(stream));
    Ok(())
}

/// Connects to the kernel, and to nobody.
fn connect(stack: &Stack, places: &Places) -> Result<(), Box<dyn Error>> {
    let mut stream = call("connect", || TcpStream::connect(stack, places.kernel))?;
    let sent = pattern::bytes(0, LARGE);
    call("write echo", || stream.write_all(&sent))?;
    let mut back = vec![0; LARGE];
    call("read echo", || stream.read_exact(&mut back))?;
    if back != sent {
        return Err("the echo is another".into());
    }
    call("end both", || stream.shutdown(Shutdown::Both))?;
    call("close echo", || drop(stream));
    let local = SocketAddr::new(places.listen.ip(), 0);
    let from = call("connect from", || {
        TcpStream::connect_from(stack, local, places.kernel)
    })?;
    call("close unused", || drop(from));
    let nobody = SocketAddr::new(places.kernel.ip(), 1);
    let refused = call("connect refused", || TcpStream::connect(stack, nobody));
    refused.err().ok_or("somebody listens there")?;
    Ok(())
}

/// A call, with a point before and behind it.
fn call<T>(name: &'static str, act: impl FnOnce() -> T) -> T {
    phase(name);
    // Workers sleep by then, and all calls find them so.
    std::thread::sleep(PAUSE);
    point("before the call");
    let result = act();
    point("behind the call");
    result
}

const PEERS: usize = 3;
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than a worker spins.
const PAUSE: Duration = Duration::from_millis(2);
/// Bytes of a large read or write.
const LARGE: usize = 200_000;
/// Bytes that the third peer sends.
const FEW: usize = 500;
