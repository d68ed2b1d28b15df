//! Network ports by DPDK. [`Eal`] starts DPDK once in a process, with all ports; each worker takes
//! its queue pair of each port as a [`DpdkPort`], whose packets are [`Mbuf`]s.
//!
//! What net_tap (22.11) does, held by `tests/dpdk_tap.rs`: a queue's interrupt descriptor is its tap
//! queue, level-triggered, never to be read. Packets are announced by a real-time signal to some
//! thread with it unblocked, so a burst may still be empty just after a wake-up, and sleeping threads
//! see EINTR. Checksums are the driver's software: wrong ones arrive as Bad, TCP's field must hold the
//! pseudo-header's sum when sent. A flow comes home to the queue that sent it last, but the kernel
//! learns that after it dealt with the packet: the answer to a flow's first packet may be a stray.

mod arguments;
mod buffer;
mod device;
mod eal;
mod error;
mod offload;
mod pool;
mod port;
mod preflight;
mod quiet;
mod ring_loopback;
mod routes;
mod statistics;
mod steering;
mod worker;

pub use buffer::Mbuf;
pub use eal::{Eal, Links};
pub use error::EalError;
pub use port::DpdkPort;
pub use routes::FibRoutes;
pub use steering::ReceiveSteering;
pub use worker::WorkerRegistration;
