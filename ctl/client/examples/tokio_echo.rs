//! Sends back what comes, a task for each connection.
//!
//! `tokio_echo /run/coremill/control.sock 0.0.0.0:7000`

use std::error::Error;
use std::io;

use coremill_client::Stack;
use coremill_client::tokio::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, control, address] = arguments.as_slice() else {
        return Err("usage: tokio_echo CONTROL_SOCKET ADDRESS:PORT".into());
    };
    let stack = Stack::attach(control)?;
    let listener = TcpListener::bind(&stack, address.parse()?).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = echo(stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    // What comes in pieces goes back in pieces: the peer may wait for less than a full segment.
    stream.set_nodelay(true)?;
    let mut bytes = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut bytes).await?;
        let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else {
            // The peer has ended its direction: we end ours.
            return stream.shutdown().await;
        };
        stream.write_all(read).await?;
    }
}
