//! What answers say about a socket that its user did not wait for: its name, or why there is none, and later failures.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use coremill_ring::handle::Handle;
use coremill_ring::socket_state::StateReader;
use rustix::io::Errno;

use crate::announced::Announcement;
use crate::context::Grants;
use crate::reading::Reading;

/// What answers and events have said about a socket, and how far it was read. Two lines of the cache: where connections are
/// many, that is what a message waits for. The first one is what both a poller and a reader look at.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Told {
    pub(crate) announcement: Announcement,
    /// How far it was read.
    pub(crate) reading: Reading,
    /// Its user let go of it: whoever still waits for it may forget it.
    is_over: AtomicBool,
    is_abandoned: AtomicBool,
    late_error: AtomicU16,
    name: OnceLock<Result<Name, u16>>,
}

/// A socket that the daemon has.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) handle: Handle,
    pub(crate) worker: u32,
    pub(crate) state: StateReader,
    pub(crate) grants: Box<Grants>,
}

impl Told {
    /// Of a socket that is known.
    pub(crate) fn known(name: Name) -> Self {
        let told = Self::default();
        told.set_name(name);
        told
    }

    /// The socket, once known; or why there is none.
    pub(crate) fn name(&self) -> Option<io::Result<&Name>> {
        match self.name.get()? {
            Ok(name) => Some(Ok(name)),
            Err(error) => Some(Err(error_from(*error))),
        }
    }

    /// The daemon opened it.
    pub(crate) fn set_name(&self, name: Name) {
        // There is one answer to one command; a second one is not believed.
        let _first = self.name.set(Ok(name));
    }

    /// The daemon did not open it.
    pub(crate) fn fail(&self, error: u16) {
        let error = match error {
            0 => u16::try_from(Errno::PROTO.raw_os_error()).unwrap_or(u16::MAX),
            error => error,
        };
        let _first = self.name.set(Err(error));
    }

    /// A command about it failed that nobody waited for.
    pub(crate) fn note_late(&self, error: u16) {
        if error != 0 {
            self.late_error.store(error, Ordering::Release);
        }
    }

    /// The last such failure, once.
    pub(crate) fn take_late(&self) -> Option<io::Error> {
        match self.late_error.swap(0, Ordering::AcqRel) {
            0 => None,
            error => Some(error_from(error)),
        }
    }

    /// Bytes read of it.
    #[inline]
    pub(crate) fn read(&self) -> u64 {
        self.reading.read()
    }

    /// Its user lets go of it.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Its user is gone before it was opened: called under the context's lock, as answers are taken.
    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }
}

/// Linux's error of this number.
pub(crate) fn error_from(number: u16) -> io::Error {
    io::Error::from_raw_os_error(i32::from(number))
}

const _: () = assert!(size_of::<Told>() == 128);
