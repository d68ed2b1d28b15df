//! Who can be waited for: the sockets of this library alone.

use std::sync::Arc;

use super::{TcpListener, TcpStream, Watched};

/// Keeps others from implementing it.
#[expect(private_interfaces, reason = "nobody outside can name the method")]
pub trait Sealed {
    /// What a poller keeps.
    fn watched(&self) -> Arc<dyn Watched>;
}

#[expect(private_interfaces, reason = "nobody outside can name the method")]
impl Sealed for TcpStream {
    fn watched(&self) -> Arc<dyn Watched> {
        Arc::<super::super::stream::Inner>::clone(&self.inner)
    }
}

#[expect(private_interfaces, reason = "nobody outside can name the method")]
impl Sealed for TcpListener {
    fn watched(&self) -> Arc<dyn Watched> {
        Arc::<super::super::listener::Inner>::clone(&self.inner)
    }
}
