//! What one worker has of one attached application.

use std::collections::VecDeque;
use std::sync::Arc;

use coremill_ring::accept_ring::Offers;
use coremill_ring::consumer::Consumer;
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::ready_bits::Listener as ReadyBits;
use coremill_ring::untrusted::Violation;
use coremill_tcp::Instant;

use super::attachment::{AttachError, Attachment, AttachmentId};
use super::budget::Budget;
use super::chunks::Chunks;
use super::forwarding::Forwarded;
use super::key_store::KeyStore;
use super::leaving::Leaving;
use super::listening::Listening;
use super::mail::{Mail, Posted};
use super::socket_table::SocketTable;
use super::watching::Watched;
use crate::snapshot::ApplicationRow;

/// A worker's part of an attached application. The control thread builds and drops it, so that the worker neither
/// allocates nor frees.
#[derive(Debug)]
pub struct Domain {
    pub(super) attachment: Arc<Attachment>,
    pub(super) worker: u32,
    pub(super) workers: u32,
    /// Where in the worker's list of domains it is: part of the cookies.
    pub(super) place: u16,
    pub(super) contexts: Box<[Context]>,
    /// A command that another worker handed over and that found no memory.
    pub(super) stalled: Option<Forwarded>,
    pub(super) ready_bits: ReadyBits,
    /// Contexts whose rings may hold commands, a bit each.
    pub(super) flagged: [u64; 8],
    /// Contexts whose rings are looked at in each turn.
    pub(super) watched: Watched,
    /// What is left of its part of this turn.
    pub(super) budget: Budget,
    /// The context that goes first in the next turn.
    pub(super) first_context: u32,
    pub(super) mails: Box<[Mail]>,
    pub(super) sockets: SocketTable,
    pub(super) chunks: Chunks,
    pub(super) listening: Box<[Listening]>,
    /// Sockets with something to tell.
    pub(super) to_tell: VecDeque<u32>,
    /// Sockets that wait for chunks, or for another share of a turn.
    pub(super) waiting: VecDeque<u32>,
    /// Bytes were taken as they arrived, and not told of yet.
    pub(super) has_arrived: bool,
    /// Those are worth a try: chunks came back, or a share ended.
    pub(super) has_retry: bool,
    /// How many of them were not tried since.
    pub(super) retries: usize,
    /// The listener whose connections are offered first.
    pub(super) first_listener: u32,
    pub(super) has_acceptable: bool,
    /// A connection waits to be offered until a socket is let go: nobody tells of it again.
    pub(super) lacks_sockets: bool,
    pub(super) has_listener_edges: bool,
    /// An event found no room, or answers wait for it: nobody tells when there is some.
    pub(super) is_held_back: bool,
    /// To whom events were posted in this turn.
    pub(super) posted: Posted,
    /// Keys of sockets that are not connections yet, by their slots.
    pub(super) keys: KeyStore,
    /// The version of the agreements that was carried out, and whether some could not be.
    pub(super) followed: u32,
    pub(super) is_behind: bool,
    /// It is being detached: nobody reads what is told.
    pub(super) is_leaving: bool,
    /// How far that has come.
    pub(super) leaving: Leaving,
    pub(super) is_ear_gone: bool,
    pub(super) counts: ApplicationRow,
    /// When chunks of idle connections were looked for last.
    pub(super) swept: Instant,
}

/// A thread of the application, as this worker hears it.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) ring: Consumer,
    /// A command that the worker it is for has no room for now, or that found no memory.
    pub(super) stalled: Option<Forwarded>,
    pub(super) has_spoken: bool,
}

impl Domain {
    /// All that `worker` will need for `attachment`.
    ///
    /// # Errors
    /// When the shape has no such worker.
    pub fn new(attachment: &Arc<Attachment>, worker: u32) -> Result<Box<Self>, AttachError> {
        let parts = &attachment.parts;
        let (layout, shape) = (&parts.layout, *parts.layout.shape());
        let missing = AttachError::NoWorker(worker);
        let own_line = layout.worker(worker).ok_or(missing)?;
        let bits = layout.ready_bits(worker).ok_or(missing)?;
        let (daemon, application) = (&parts.daemon, &parts.application);
        let context = |number| {
            let slots = application.part(layout.command_ring(number, worker)?);
            let head = daemon.part(layout.command_head(number, worker)?);
            Some(Context {
                ring: Consumer::new(slots.reader(), head)?,
                stalled: None,
                has_spoken: false,
            })
        };
        let listening = |number| {
            let slots = daemon.part(layout.accept_slots(number, worker)?);
            let claims = application.part(layout.claims(number, worker)?);
            Some(Listening {
                offers: Offers::new(slots, claims.reader()),
                open: None,
                asked: None,
            })
        };
        let mail = |number| Mail::new(attachment, number, worker);
        let sockets = SocketTable::new(attachment, worker);
        Ok(Box::new(Self {
            worker,
            workers: shape.workers,
            keys: KeyStore::new(KEYS_MAX),
            place: 0,
            contexts: (0..shape.contexts).filter_map(context).collect(),
            stalled: None,
            ready_bits: ReadyBits::new(application.part(bits), daemon.part(own_line))
                .with_contexts(shape.contexts),
            flagged: [0; 8],
            watched: Watched::default(),
            budget: Budget::default(),
            first_context: 0,
            mails: (0..shape.notifiers).filter_map(mail).collect(),
            to_tell: VecDeque::with_capacity(sockets.len()),
            waiting: VecDeque::with_capacity(sockets.len()),
            sockets,
            chunks: Chunks::new(&shape, worker),
            listening: (0..shape.listeners).filter_map(listening).collect(),
            has_arrived: false,
            has_retry: false,
            retries: 0,
            first_listener: 0,
            has_acceptable: false,
            lacks_sockets: false,
            has_listener_edges: false,
            is_held_back: false,
            posted: Posted::default(),
            followed: 0,
            is_behind: false,
            is_leaving: false,
            leaving: Leaving::default(),
            is_ear_gone: false,
            counts: ApplicationRow {
                attachment: attachment.id(),
                ..ApplicationRow::default()
            },
            swept: Instant::default(),
            attachment: attachment.clone(),
        }))
    }

    /// Whether a command waits for room: in another worker's queue, or in the shard.
    pub(super) fn is_stalled(&self) -> bool {
        let mut contexts = self.contexts.iter();
        self.stalled.is_some() || contexts.any(|context| context.stalled.is_some())
    }

    /// Whose.
    pub fn id(&self) -> AttachmentId {
        self.attachment.id()
    }

    /// What the operator sees of it.
    pub(crate) fn row(&self) -> ApplicationRow {
        let mut row = self.counts;
        row.connections = self.sockets.connections();
        row.unconnected = self.sockets.unconnected;
        for listening in &self.listening {
            row.listeners += u64::from(listening.open.is_some());
            row.offered += listening.offers.offered() as u64;
        }
        row.contexts = self
            .contexts
            .iter()
            .filter(|context| context.has_spoken)
            .count() as u64;
        row.events_pending = self.mails.iter().map(Mail::pending).sum();
        row.receive_chunks_lent = self.chunks.receive.lent() as u64;
        row.send_chunks_lent = self.chunks.send.lent() as u64;
        row
    }

    /// Answers a command: what it named and a number, or Linux's number of the error.
    pub(super) fn answer(
        &mut self,
        context: u32,
        ticket: u64,
        answer: Result<(Option<Handle>, u64), u16>,
    ) -> Result<(), Violation> {
        let (error, (socket, value)) = match answer {
            Ok(found) => (0, found),
            Err(error) => (error, (None, 0)),
        };
        self.counts.commands_refused += u64::from(error != 0);
        self.tell(
            context,
            Event::Answer {
                ticket,
                error,
                socket,
                value,
            },
        )
    }

    /// Tells the owner of a notifier something that stands for itself.
    pub(super) fn tell(&mut self, notifier: u32, event: Event) -> Result<(), Violation> {
        if self.is_leaving {
            return Ok(());
        }
        if let Some(mail) = self.mails.get_mut(notifier as usize) {
            mail.tell(event)?;
            self.counts.events += 1;
            self.posted.add(notifier);
            self.is_held_back |= mail.is_owing();
        }
        Ok(())
    }

    /// The cookie of a connection's events.
    pub(super) fn socket_cookie(&self, slot: u32) -> u64 {
        COOKIE | u64::from(self.place) << 32 | u64::from(slot)
    }

    /// The cookie of a listener's events.
    pub(super) fn listener_cookie(&self, number: u32) -> u64 {
        self.socket_cookie(number)
    }
}

/// Set in the cookies of applications, never in those of services.
pub(super) const COOKIE: u64 = 1 << 63;

/// Keys of an application's sockets that this worker has and that are not connections yet.
const KEYS_MAX: usize = 256;
