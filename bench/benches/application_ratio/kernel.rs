//! The kernel's side: the same ends on its sockets, over a veth pair between two namespaces, with epoll.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::exchange::Ends;
use crate::namespaces::{self, SERVER};
use crate::{APPLICATION_CORE, Measured, OTHER_CORE};

/// What a thread does that finds nothing ready.
#[derive(Clone, Copy)]
pub enum Idle {
    /// Sleeps in epoll_wait.
    Sleep,
    /// Asks again at once.
    Spin,
}

/// One thread plays both ends, on one core.
pub fn one_thread(connections: usize, duration: Duration) -> anyhow::Result<Measured> {
    let (clients, servers) = pairs(connections)?;
    on_core(APPLICATION_CORE, || {
        let mut player = Player::new(clients, servers, connections)?;
        player.play(duration, Idle::Spin)
    })
}

/// One thread for the clients' ends and one for the servers', each on a core of its own.
pub fn two_threads(connections: usize, duration: Duration, idle: Idle) -> anyhow::Result<Measured> {
    let (clients, servers) = pairs(connections)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            namespaces::pin(OTHER_CORE)?;
            let mut player = Player::new(Vec::new(), servers, connections)?;
            while !done.load(Relaxed) {
                player.turn(idle)?;
            }
            anyhow::Ok(())
        });
        let measured = on_core(APPLICATION_CORE, || {
            let mut player = Player::new(clients, Vec::new(), connections)?;
            player.play(duration, idle)
        });
        done.store(true, Relaxed);
        let server = server.join();
        server.map_err(|_| anyhow::anyhow!("the server's thread panicked"))??;
        measured
    })
}

struct Player {
    ends: Ends<TcpStream>,
    poll: Poll,
    events: Events,
}

impl Player {
    fn new(
        mut clients: Vec<TcpStream>,
        mut servers: Vec<TcpStream>,
        first_server: usize,
    ) -> anyhow::Result<Self> {
        let poll = Poll::new().context("cannot open an epoll instance")?;
        let clients_tokens = clients.iter_mut().zip(0..);
        for (stream, token) in clients_tokens.chain(servers.iter_mut().zip(first_server..)) {
            poll.registry()
                .register(stream, Token(token), Interest::READABLE)?;
        }
        Ok(Self {
            ends: Ends::new(clients, servers, first_server)?,
            poll,
            events: Events::with_capacity(1_024),
        })
    }

    fn play(&mut self, duration: Duration, idle: Idle) -> anyhow::Result<Measured> {
        self.ends.begin(duration)?;
        while self.ends.at_work() {
            self.turn(idle)?;
        }
        Ok(self.ends.measured())
    }

    fn turn(&mut self, idle: Idle) -> anyhow::Result<()> {
        let patience = match idle {
            Idle::Sleep => Duration::from_millis(50),
            Idle::Spin => Duration::ZERO,
        };
        self.poll.poll(&mut self.events, Some(patience))?;
        for event in &self.events {
            // The clients' ends are closed before the servers' when a round is over.
            if !event.is_read_closed() {
                self.ends.readable(event.token().0)?;
            }
        }
        Ok(())
    }
}

fn on_core(
    core: usize,
    body: impl FnOnce() -> anyhow::Result<Measured> + Send,
) -> anyhow::Result<Measured> {
    thread::scope(|scope| {
        let played = scope.spawn(|| {
            namespaces::pin(core)?;
            body()
        });
        let played = played.join();
        played.map_err(|_| anyhow::anyhow!("a player panicked"))?
    })
}

/// Connected pairs: a socket belongs to the namespace of the thread that opens it.
fn pairs(connections: usize) -> anyhow::Result<(Vec<TcpStream>, Vec<TcpStream>)> {
    thread::scope(|scope| {
        let (listens, listening) = std::sync::mpsc::channel();
        let server = scope.spawn(move || {
            namespaces::move_to("server")?;
            let listener = std::net::TcpListener::bind(SocketAddr::from((SERVER, 0)))?;
            listens.send(listener.local_addr()?)?;
            let accept = |_| own(listener.accept()?.0);
            (0..connections).map(accept).collect::<anyhow::Result<_>>()
        });
        let client = scope.spawn(move || {
            namespaces::move_to("client")?;
            let address = listening.recv()?;
            let connect = |_| own(std::net::TcpStream::connect(address)?);
            (0..connections).map(connect).collect::<anyhow::Result<_>>()
        });
        let lost = |_| anyhow::anyhow!("a thread that connects panicked");
        Ok((client.join().map_err(lost)??, server.join().map_err(lost)??))
    })
}

fn own(stream: std::net::TcpStream) -> anyhow::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}
