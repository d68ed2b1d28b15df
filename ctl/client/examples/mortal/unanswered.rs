//! Calls that wait for a worker's answer, or for room in its ring, made while the daemon stands still.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr};

use coremill_client::tokio as on_tokio;
use coremill_client::{PeerKey, Stack, TcpListener, TcpSocket, TcpStream, option};
use tokio::runtime::Builder;

use crate::Places;
use crate::blocked::{BLOCKED, nobody, told};

/// Waits until it is told that the daemon stands still, and blocks until all calls have failed.
pub fn run(places: &Places) -> Result<(), Box<dyn Error>> {
    let stack = &Stack::attach(&places.control)?;
    let local = SocketAddr::new(places.listen.ip(), 0);
    let listener = &TcpListener::bind(stack, local)?;
    let stream = &TcpStream::connect(stack, places.kernel)?;
    // Of the same worker, or of the other one: one of these finds its ring full.
    let pushers = [(); 2].map(|()| TcpStream::connect(stack, places.kernel));
    let [first, second] = pushers;
    let pushers = [first?, second?];
    println!("ready");
    io::stdin().read_line(&mut String::new())?;
    std::thread::scope(|scope| {
        scope.spawn(move || told("bind", TcpListener::bind(stack, local).map(drop)));
        scope.spawn(move || told("open", TcpSocket::new(stack).map(drop)));
        scope.spawn(move || told("connect", TcpStream::connect(stack, nobody()).map(drop)));
        scope.spawn(move || told("info", stream.info().map(drop)));
        scope.spawn(move || told("option", stream.option(option::NO_DELAY).map(drop)));
        scope.spawn(move || told("set_option", stream.set_nodelay(true)));
        scope.spawn(move || told("add_key", add_key(listener)));
        scope.spawn(move || told("read_urgent", stream.read_urgent().map(drop)));
        scope.spawn(move || told("shutdown", stream.shutdown(Shutdown::Read)));
        scope.spawn(move || run_tasks(stack, local));
        // All of these have asked before the rings are full.
        std::thread::sleep(BLOCKED);
        for stream in &pushers {
            scope.spawn(move || told("push", push_for_ever(stream)));
        }
        std::thread::sleep(BLOCKED);
        println!("blocked");
    });
    Ok(())
}

fn add_key(listener: &TcpListener) -> io::Result<()> {
    listener.add_key(&PeerKey::md5(nobody().ip(), 32, b"a secret")?)
}

/// Small writes, each a command: there is more room in the buffer than in the ring.
fn push_for_ever(mut stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(b"p")?;
    }
}

fn run_tasks(stack: &Stack, local: SocketAddr) {
    let runtime = Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            let bind = on_tokio::TcpListener::bind(stack, local);
            let connect = on_tokio::TcpStream::connect(stack, nobody());
            tokio::join!(async { told("tokio_bind", bind.await.map(drop)) }, async {
                told("tokio_connect", connect.await.map(drop))
            },);
        }),
        Err(error) => told("tokio", Err(error)),
    }
}
