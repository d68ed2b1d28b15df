//! Threads of which each blocks in another call; each says when its call failed, and how.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coremill_client::{Interest, Options, Poller, Stack, TcpListener, TcpStream};

use crate::Places;

/// Blocks, until all calls have failed.
pub fn run(places: &Places) -> Result<(), Box<dyn Error>> {
    let stack = Stack::attach_with(&places.control, options())?;
    let listener = TcpListener::bind(&stack, places.listen)?;
    let polled = TcpListener::bind(&stack, SocketAddr::new(places.listen.ip(), 0))?;
    let reader = TcpStream::connect(&stack, places.kernel)?;
    let writer = TcpStream::connect(&stack, places.kernel)?;
    // Nobody has this address: its neighbour is asked for in vain.
    let nobody = SocketAddr::new([10, 99, 0, 77].into(), 9);
    std::thread::scope(|scope| {
        let stack = &stack;
        scope.spawn(move || told("accept", listener.accept().map(drop)));
        scope.spawn(move || told("read", (&reader).read(&mut [0; 100]).map(drop)));
        scope.spawn(move || told("write", write_for_ever(&writer)));
        scope.spawn(move || told("connect", connect(stack, nobody)));
        scope.spawn(move || told("poll", poll(stack, &polled)));
        // Longer than the spinning: all of them sleep.
        std::thread::sleep(Duration::from_millis(300));
        println!("blocked");
    });
    Ok(())
}

fn options() -> Options {
    Options::default()
}

fn write_for_ever(mut stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(&[b'w'; 64 << 10])?;
    }
}

fn connect(stack: &Stack, nobody: SocketAddr) -> io::Result<()> {
    loop {
        match TcpStream::connect(stack, nobody) {
            Err(error) if error.raw_os_error() == Some(EHOSTUNREACH) => {}
            other => return other.map(drop),
        }
    }
}

fn poll(stack: &Stack, listener: &TcpListener) -> io::Result<()> {
    let mut poller = Poller::new(stack)?;
    poller.register(listener, 0, Interest::READABLE)?;
    poller.wait(&mut Vec::new(), None).map(drop)
}

/// One line: the call, the time, the error's number.
fn told(call: &str, result: io::Result<()>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_us = now.map_or(0, |now| now.as_micros());
    let error = result.err().and_then(|error| error.raw_os_error());
    println!("{call} {now_us} {}", error.unwrap_or(0));
}

const EHOSTUNREACH: i32 = 113;
