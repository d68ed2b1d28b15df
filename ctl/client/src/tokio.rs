//! Sockets for programs on tokio: the same connections, with [`AsyncRead`] and [`AsyncWrite`].
//!
//! All sockets that were made in one runtime share one notifier, whose doorbell is tokio's one descriptor of them. Make
//! and use them inside a runtime with its IO enabled.
//!
//! ```no_run
//! use coremill_client::Stack;
//! use coremill_client::tokio::{TcpListener, TcpStream};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let stack = Stack::attach("/run/coremill/control.sock")?;
//! let listener = TcpListener::bind(&stack, "0.0.0.0:7".parse()?).await?;
//! let (stream, peer) = listener.accept().await?;
//! println!("{peer} is connected");
//! # Ok(())
//! # }
//! ```
//!
//! [`AsyncRead`]: ::tokio::io::AsyncRead
//! [`AsyncWrite`]: ::tokio::io::AsyncWrite

mod listener;
mod reactor;
mod stream;

pub use listener::TcpListener;
pub(crate) use reactor::Reactor;
pub use stream::TcpStream;
