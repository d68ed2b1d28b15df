//! The same on tokio: a task connects to another one of this very program.

use std::error::Error;
use std::net::SocketAddr;

use coremill_client::Stack;
use coremill_client::tokio::{TcpListener, TcpStream};
use coremill_ring::injection::{phase, point};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

use super::{LARGE, call};
use crate::{Places, pattern};

/// Makes these calls.
pub fn run(stack: &Stack, places: &Places) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(converse(stack, places))?;
    call("end of runtime", || drop(runtime));
    Ok(())
}

async fn converse(stack: &Stack, places: &Places) -> Result<(), Box<dyn Error>> {
    let local = SocketAddr::new(places.listen.ip(), 0);
    let listener = begun("task listens", TcpListener::bind(stack, local)).await?;
    let local = listener.local_addr()?;
    let connect = TcpStream::connect(stack, local);
    let both = async { tokio::join!(connect, listener.accept()) };
    let (client, server) = begun("tasks connect and accept", both).await;
    let (mut client, (mut server, _)) = (client?, server?);
    client.peer_addr()?;
    client.local_addr()?;
    call("task sets no delay", || client.set_nodelay(true))?;
    call("task asks", || client.get_ref().nodelay())?;
    let (bytes, mut back) = (pattern::bytes(0, LARGE), vec![0; LARGE]);
    let both = async { tokio::join!(client.write_all(&bytes), server.read_exact(&mut back)) };
    let (written, read) = begun("tasks write and read", both).await;
    written?;
    read?;
    begun("task ends writing", client.shutdown()).await?;
    let count = begun("task reads the end", server.read(&mut back)).await?;
    if count != 0 {
        return Err("more than was written".into());
    }
    call("task's connections closed", || drop((client, server)));
    let stream = call("thread connects", || {
        coremill_client::TcpStream::connect(stack, places.kernel)
    })?;
    let stream = call("task takes over", || TcpStream::from_stream(stream))?;
    call("task closes", || drop(stream));
    call("task's listener closed", || drop(listener));
    Ok(())
}

/// As `call`, of what is waited for as a task.
async fn begun<T>(name: &'static str, act: impl Future<Output = T>) -> T {
    phase(name);
    point("before the call");
    let result = act.await;
    point("behind the call");
    result
}
