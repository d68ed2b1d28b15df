//! Sockets of Coremill for Rust programs.
//!
//! A program attaches to the daemon `coremilld` and then uses TCP sockets that look like those of
//! [`std::net`]. The daemon owns the sockets; this library talks to its workers through shared memory, without a
//! system call as long as both sides are busy.
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use coremill_client::{Stack, TcpListener};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stack = Stack::attach("/run/coremill/control.sock")?;
//! let listener = TcpListener::bind(&stack, "0.0.0.0:7000".parse()?)?;
//! let (mut stream, peer) = listener.accept()?;
//! println!("{peer} is connected");
//! let mut bytes = [0; 1024];
//! let count = stream.read(&mut bytes)?;
//! stream.write_all(&bytes[..count])?;
//! # Ok(())
//! # }
//! ```
//!
//! # Processes and threads
//!
//! One process attaches once. A forked child must not use its parent's stack. Descriptors of streams do not exist, so that
//! they can neither be inherited nor passed on.
//!
//! All types may be shared between threads, and clones of a [`TcpStream`] are one connection. Threads of one [`Stack`]
//! take turns at a lock for each command, and one that sleeps listens to the doorbell for all others that do. A
//! [`Poller`] belongs to one thread at a time and has a doorbell of its own; the daemon's configuration says how many
//! there may be (`applications.notifiers`).
//!
//! # Waiting
//!
//! Blocking calls look for a short time ([`Options::spin`]) before they sleep. Calls of a socket that does not block
//! wait for no worker either: what comes of them later is told by [`TcpStream::take_error`]. Where a worker is so far
//! behind that it has no room for a command they give [`std::io::ErrorKind::WouldBlock`], or the command goes as soon as
//! there is some; calls that block give `ENOBUFS` after ten seconds, and have done nothing. Sockets of other workers go
//! on meanwhile. A time-out gives [`std::io::ErrorKind::WouldBlock`], as in `std`. Nothing wakes up by itself to look around, unless
//! [`Options::fallback`] says how often: each wait trusts that the daemon rings.
//!
//! Other event loops wait for a poller's descriptor; see [`Poller`]. With the feature `tokio` there are sockets for
//! tokio in the module `tokio`.
//!
//! # Bytes
//!
//! Small writes (up to 256 bytes) travel inside a command; larger ones are copied into chunks that the daemon lends. What
//! was written is the daemon's to deliver, also when the program ends right after, unless [`OnDeath::Reset`] was chosen.
//!
//! [`TcpStream::fill`] shows received bytes where they lie, and they do not change until they are released;
//! [`TcpStream::reserve`] lends room of which the committed part is sent. Dropping either takes
//! nothing and sends nothing; committing gives the room up. Each holds its end of the connection: other readers, or other
//! writers, wait until it is dropped.
//!
//! # Ends and errors
//!
//! When the daemon ends, or ends the attachment, every call fails with `ECONNRESET`; calls that sleep wake up at once.
//! Errors are Linux's, with its numbers ([`std::io::Error::raw_os_error`]). Options that are not to be had give
//! `ENOPROTOOPT`.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod announced;
mod attach;
mod context;
mod error;
mod fresh;
mod keys;
mod lane;
mod listener;
mod poller;
mod reading;
mod socket;
mod stack;
mod stream;
/// Sockets for programs on tokio: the same connections, with [`AsyncRead`] and [`AsyncWrite`].
///
/// All sockets that were made in one runtime share one notifier, whose doorbell is tokio's one descriptor of them. Make
/// and use them inside a runtime with its IO enabled.
///
/// ```no_run
/// use coremill_client::Stack;
/// use coremill_client::tokio::{TcpListener, TcpStream};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let stack = Stack::attach("/run/coremill/control.sock")?;
/// let listener = TcpListener::bind(&stack, "0.0.0.0:7".parse()?).await?;
/// let (stream, peer) = listener.accept().await?;
/// println!("{peer} is connected");
/// # Ok(())
/// # }
/// ```
///
/// [`AsyncRead`]: ::tokio::io::AsyncRead
/// [`AsyncWrite`]: ::tokio::io::AsyncWrite
#[cfg(feature = "tokio")]
pub mod tokio;
mod told;

pub use coremill_ring::option;
pub use error::AttachError;
pub use fresh::TcpSocket;
pub use keys::{AoAlgorithm, AoInfo, AoKey, PeerKey};
pub use listener::TcpListener;
pub use poller::{Interest, Pollable, Poller, Readiness};
pub use stack::{OnDeath, Options, Stack};
pub use stream::{
    CongestionInfo, EcnCounts, EcnInfo, MemoryInfo, Received, Reserved, Statistics, TcpInfo,
    TcpState, TcpStream,
};
