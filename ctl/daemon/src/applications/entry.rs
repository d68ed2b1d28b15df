//! One attachment as the control thread knows it.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use coremill_engine::applications::Attachment;
use coremill_protocol::AttachmentView;
use coremill_protocol::attach::Quota;
use coremill_ring::shape::Shape;
use mio::Token;

use crate::access::Peer;

/// An attachment.
#[derive(Debug)]
pub struct Entry {
    /// Its number.
    pub id: u64,
    /// The process.
    pub peer: Peer,
    /// What it calls itself.
    pub client: String,
    /// When it asked to attach.
    pub since: Instant,
    /// Where it stands.
    pub phase: Phase,
    /// The session that made it, while that is open.
    pub session: Option<Token>,
    /// Readable when the process is dead.
    pub watch: OwnedFd,
    /// Under which name a poll watches it.
    pub watch_token: Option<Token>,
    /// Its process wants peers to get a reset when it dies.
    pub resets_on_death: bool,
    /// What workers share, once it is made.
    pub attachment: Option<Arc<Attachment>>,
    /// What the process gets with the reply.
    pub descriptors: Vec<OwnedFd>,
    /// Sessions that wait for its end.
    pub waiting: Vec<Token>,
    /// When to tell the workers once more that it ends.
    pub retry: Option<Instant>,
    /// It has ended but for connections that still send.
    pub still_sends: Rc<Cell<bool>>,
}

/// Where an attachment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its memory is being made.
    Preparing,
    /// Workers are being told.
    Attaching,
    /// The process has it.
    Attached,
    /// Workers let go of it.
    Detaching(Reason),
}

/// Why an attachment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its process asked.
    Asked,
    /// An operator asked.
    Operator,
    /// Its process died.
    Died,
    /// It broke the rules of shared memory.
    Lied,
    /// Its process attached anew, or never got the reply.
    Abandoned,
    /// A worker did not take it.
    Failed,
}

impl Entry {
    /// Whether it is not about to end.
    pub fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Detaching(_))
    }

    /// Whether its process has not got it yet.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.phase, Phase::Preparing | Phase::Attaching)
    }

    /// Its row, without what only workers know.
    pub fn view(&self, now: Instant, memory_bytes: u64, shape: &Shape) -> AttachmentView {
        let since = now.saturating_duration_since(self.since);
        let max = |max: u64| Quota { used: 0, max };
        let chunks = |counts: [u32; 3]| max(counts.into_iter().map(u64::from).sum());
        AttachmentView {
            attachment: self.id,
            domain: self.id,
            process: self.peer.process.as_raw_nonzero().get().unsigned_abs(),
            user: self.peer.user,
            client: self.client.clone(),
            attached_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            phase: self.phase.name().into(),
            memory_bytes,
            contexts: max(shape.contexts.into()),
            sockets: max(shape.sockets.into()),
            listeners: max(shape.listeners.into()),
            receive_chunks: chunks(shape.receive_chunks),
            send_chunks: chunks(shape.send_chunks),
            received_bytes: 0,
            sent_bytes: 0,
            commands: 0,
            events: 0,
            events_pending: 0,
        }
    }
}

impl Phase {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Preparing | Phase::Attaching => "attaching",
            Phase::Attached => "attached",
            Phase::Detaching(_) => "detaching",
        }
    }
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Asked,
        Self::Operator,
        Self::Died,
        Self::Lied,
        Self::Abandoned,
        Self::Failed,
    ];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Asked => "asked",
            Reason::Operator => "operator",
            Reason::Died => "died",
            Reason::Lied => "lied",
            Reason::Abandoned => "abandoned",
            Reason::Failed => "failed",
        }
    }
}
