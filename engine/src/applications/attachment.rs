//! What all workers share of one attached application: its memories, doorbells, and whether it lied.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use coremill_ring::doorbell::{Bell, WorkerEar};
use coremill_ring::layout::Layout;
use coremill_ring::untrusted::Violation;
use coremill_ring::words::{SharedWrite, WORD_BYTES};
use crossbeam::queue::ArrayQueue;
use thiserror::Error;

use super::agreement::Agreements;
use super::forwarding::Forwarded;
use crate::doorbell::Doorbell;

/// Names an attachment for as long as the daemon lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttachmentId(pub u64);

/// What the control thread made for an application.
#[derive(Debug)]
pub struct AttachmentParts {
    /// Its name.
    pub id: AttachmentId,
    /// Where what lies; `workers` of its shape are the engine's.
    pub layout: Layout,
    /// The daemon's memory, with its header written.
    pub daemon: SharedWrite,
    /// The application's memory.
    pub application: SharedWrite,
    /// What wakes the owner of each notifier, in their order. The application has the ears.
    pub bells: Vec<Bell>,
    /// What wakes each worker, in their order. The application has the bells.
    pub ears: Vec<WorkerEar>,
    /// Becomes readable when an application lied: look at [`Attachment::violation`] of each. One for all attachments.
    pub alarm: Arc<Doorbell>,
}

/// Why the parts do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AttachError {
    /// Answers go to the notifier that has the context's number.
    #[error(
        "{notifiers} notifiers for {contexts} contexts: each context needs the notifier of its number"
    )]
    NotifierMissing {
        /// Notifiers of the shape.
        notifiers: u32,
        /// Contexts of the shape.
        contexts: u32,
    },
    /// One bell is needed for each notifier, and one ear for each worker.
    #[error("{found} {what} where the shape has {expected}")]
    DoorbellMissing {
        /// Which end.
        what: &'static str,
        /// By the shape.
        expected: u32,
        /// In fact.
        found: usize,
    },
    /// A memory is not as large as the layout says.
    #[error("the {what} memory has {found} bytes, not {expected}")]
    OtherSize {
        /// Whose.
        what: &'static str,
        /// By the layout.
        expected: usize,
        /// In fact.
        found: usize,
    },
    /// There is no such worker in the shape.
    #[error("worker {0} is not one of the shape")]
    NoWorker(u32),
}

/// An attached application, as all workers and the control thread see it.
#[derive(Debug)]
pub struct Attachment {
    pub(super) parts: AttachmentParts,
    pub(super) agreements: Agreements,
    /// For each worker, commands that others took for it.
    pub(super) forwards: Box<[ArrayQueue<Forwarded>]>,
    /// Workers that took it in, and those whose rings hold nothing more of it as it leaves.
    pub(super) members: AtomicU32,
    pub(super) drained: AtomicU32,
    /// Zero, or one more than the index of the violation.
    violation: AtomicU8,
    /// Connections that are left when it ends are reset.
    resets_on_death: AtomicBool,
}

impl Attachment {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When they do not fit together.
    pub fn new(parts: AttachmentParts) -> Result<Arc<Self>, AttachError> {
        let shape = *parts.layout.shape();
        if shape.notifiers < shape.contexts {
            return Err(AttachError::NotifierMissing {
                notifiers: shape.notifiers,
                contexts: shape.contexts,
            });
        }
        for (what, expected, found) in [
            ("bells", shape.notifiers, parts.bells.len()),
            ("ears", shape.workers, parts.ears.len()),
        ] {
            if expected as usize != found {
                return Err(AttachError::DoorbellMissing {
                    what,
                    expected,
                    found,
                });
            }
        }
        let layout = &parts.layout;
        for (what, expected, words) in [
            ("daemon's", layout.daemon_bytes(), parts.daemon.words()),
            (
                "application's",
                layout.application_bytes(),
                parts.application.words(),
            ),
        ] {
            let found = words * WORD_BYTES;
            if expected != found {
                return Err(AttachError::OtherSize {
                    what,
                    expected,
                    found,
                });
            }
        }
        Ok(Arc::new(Self {
            agreements: Agreements::new(shape.listeners),
            forwards: (0..shape.workers)
                .map(|_| ArrayQueue::new(FORWARDS_MAX))
                .collect(),
            parts,
            members: AtomicU32::new(0),
            drained: AtomicU32::new(0),
            violation: AtomicU8::new(0),
            resets_on_death: AtomicBool::new(false),
        }))
    }

    /// Its notifiers read their end: workers have let go of it. What it has may be freed much later.
    pub fn hang_up(&self) {
        self.parts.bells.iter().for_each(Bell::hang_up);
    }

    /// From now on, whatever it leaves behind when it ends is reset.
    pub fn set_reset_on_death(&self) {
        self.resets_on_death.store(true, Ordering::Relaxed);
    }

    pub(super) fn resets_on_death(&self) -> bool {
        self.resets_on_death.load(Ordering::Relaxed)
    }

    /// Its name.
    pub fn id(&self) -> AttachmentId {
        self.parts.id
    }

    /// How it lied, if it did: it is to be detached.
    pub fn violation(&self) -> Option<Violation> {
        let number = usize::from(self.violation.load(Ordering::Relaxed)).checked_sub(1)?;
        Violation::ALL.get(number).copied()
    }

    /// It lied: no worker listens to it any more, and the control thread is told. The first one counts.
    pub(super) fn condemn(&self, violation: Violation) {
        let index = Violation::ALL.iter().position(|other| *other == violation);
        let number = u8::try_from(index.unwrap_or(0) + 1).unwrap_or(u8::MAX);
        let first =
            self.violation
                .compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_ok() {
            self.parts.alarm.write();
        }
    }
}

/// Commands that may wait for one worker, from all others.
const FORWARDS_MAX: usize = 128;
