//! Bytes on their way between sockets, and what those who subscribed hear of it.

use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::socket_state::Flags;
use coremill_ring::untrusted::Violation;

use super::World;
use super::socket::find;

impl World {
    /// Moves bytes in flight to where they go; true when any moved.
    pub fn deliver(&mut self) -> bool {
        // Chunks may have come back since: who waits for room is looked at once more.
        for socket in self
            .slots
            .iter_mut()
            .filter_map(|(_, socket)| socket.as_mut())
        {
            socket.changed |= socket.wanted.is_some() && !socket.closed;
        }
        let mut moved = false;
        for slot in 0..u32::try_from(self.slots.len()).expect("small") {
            moved |= self.deliver_from(slot);
        }
        moved
    }

    fn deliver_from(&mut self, slot: u32) -> bool {
        let Some(mut from) = self.slots[slot as usize].1.take() else {
            return false;
        };
        let mut moved = false;
        if let Some(peer) = from.peer {
            let to = self.slots[peer as usize]
                .1
                .as_mut()
                .expect("a peer lives as long");
            let room = usize::try_from(WINDOW - to.receive.unread().min(WINDOW)).expect("small");
            let bytes: Vec<u8> = from.in_flight.iter().copied().take(room).collect();
            let count = match to.closed {
                true => bytes.len(),
                false => {
                    let memory = (&self.daemon, &self.layout);
                    let books = (&mut self.receive_chunks, &to.state);
                    let count = to.receive.write_at(to.received, &bytes, memory, books);
                    to.receive.publish(count, &to.state);
                    to.received += count as u64;
                    count
                }
            };
            if count > 0 {
                from.in_flight.drain(..count);
                from.delivered += count as u64;
                from.state
                    .set_sent(from.sent, from.delivered, from.delivered + WINDOW);
                from.state.raise_writable();
                to.state.raise_readable();
                (from.changed, to.changed, moved) = (true, true, true);
            }
            if from.fin && from.in_flight.is_empty() && !to.condition.flags.contains(Flags::RDHUP) {
                to.add(Flags::RDHUP);
                from.add(Flags::DELIVERED);
                moved = true;
            }
        }
        let over = from.closed
            && from.peer.is_none_or(|peer| {
                self.slots[peer as usize]
                    .1
                    .as_ref()
                    .is_none_or(|peer| peer.closed)
            });
        if !over {
            self.slots[slot as usize].1 = Some(from);
        } else if let Some(peer) = from.peer {
            self.slots[peer as usize].1 = None;
        }
        moved
    }

    /// Shows what changed to `post`, with notifier and worker; it says whether the event need not be shown again.
    pub fn changed(&mut self, mut post: impl FnMut((u32, u32), u32, &Event) -> bool) {
        let Self {
            slots, send_chunks, ..
        } = self;
        for (slot, (_, socket)) in (0..).zip(slots) {
            let Some(socket) = socket.as_mut().filter(|socket| socket.changed) else {
                continue;
            };
            socket.changed = false;
            while let Some(wanted) = socket.wanted {
                let Some(grant) = socket.lease.grant(wanted, send_chunks) else {
                    break;
                };
                let event = Event::Granted {
                    socket: socket.handle,
                    grant,
                };
                // As an event that stands for itself: under a number of its own, which no subscription has.
                assert!(
                    post((0, socket.worker), u32::MAX, &event),
                    "room for a grant"
                );
                socket.wanted = None;
            }
            socket.changed |= socket.wanted.is_some();
            for (notifier, ticket) in &socket.subscriptions {
                let event = Event::Ready {
                    ticket: *ticket,
                    socket: socket.handle,
                    flags: socket.condition.flags,
                    received: socket.received,
                    acknowledged: socket.delivered,
                    unread: None,
                };
                socket.changed |= !post((*notifier, socket.worker), slot, &event);
            }
        }
    }

    pub fn has_changed(&self) -> bool {
        let mut sockets = self.slots.iter().filter_map(|(_, socket)| socket.as_ref());
        sockets.any(|socket| socket.changed)
    }

    pub(super) fn send(
        &mut self,
        socket: Handle,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Violation> {
        let Some(socket) = find(&mut self.slots, socket) else {
            return Ok(());
        };
        if offset != socket.sent || socket.sent + bytes.len() as u64 > socket.delivered + WINDOW {
            return Err(Violation::CountBeyond);
        }
        socket.sent += bytes.len() as u64;
        socket.in_flight.extend(bytes);
        Ok(())
    }

    pub(super) fn read(&mut self, socket: Handle, read: u64) -> Result<(), Violation> {
        let Self {
            slots,
            receive_chunks,
            ..
        } = self;
        if let Some(socket) = find(slots, socket) {
            socket
                .receive
                .give_back(read, receive_chunks, &socket.state)?;
        }
        Ok(())
    }
}
/// Bytes that may be in flight, and as many unread.
pub(super) const WINDOW: u64 = 64 << 10;
