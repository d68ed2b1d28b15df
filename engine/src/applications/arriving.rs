//! Bytes taken where they arrive: from the packet into the chunks of the application that reads them, past the shard's
//! queue and its events. What cannot be taken at once is queued there, and `progress` moves it later.

use coremill_ring::socket_state::Flags;
use coremill_ring::words::prefetch;
use coremill_tcp::Reader;

use super::Applications;
use super::domain::{COOKIE, Domain};
use super::socket_table::{Kind, Place, Slot};
use super::subscribers::READABLE;
use crate::receive::Step;

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

impl Applications {
    /// Has fetched what bytes for a connection will need, one step of it.
    #[inline]
    pub(crate) fn fetch(&self, cookie: u64, step: Step) {
        let place = usize::try_from((cookie & !COOKIE) >> 32).unwrap_or(usize::MAX);
        if cookie & COOKIE != 0
            && let Some(Some(domain)) = self.domains.get(place)
        {
            domain.fetch((cookie & u64::from(u32::MAX)) as u32, step);
        }
    }
}

impl Domain {
    #[inline]
    fn fetch(&self, number: u32, step: Step) {
        if step == Step::Slot {
            return self.sockets.prefetch(number);
        }
        let Some(stream) = self.sockets.stream_of(number) else {
            return;
        };
        let Some(lending) = stream.lending_in(&self.chunks) else {
            return;
        };
        match step {
            Step::Slot => {}
            Step::Lending => prefetch(lending),
            Step::Chunk => {
                let parts = &self.attachment.parts;
                let memory = (&parts.daemon, &parts.layout);
                lending.receive.prefetch(memory, &self.chunks.receive);
            }
        }
    }

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
