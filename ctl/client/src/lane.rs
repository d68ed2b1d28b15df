//! The two rings between this process and one worker: commands there, events back.

use coremill_ring::command::Command;
use coremill_ring::consumer::Consumer;
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::layout::Layout;
use coremill_ring::message::{INLINE_BYTES_MAX, Message, SLOTS_MAX};
use coremill_ring::notifier::Merges;
use coremill_ring::producer::Producer;
use coremill_ring::ready_bits::Speaker;
use coremill_ring::untrusted::Violation;
use coremill_ring::words::{SharedRead, SharedWrite};

/// The writing end of a context's commands to one worker.
#[derive(Debug)]
pub(crate) struct Commands {
    ring: Producer,
    speaker: Speaker,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is in the ring, and the worker is awake.
    Awake,
    /// It is in the ring, and the worker sleeps: ring its bell.
    Asleep,
    /// There is no room now.
    Full,
}

impl Commands {
    pub(crate) fn new(
        layout: &Layout,
        daemon: &SharedRead,
        application: &SharedWrite,
        (context, worker): (u32, u32),
    ) -> Option<Self> {
        let slots = application.part(layout.command_ring(context, worker)?);
        let head = daemon.part(layout.command_head(context, worker)?);
        let bits = application.part(layout.ready_bits(worker)?);
        let sleep = daemon.part(layout.worker(worker)?);
        Some(Self {
            ring: Producer::new(slots, head)?,
            speaker: Speaker::new(bits, sleep, context),
        })
    }

    /// Whether any command has room now.
    ///
    /// # Errors
    /// As `push`.
    pub(crate) fn has_room(&mut self) -> Result<bool, Violation> {
        self.ring.has_room(SLOTS_MAX)
    }

    /// Publishes a command.
    ///
    /// # Errors
    /// When the worker claims to have read what was never written: the daemon is broken.
    pub(crate) fn push(
        &mut self,
        command: &Command,
        payload: &[u8],
        message: &mut Message,
    ) -> Result<Pushed, Violation> {
        command
            .encode(payload, message)
            .ok_or(Violation::BadLength)?;
        if !self.ring.push(message)? {
            return Ok(Pushed::Full);
        }
        Ok(self.announce())
    }

    /// Publishes a `Send` of these bytes.
    ///
    /// # Errors
    /// As `push`, and when they are too many for a message.
    #[inline]
    pub(crate) fn push_send(
        &mut self,
        socket: Handle,
        counts: (u64, u64),
        payload: &[u8],
    ) -> Result<Pushed, Violation> {
        if payload.len() > INLINE_BYTES_MAX {
            return Err(Violation::BadLength);
        }
        match Command::push_send(&mut self.ring, socket, counts, payload)? {
            true => Ok(self.announce()),
            false => Ok(Pushed::Full),
        }
    }

    #[inline]
    fn announce(&self) -> Pushed {
        match self.speaker.announce() {
            true => Pushed::Asleep,
            false => Pushed::Awake,
        }
    }
}

/// The reading ends of one notifier's events, one ring for each worker.
#[derive(Debug, Default)]
pub(crate) struct Events {
    rings: Vec<(Consumer, Merges)>,
}

/// What came of a look at the rings of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drained {
    pub(crate) count: usize,
    /// They say all that there was to say: no state need be looked at for what they tell of.
    pub(crate) tell_all: bool,
}

impl Events {
    pub(crate) fn new(
        layout: &Layout,
        daemon: &SharedRead,
        application: &SharedWrite,
        notifier: u32,
    ) -> Option<Self> {
        let ring = |worker| {
            let slots = daemon.part(layout.event_ring(notifier, worker)?);
            let head = application.part(layout.event_head(notifier, worker)?);
            let merges = daemon.part(layout.event_merges(notifier, worker)?);
            Some((Consumer::new(slots, head)?, Merges::new(merges)))
        };
        let rings = (0..layout.shape().workers).map(ring).collect::<Option<_>>();
        Some(Self { rings: rings? })
    }

    /// Takes all events that wait. States looked at afterwards are at least as new.
    ///
    /// # Errors
    /// When what lies there is no event: the daemon is broken.
    #[inline]
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(Event)) -> Result<Drained, Violation> {
        let mut drained = Drained {
            count: 0,
            tell_all: true,
        };
        for (ring, merges) in &mut self.rings {
            let begun = ring.position();
            while let Some((kind, bytes, words)) = ring.take_slot()? {
                visit(Event::decode_slot(kind, bytes, &words)?);
                drained.count += 1;
            }
            if ring.position() != begun {
                ring.release_and_look();
                drained.tell_all &= merges.are_none_from(begun);
            }
        }
        Ok(drained)
    }
}
