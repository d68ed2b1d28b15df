//! One attachment and the control socket that hands it out, in the process of a test: a client attaches to it as to the
//! daemon. Whose workers turn behind it, the engine's or a table of the test's own, is the test's affair.

#![forbid(unsafe_code)]

mod control_socket;
mod memories;

pub use control_socket::ControlSocket;
pub use memories::Memories;

/// Why there is no stand-in.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    /// The shape is none.
    #[error(transparent)]
    Shape(#[from] coremill_ring::shape::ShapeError),
    /// The system gave no memory.
    #[error(transparent)]
    Memory(#[from] coremill_ring::memory::MemoryError),
    /// The system gave no descriptor, folder or socket.
    #[error(transparent)]
    System(#[from] std::io::Error),
}
