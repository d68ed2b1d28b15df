//! Threads and tasks of which each blocks in another call; each says when its call failed, and how.

use std::error::Error;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coremill_client::tokio as on_tokio;
use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

use crate::Places;

/// Blocks, until all calls have failed.
pub fn run(places: &Places) -> Result<(), Box<dyn Error>> {
    let stack = &Stack::attach(&places.control)?;
    let listener = TcpListener::bind(stack, places.listen)?;
    let polled = TcpListener::bind(stack, SocketAddr::new(places.listen.ip(), 0))?;
    let silent = || TcpStream::connect(stack, places.kernel);
    let (reader, scatterer, peeker, filler) = (silent()?, silent()?, silent()?, silent()?);
    let (writer, gatherer, reserver, lingerer) = (silent()?, silent()?, silent()?, silent()?);
    std::thread::scope(|scope| {
        scope.spawn(move || told("accept", listener.accept().map(drop)));
        scope.spawn(move || told("poll", poll(stack, &polled)));
        scope.spawn(move || told("connect", connect(stack)));
        scope.spawn(move || told("read", (&reader).read(&mut [0; 100]).map(drop)));
        scope.spawn(move || told("read_vectored", scatter(&scatterer)));
        scope.spawn(move || told("peek", peeker.peek(&mut [0; 100]).map(drop)));
        scope.spawn(move || told("fill", filler.fill().map(drop)));
        scope.spawn(move || told("write", write_for_ever(&writer)));
        scope.spawn(move || told("write_vectored", gather_for_ever(&gatherer)));
        scope.spawn(move || told("reserve", reserve_for_ever(&reserver)));
        scope.spawn(move || told("linger", linger(lingerer)));
        scope.spawn(move || run_tasks(stack, places));
        // Longer than the spinning, and than a buffer takes to fill: all of them sleep.
        std::thread::sleep(BLOCKED);
        println!("blocked");
    });
    Ok(())
}

/// One line: the call, the time, the error's number.
pub fn told(call: &str, result: io::Result<()>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_us = now.map_or(0, |now| now.as_micros());
    let error = result.err().and_then(|error| error.raw_os_error());
    println!("{call} {now_us} {}", error.unwrap_or(0));
}

fn poll(stack: &Stack, listener: &TcpListener) -> io::Result<()> {
    let mut poller = Poller::new(stack)?;
    poller.register(listener, 0, Interest::READABLE)?;
    poller.wait(&mut Vec::new(), None).map(drop)
}

fn connect(stack: &Stack) -> io::Result<()> {
    loop {
        match TcpStream::connect(stack, nobody()) {
            Err(error) if error.raw_os_error() == Some(EHOSTUNREACH) => {}
            other => return other.map(drop),
        }
    }
}

fn scatter(mut stream: &TcpStream) -> io::Result<()> {
    let (mut first, mut second) = ([0; 10], [0; 10]);
    let pieces = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    stream.read_vectored(pieces).map(drop)
}

fn write_for_ever(mut stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(&[b'w'; 64 << 10])?;
    }
}

fn gather_for_ever(mut stream: &TcpStream) -> io::Result<()> {
    let pieces = [IoSlice::new(&[b'v'; 1_000]), IoSlice::new(&[b'w'; 9_000])];
    // How much of it was taken does not matter.
    while stream.write_vectored(&pieces)? > 0 {}
    Ok(())
}

fn reserve_for_ever(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.reserve(16 << 10)?.commit(16 << 10)?;
    }
}

/// Drops a connection whose peer's window is full.
fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let until = Instant::now() + BLOCKED / 2;
    while Instant::now() < until {
        match stream.write(&[b'l'; 64 << 10]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            written => drop(written?),
        }
    }
    stream.set_linger(Some(Duration::from_secs(60)))?;
    drop(stream);
    Ok(())
}

fn run_tasks(stack: &Stack, places: &Places) {
    let runtime = Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            tokio::join!(
                async { told("tokio_accept", accept_task(stack, places).await) },
                async { told("tokio_connect", connect_task(stack).await) },
                async { told("tokio_read", read_task(stack, places).await) },
                async { told("tokio_write", write_task(stack, places).await) },
            );
        }),
        Err(error) => told("tokio", Err(error)),
    }
}

async fn accept_task(stack: &Stack, places: &Places) -> io::Result<()> {
    let local = SocketAddr::new(places.listen.ip(), 0);
    let listener = on_tokio::TcpListener::bind(stack, local).await?;
    listener.accept().await.map(drop)
}

async fn connect_task(stack: &Stack) -> io::Result<()> {
    loop {
        match on_tokio::TcpStream::connect(stack, nobody()).await {
            Err(error) if error.raw_os_error() == Some(EHOSTUNREACH) => {}
            other => return other.map(drop),
        }
    }
}

async fn read_task(stack: &Stack, places: &Places) -> io::Result<()> {
    let mut stream = on_tokio::TcpStream::connect(stack, places.kernel).await?;
    stream.read(&mut [0; 100]).await.map(drop)
}

async fn write_task(stack: &Stack, places: &Places) -> io::Result<()> {
    let mut stream = on_tokio::TcpStream::connect(stack, places.kernel).await?;
    loop {
        stream.write_all(&[b't'; 64 << 10]).await?;
    }
}

/// Nobody has this address: its neighbour is asked for in vain.
pub fn nobody() -> SocketAddr {
    SocketAddr::new([10, 99, 0, 77].into(), 9)
}

/// After this time all calls sleep.
pub const BLOCKED: Duration = Duration::from_millis(500);
const EHOSTUNREACH: i32 = 113;
