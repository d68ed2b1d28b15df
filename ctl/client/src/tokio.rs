//! Connections and listeners whose readiness wakes tasks of tokio.

mod listener;
mod reactor;
mod stream;

pub use listener::TcpListener;
pub(crate) use reactor::Reactor;
pub use stream::TcpStream;
