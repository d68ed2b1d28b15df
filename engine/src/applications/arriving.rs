//! Bytes taken where they arrive: from the packet into the chunks of the application that reads them, past the shard's
//! queue and its events. What cannot be taken at once is queued there, and `progress` moves it later.

use coremill_ring::socket_state::Flags;
use coremill_tcp::Reader;

use super::Applications;
use super::domain::{COOKIE, Domain};
use super::socket_table::{Kind, Place, Slot};
use super::subscribers::READABLE;

impl Reader for Applications {
    #[inline]
    fn take(&mut self, cookie: u64, bytes: &[u8]) -> usize {
        let place = usize::try_from((cookie & !COOKIE) >> 32).unwrap_or(usize::MAX);
        if cookie & COOKIE == 0 {
            return 0;
        }
        match self.domains.get_mut(place) {
            Some(Some(domain)) if domain.is_served() => {
                domain.arrive((cookie & u64::from(u32::MAX)) as u32, bytes)
            }
            _ => 0,
        }
    }
}

impl Domain {
    /// Publishes bytes that are next on the connection of this number; gives how many found room.
    #[inline]
    fn arrive(&mut self, number: u32, bytes: &[u8]) -> usize {
        let Self {
            sockets,
            chunks,
            attachment,
            to_tell,
            ..
        } = self;
        let Some(Place {
            state,
            slot:
                Slot {
                    socket: Some(socket),
                    is_listed,
                    ..
                },
            ..
        }) = sockets.at(number)
        else {
            return 0;
        };
        // Before it was announced as connected its first event comes first.
        let is_connected = socket.flags.contains(Flags::CONNECTED);
        let Kind::Stream(stream) = &mut socket.kind else {
            return 0;
        };
        if !is_connected {
            return 0;
        }
        let count = stream.arrive(bytes, (state, chunks, attachment));
        if count > 0 {
            state.raise_readable();
            socket.edges |= READABLE;
            if !std::mem::replace(is_listed, true) {
                to_tell.push_back(number);
            }
            self.has_arrived = true;
            self.counts.received_bytes += count as u64;
        }
        count
    }
}
