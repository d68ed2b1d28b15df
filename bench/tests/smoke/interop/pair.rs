//! The two ends of one connection: an application's of ours, and a socket of the client's kernel.

use std::net::{SocketAddr, TcpStream as KernelStream};
use std::time::Duration;

use coremill_client::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::path::CLIENT;
use super::world::World;
use crate::topology::in_client;

/// Who sends the first SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// The client's kernel.
    Kernel,
    /// Our application.
    Ours,
}

impl Opener {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Kernel, Self::Ours];
}

/// What is asked for of both sockets before they are connected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// SO_RCVBUF of the kernel's.
    pub kernel_receive_buffer: Option<usize>,
    /// TCP_CONGESTION of the kernel's.
    pub kernel_algorithm: Option<&'a str>,
    /// Options of ours, by number.
    pub ours: &'a [(u32, i64)],
}

/// Both ends.
pub struct Pair {
    /// Ours.
    pub ours: TcpStream,
    /// The kernel's.
    pub theirs: KernelStream,
}

impl Pair {
    /// Opens a connection.
    pub fn open(world: &World, opener: Opener, wishes: Wishes) -> Self {
        let socket = in_client(|| socket(wishes));
        let (ours, theirs) = match opener {
            Opener::Kernel => {
                let listener = TcpListener::bind(&world.stack, world.fresh_address());
                let listener = listener.expect("listen");
                for (option, value) in wishes.ours {
                    listener.set_option(*option, *value).expect("set");
                }
                let target = listener.local_addr().expect("its address");
                let connected = socket.connect_timeout(&SockAddr::from(target), PATIENCE);
                connected.expect("connect");
                (listener.accept().expect("accept").0, socket)
            }
            Opener::Ours => {
                let any: SocketAddr =
                    (CLIENT.parse::<std::net::IpAddr>().expect("an address"), 0).into();
                socket.bind(&any.into()).expect("bind");
                socket.listen(1).expect("listen");
                let target = socket.local_addr().expect("its address");
                let target = target.as_socket().expect("an address");
                let ours = TcpStream::connect_timeout(&world.stack, target, PATIENCE);
                let ours = ours.unwrap_or_else(|error| panic!("connect: {error}"));
                for (option, value) in wishes.ours {
                    ours.set_option(*option, *value).expect("set");
                }
                (ours, socket.accept().expect("accept").0)
            }
        };
        ours.set_read_timeout(Some(PATIENCE)).expect("set");
        ours.set_write_timeout(Some(PATIENCE)).expect("set");
        theirs.set_read_timeout(Some(PATIENCE)).expect("set");
        theirs.set_write_timeout(Some(PATIENCE)).expect("set");
        let theirs = KernelStream::from(theirs);
        Self { ours, theirs }
    }

    /// The port at the client's end.
    pub fn client_port(&self) -> u16 {
        self.theirs.local_addr().expect("its address").port()
    }
}

fn socket(wishes: Wishes) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("a socket");
    if let Some(bytes) = wishes.kernel_receive_buffer {
        socket.set_recv_buffer_size(bytes).expect("SO_RCVBUF");
    }
    if let Some(name) = wishes.kernel_algorithm {
        socket
            .set_tcp_congestion(name.as_bytes())
            .expect("TCP_CONGESTION");
    }
    socket
}

/// Longer than any transfer here stands still.
const PATIENCE: Duration = Duration::from_secs(30);
