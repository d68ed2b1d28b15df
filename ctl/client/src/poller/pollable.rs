//! Who can be waited for: the sockets of this library alone.

use std::sync::Arc;

use super::Watched;
use crate::listener::TcpListener;
use crate::stream::TcpStream;

/// What a poller can wait for: [`TcpStream`] and [`TcpListener`].
///
/// ```no_run
/// use coremill_client::{Interest, Pollable, Poller};
///
/// fn watch(poller: &mut Poller, sources: &[impl Pollable]) -> std::io::Result<()> {
///     let mut numbered = sources.iter().enumerate();
///     numbered.try_for_each(|(token, source)| poller.register(source, token, Interest::BOTH))
/// }
/// ```
pub trait Pollable: Sealed {}

impl Pollable for TcpStream {}
impl Pollable for TcpListener {}

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
