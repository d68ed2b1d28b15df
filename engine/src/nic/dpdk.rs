//! Network ports by DPDK. [`Eal`] starts DPDK once in a process, with all ports; each worker takes
//! its queue pair of each port as a [`DpdkPort`], whose packets are [`Mbuf`]s.

mod arguments;
mod buffer;
mod device;
mod eal;
mod error;
mod offload;
mod pool;
mod port;
mod preflight;
mod ring_loopback;
mod statistics;
mod steering;
mod worker;

pub use buffer::Mbuf;
pub use eal::Eal;
pub use error::EalError;
pub use port::DpdkPort;
pub use steering::ReceiveSteering;
pub use worker::WorkerRegistration;
