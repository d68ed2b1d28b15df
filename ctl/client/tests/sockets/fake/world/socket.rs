//! One socket of the application, and the end of a connection that it is.

use std::collections::VecDeque;
use std::net::SocketAddr;

use coremill_ring::accept_ring::Offers;
use coremill_ring::handle::Handle;
use coremill_ring::receive_queue::ReceiveQueue;
use coremill_ring::send_lease::SendLease;
use coremill_ring::socket_state::{Condition, Flags, StateWriter};

pub struct Socket {
    pub handle: Handle,
    pub worker: u32,
    pub state: StateWriter,
    pub condition: Condition,
    pub local: Option<SocketAddr>,
    pub listener: Option<Vec<Offers>>,
    /// Slot of the other end.
    pub peer: Option<u32>,
    pub receive: ReceiveQueue,
    pub lease: SendLease,
    pub received: u64,
    pub sent: u64,
    pub delivered: u64,
    pub in_flight: VecDeque<u8>,
    pub fin: bool,
    pub closed: bool,
    pub wanted: Option<usize>,
    /// Notifier and ticket.
    pub subscriptions: Vec<(u32, u64)>,
    pub changed: bool,
}

impl Socket {
    pub fn add(&mut self, flags: Flags) {
        self.condition.flags = self.condition.flags.and(flags);
        self.state.set_condition(self.condition);
        self.state.raise_readable();
        self.state.raise_writable();
        self.changed = true;
    }
}

pub fn find(slots: &mut [(u32, Option<Socket>)], socket: Handle) -> Option<&mut Socket> {
    let (_, found) = slots.get_mut(socket.slot as usize)?;
    found
        .as_mut()
        .filter(|found| found.handle == socket && !found.closed)
}
