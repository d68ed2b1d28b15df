//! The two memories of a domain: memfds, sealed, populated, mapped.
//!
//! What the daemon writes is sealed with F_SEAL_FUTURE_WRITE after the daemon's own mapping, so that nobody who
//! gets the descriptor can write, map for writing, or punch holes. What the application writes is sealed against
//! shrinking and growing only: a page that is punched out reads as zeros and comes back when it is touched,
//! so that no access of the daemon can fault. See memfd_create(2) and F_ADD_SEALS in fcntl(2).

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals};
use rustix::fs::{fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use thiserror::Error;

use crate::words::{Cells, SharedRead, SharedWrite, WORD_BYTES};

/// Why a memory cannot be made or mapped.
#[derive(Debug, Error)]
pub enum MemoryError {
    /// Its size is no whole number of pages, or none.
    #[error("{0} bytes are no whole number of pages of {PAGE_BYTES} bytes")]
    BadSize(usize),
    /// The system refused.
    #[error(
        "cannot {operation} {bytes} bytes of shared memory: {error}; lower the domain's sizes or raise the limit of memory"
    )]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// Size of the memory.
        bytes: usize,
        /// The system's reason.
        error: io::Error,
    },
    /// The descriptor is no memory that a daemon of this version made.
    #[error(
        "the descriptor is not sealed against shrinking and growing: it is not memory of coremilld"
    )]
    NotSealed,
}

/// A memory that this process made: the descriptor to hand out, and the mapping to use.
#[derive(Debug)]
pub struct Created {
    /// To be sent to the application.
    pub descriptor: OwnedFd,
    /// The daemon's own way to it.
    pub words: SharedWrite,
}

/// Makes the memory that the daemon alone can write.
///
/// # Errors
/// When the size is no whole number of pages, or the system has no memory or descriptor left.
pub fn create_daemon_memory(bytes: usize) -> Result<Created, MemoryError> {
    create(c"coremill-daemon", bytes, SealFlags::FUTURE_WRITE)
}

/// Makes the memory that the application writes too.
///
/// # Errors
/// When the size is no whole number of pages, or the system has no memory or descriptor left.
pub fn create_application_memory(bytes: usize) -> Result<Created, MemoryError> {
    create(c"coremill-application", bytes, SealFlags::empty())
}

/// The application's view of the daemon's memory.
///
/// # Errors
/// When the descriptor is not a sealed memory, or cannot be mapped.
pub fn map_daemon_memory(descriptor: BorrowedFd<'_>) -> Result<SharedRead, MemoryError> {
    let (bytes, seals) = sealed_bytes(descriptor)?;
    let access = match seals.contains(SealFlags::FUTURE_WRITE) {
        true => Access::Published,
        false => Access::Copied,
    };
    map(descriptor, bytes, ProtFlags::READ, access).map(SharedRead::over)
}

/// The application's view of its own memory.
///
/// # Errors
/// When the descriptor is not a sealed memory, or cannot be mapped.
pub fn map_application_memory(descriptor: BorrowedFd<'_>) -> Result<SharedWrite, MemoryError> {
    let (bytes, _) = sealed_bytes(descriptor)?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    map(descriptor, bytes, access, Access::Lent).map(SharedWrite::over)
}

fn create(name: &std::ffi::CStr, bytes: usize, more: SealFlags) -> Result<Created, MemoryError> {
    if bytes == 0 || !bytes.is_multiple_of(PAGE_BYTES) {
        return Err(MemoryError::BadSize(bytes));
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag that forbids executing it.
    let descriptor = memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL)
        .or_else(|error| match error {
            Errno::INVAL => memfd_create(name, flags),
            other => Err(other),
        })
        .map_err(refused("create", bytes))?;
    ftruncate(&descriptor, bytes as u64).map_err(refused("reserve", bytes))?;
    // Here and not by mapping, which would keep this process from mapping anything else for as long; and a system without
    // that much memory says so.
    fallocate(&descriptor, FallocateFlags::empty(), 0, bytes as u64)
        .map_err(refused("fill", bytes))?;
    let cells = map(
        descriptor.as_fd(),
        bytes,
        ProtFlags::READ | ProtFlags::WRITE,
        Access::Copied,
    )?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL | more;
    fcntl_add_seals(&descriptor, seals).map_err(refused("seal", bytes))?;
    Ok(Created {
        descriptor,
        words: SharedWrite::over(cells),
    })
}

/// Size of a memory that cannot change it any more, and its seals.
fn sealed_bytes(descriptor: BorrowedFd<'_>) -> Result<(usize, SealFlags), MemoryError> {
    let seals = fcntl_get_seals(descriptor).map_err(|_| MemoryError::NotSealed)?;
    if !seals.contains(SealFlags::SHRINK | SealFlags::GROW) {
        return Err(MemoryError::NotSealed);
    }
    let status = fstat(descriptor).map_err(refused("look at", 0))?;
    let bytes = usize::try_from(status.st_size).unwrap_or(0);
    if bytes == 0 || !bytes.is_multiple_of(PAGE_BYTES) {
        return Err(MemoryError::BadSize(bytes));
    }
    Ok((bytes, seals))
}

fn map(
    descriptor: BorrowedFd<'_>,
    bytes: usize,
    protection: ProtFlags,
    access: Access,
) -> Result<Cells, MemoryError> {
    let flags = MapFlags::SHARED;
    // SAFETY: mapping has no safe form. The kernel picks an address that nothing of this process uses, and the
    // mapping is unmapped by `Mapping` alone.
    let address = unsafe { mmap(null_mut(), bytes, protection, flags, descriptor, 0) }
        .map_err(refused("map", bytes))?;
    // A mapping at address zero cannot be asked for; the kernel does not make one up.
    let address = NonNull::new(address).ok_or(MemoryError::BadSize(bytes))?;
    let mapping = Arc::new(Mapping {
        address,
        bytes,
        access,
    });
    mapping.populate(protection);
    // SAFETY: `Cells` is the one way to the words. A mapping is aligned to pages, holds `bytes / 8` words, cannot
    // shrink (both callers see to the seals), and lives until `mapping` is dropped; its address goes nowhere else.
    // Mapped for reading only, it goes into a `SharedRead`, which does not store.
    Ok(unsafe { Cells::mapped(address.cast(), bytes / WORD_BYTES, mapping) })
}

fn refused(operation: &'static str, bytes: usize) -> impl Fn(Errno) -> MemoryError {
    move |error| MemoryError::Refused {
        operation,
        bytes,
        error: error.into(),
    }
}

/// Unmaps when the last user of it is gone.
pub(crate) struct Mapping {
    address: NonNull<c_void>,
    bytes: usize,
    access: Access,
}

/// How the bytes of a mapping may be reached beside atomics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Not at all: they are copied.
    Copied,
    /// By reference, once published: this process can only read them, and only the daemon's can write them.
    Published,
    /// By exclusive reference, once granted.
    Lent,
}

impl Mapping {
    /// How its bytes may be reached.
    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// Has all pages there before they are used. A slice at a time: as long as one lasts, no thread of this process can map
    /// or unmap anything.
    fn populate(&self, protection: ProtFlags) {
        let advice = match protection.contains(ProtFlags::WRITE) {
            true => Advice::LinuxPopulateWrite,
            false => Advice::LinuxPopulateRead,
        };
        for (first, bytes) in self.slices() {
            // SAFETY: there is no safe form. The slice lies in this mapping, of which pages are only touched.
            let populated = unsafe { madvise(first, bytes, advice) };
            // Kernels before 5.14 do not know it; the pages are there when they are used.
            if populated.is_err() {
                return;
            }
        }
    }

    /// Pieces of it: first byte and length of each.
    fn slices(&self) -> impl Iterator<Item = (*mut c_void, usize)> {
        let (address, end) = (self.address.as_ptr(), self.bytes);
        let starts = (0..end).step_by(SLICE_BYTES);
        starts.map(move |start| {
            (
                address.wrapping_byte_add(start),
                SLICE_BYTES.min(end - start),
            )
        })
    }
}

// SAFETY: needed because of the pointer, which is used only to unmap, once, from whichever thread is last.
unsafe impl Send for Mapping {}
// SAFETY: as for Send; there is nothing to do with a `&Mapping`.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        for (first, bytes) in self.slices() {
            // SAFETY: there is no safe way to unmap. Whoever used the words held this value, so nobody does any more.
            let unmapped = unsafe { munmap(first, bytes) };
            debug_assert!(unmapped.is_ok(), "{unmapped:?}");
        }
    }
}

/// Whole pages that are populated, or unmapped, in less than a millisecond.
const SLICE_BYTES: usize = 4 << 20;

/// Both memories are whole pages of this size.
pub const PAGE_BYTES: usize = 4096;

#[cfg(test)]
mod tests;
