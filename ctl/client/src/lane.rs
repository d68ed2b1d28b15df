//! The two rings between this process and one worker: commands there, events back.

use coremill_ring::command::Command;
use coremill_ring::consumer::Consumer;
use coremill_ring::event::Event;
use coremill_ring::layout::Layout;
use coremill_ring::message::{Message, SLOTS_MAX};
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
        Ok(match self.speaker.announce() {
            true => Pushed::Asleep,
            false => Pushed::Awake,
        })
    }
}

/// The reading ends of one notifier's events, one ring for each worker.
#[derive(Debug, Default)]
pub(crate) struct Events {
    rings: Vec<Consumer>,
    message: Message,
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
            Consumer::new(slots, head)
        };
        let rings = (0..layout.shape().workers).map(ring).collect::<Option<_>>();
        Some(Self {
            rings: rings?,
            message: Message::new(),
        })
    }

    /// Takes all events that wait; gives how many. States looked at afterwards are at least as new.
    ///
    /// # Errors
    /// When what lies there is no event: the daemon is broken.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(Event)) -> Result<usize, Violation> {
        let mut count = 0;
        for ring in &mut self.rings {
            let before = count;
            while ring.take(&mut self.message)? {
                visit(Event::decode(&self.message)?);
                count += 1;
            }
            if count > before {
                ring.release_and_look();
            }
        }
        Ok(count)
    }
}
