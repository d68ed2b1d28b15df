//! Attached applications: who they are, what they were given, when they end.
//!
//! An entry is there from the moment its memory is made until every worker has let go of it. It begins by `attach`
//! and ends by `detach`, by its process's death (seen by a pidfd), by an operator, or because it lied. Workers are told by
//! commands ([`crate::requests::applications`]); this table knows no worker.

mod counters;
mod entry;
mod maker;
mod options;
mod pace;
mod parts;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use coremill_engine::command::Command;
use coremill_engine::doorbell::Doorbell;
use coremill_protocol::attach::RESET_ON_DEATH;
use coremill_protocol::{AttachView, AttachmentView, ErrorBody, ErrorKind};
use coremill_ring::layout::VERSION;
use mio::Token;

use crate::access::Peer;

pub use counters::Counters;
pub use entry::{Entry, Phase, Reason};
pub use maker::{Burial, Made, Maker};
pub use options::Options;
use options::Usage;
use pace::Pace;
pub use parts::Parts;

/// The table.
pub struct Applications {
    options: Options,
    entries: BTreeMap<u64, Entry>,
    alarm: Arc<Doorbell>,
    counters: Arc<Counters>,
    maker: Maker,
    pace: Pace,
    next: u64,
}

/// Who asks for what.
pub struct Wanted<'a> {
    /// The process.
    pub peer: Peer,
    /// What it calls itself.
    pub client: &'a str,
    /// Its session.
    pub session: Token,
    /// Version of the layout that it knows.
    pub layout: u32,
    /// Flags of the request.
    pub flags: u32,
    /// Readable when the process is dead, or why there is no such thing.
    pub watch: io::Result<OwnedFd>,
}

/// What workers and process are to be given.
pub struct Begun {
    /// For the workers, in their order.
    pub commands: Vec<Command>,
    /// For the process.
    pub view: AttachView,
}

impl Applications {
    /// None yet.
    ///
    /// # Errors
    /// When the process has no descriptor left, or no room for a thread.
    pub fn new(options: Options, counters: Arc<Counters>) -> io::Result<Self> {
        let alarm = Arc::new(Doorbell::new()?);
        Ok(Self {
            maker: Maker::new(options.layout, &alarm)?,
            pace: Pace::new(options.attaches_per_second),
            options,
            entries: BTreeMap::new(),
            alarm,
            counters,
            next: 1,
        })
    }

    /// Who makes parts.
    pub fn maker(&self) -> &Maker {
        &self.maker
    }

    /// Readable when an application lied.
    pub fn alarm(&self) -> &Doorbell {
        &self.alarm
    }

    /// What is counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Makes an entry, and orders what belongs to it; gives its number.
    ///
    /// # Errors
    /// Why not, as the protocol says it. Nothing is left then.
    pub fn begin(&mut self, wanted: Wanted<'_>, now: Instant) -> Result<u64, ErrorBody> {
        self.check(&wanted)?;
        let process = wanted.peer.process;
        let watch = wanted.watch.map_err(|error| {
            let number = process.as_raw_nonzero();
            let message = format!(
                "process {number} cannot be watched: {error}; attach from a process that lives and that the daemon can see"
            );
            ErrorBody::new(ErrorKind::Invalid, message)
        })?;
        self.pace.admit(wanted.peer.user, now)?;
        let id = self.next;
        if !self.maker.order(id) {
            let message = "nobody makes attachments any more; this is a bug in coremilld";
            return Err(ErrorBody::new(ErrorKind::Internal, message));
        }
        self.next += 1;
        let entry = Entry {
            id,
            peer: wanted.peer,
            client: wanted.client.chars().take(CLIENT_CHARS_MAX).collect(),
            since: now,
            phase: Phase::Preparing,
            session: Some(wanted.session),
            watch,
            watch_token: None,
            resets_on_death: wanted.flags & RESET_ON_DEATH != 0,
            attachment: None,
            descriptors: Vec::new(),
            waiting: Vec::new(),
            retry: None,
            still_sends: Rc::default(),
        };
        self.entries.insert(id, entry);
        Ok(id)
    }

    /// The parts of an entry that waits for them are made: gives what is to be told. None when nobody waits any more.
    pub fn equip(&mut self, id: u64, parts: Parts) -> Option<Begun> {
        let shape = self.options.shape_view();
        let waiting = self.entries.get_mut(&id).filter(|entry| entry.is_live());
        let Some(entry) = waiting else {
            self.maker.burial().parts(parts);
            return None;
        };
        let Parts {
            attachment,
            commands,
            descriptors,
            views,
        } = parts;
        if entry.resets_on_death {
            attachment.set_reset_on_death();
        }
        entry.attachment = Some(attachment);
        entry.descriptors = descriptors;
        entry.phase = Phase::Attaching;
        let view = AttachView {
            attachment: id,
            domain: id,
            member: 0,
            layout: VERSION,
            shape,
            descriptors: views,
        };
        Some(Begun { commands, view })
    }

    /// The attachment that the same process made before, when its session is over: a new attach ends it.
    pub fn abandoned_by(&self, peer: Peer) -> Option<u64> {
        let mut entries = self
            .live()
            .filter(|entry| entry.peer.process == peer.process);
        entries
            .find(|entry| entry.session.is_none())
            .map(|entry| entry.id)
    }

    /// An entry by its number.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// The entry that a session made and that is not about to end.
    pub fn of_session(&mut self, session: Token) -> Option<&mut Entry> {
        let mut entries = self.entries.values_mut();
        entries.find(|entry| entry.session == Some(session) && entry.is_live())
    }

    /// The entry whose process `token` watches.
    pub fn watched_by(&self, token: Token) -> Option<u64> {
        let mut entries = self.entries.values();
        entries
            .find(|entry| entry.watch_token == Some(token))
            .map(|entry| entry.id)
    }

    /// Sessions that have made an attachment; these do not count among operators'.
    pub fn sessions(&self) -> usize {
        let entries = self.entries.values();
        entries.filter(|entry| entry.session.is_some()).count()
    }

    /// Those that lied and have not been told to go yet.
    pub fn liars(&self) -> Vec<(u64, &'static str)> {
        let violation = |entry: &Entry| {
            let violation = entry.attachment.as_ref()?.violation()?;
            Some((entry.id, violation.name()))
        };
        self.live().filter_map(violation).collect()
    }

    /// A session is over. Gives the attachment that its process can never use, if there is one.
    pub fn forget_session(&mut self, session: Token, unsent: bool) -> Option<u64> {
        let mut useless = None;
        for entry in self.entries.values_mut() {
            entry.waiting.retain(|waiting| *waiting != session);
            if entry.session == Some(session) {
                entry.session = None;
                if entry.is_live() && (unsent || entry.is_unfinished()) {
                    useless = Some(entry.id);
                }
            }
        }
        useless
    }

    /// Takes an entry out: every worker has let go of it.
    pub fn remove(&mut self, id: u64) -> Option<Entry> {
        let mut entry = self.entries.remove(&id)?;
        if let Some(attachment) = entry.attachment.take() {
            self.maker.burial().attachment(attachment);
        }
        Some(entry)
    }

    /// Those whose end is to be tried again by now.
    pub fn due(&mut self, now: Instant) -> Vec<u64> {
        let entries = self.entries.values_mut();
        let due = entries.filter(|entry| entry.retry.is_some_and(|retry| retry <= now));
        due.map(|entry| {
            entry.retry = None;
            entry.id
        })
        .collect()
    }

    /// When `due` has something next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.retry).min()
    }

    /// A row for each, without what only workers know.
    pub fn views(&self, now: Instant) -> Vec<AttachmentView> {
        let memory = self.options.memory_bytes() as u64;
        let shape = self.options.layout.shape();
        self.entries
            .values()
            .map(|entry| entry.view(now, memory, shape))
            .collect()
    }

    fn check(&self, wanted: &Wanted<'_>) -> Result<(), ErrorBody> {
        let error = |kind, message: String| Err(ErrorBody::new(kind, message));
        if wanted.layout != VERSION {
            let message = format!(
                "coremilld lays out shared memory as version {VERSION}, not {}; use a client of its release",
                wanted.layout
            );
            return error(ErrorKind::Version, message);
        }
        if !wanted.peer.attaches {
            let message = format!(
                "user {} may not attach; add it to applications.allowed_uids",
                wanted.peer.user
            );
            return error(ErrorKind::Forbidden, message);
        }
        if wanted.flags & !RESET_ON_DEATH != 0 {
            let message = format!(
                "flags {:#x}: only {RESET_ON_DEATH:#x} is defined",
                wanted.flags
            );
            return error(ErrorKind::Invalid, message);
        }
        let same = |entry: &&Entry| {
            entry.peer.process == wanted.peer.process || entry.session == Some(wanted.session)
        };
        if let Some(other) = self.live().find(same) {
            let message = format!(
                "process {} is attached already, as {}; a process attaches once",
                other.peer.process.as_raw_nonzero(),
                other.id
            );
            return error(ErrorKind::Invalid, message);
        }
        let user = |entry: &&Entry| entry.peer.user == wanted.peer.user;
        self.options.admit(Usage {
            attachments: self.entries.len(),
            of_user: self.entries.values().filter(user).count(),
        })
    }

    fn live(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(|entry| entry.is_live())
    }
}

/// Kept of what a client calls itself.
const CLIENT_CHARS_MAX: usize = 80;

#[cfg(test)]
mod tests;
