//! What the two memories let a process do that got their descriptors.

use std::os::fd::AsFd;
use std::ptr::null_mut;

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fstat};
use rustix::fs::{ftruncate, memfd_create};
use rustix::io::{Errno, pwrite};
use rustix::mm::{MapFlags, ProtFlags, mmap};

use super::{
    Created, MemoryError, create_application_memory, create_daemon_memory, map_application_memory,
    map_daemon_memory,
};

const BYTES: usize = 64 * 1024;

#[test]
fn what_one_side_stores_the_other_loads() {
    let daemon = create_daemon_memory(BYTES).unwrap();
    let application = create_application_memory(BYTES).unwrap();
    let readable = map_daemon_memory(daemon.descriptor.as_fd()).unwrap();
    let writable = map_application_memory(application.descriptor.as_fd()).unwrap();
    daemon.words.store_release(BYTES / 8 - 1, 42);
    assert_eq!(readable.load_acquire(BYTES / 8 - 1), 42);
    writable.copy_in(5, b"bytes");
    let mut bytes = [0; 5];
    application.words.copy_out(5, &mut bytes);
    assert_eq!(&bytes, b"bytes");
    // Mappings outlive the descriptors.
    drop((daemon, application.descriptor));
    assert_eq!(readable.load(BYTES / 8 - 1), 42);
}

#[test]
fn the_daemons_memory_cannot_be_written_by_who_has_its_descriptor() {
    let Created { descriptor, words } = create_daemon_memory(BYTES).unwrap();
    assert_eq!(pwrite(&descriptor, b"lie", 0), Err(Errno::PERM));
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    assert_eq!(fallocate(&descriptor, hole, 0, 4096), Err(Errno::PERM));
    assert_eq!(map_writable(&descriptor), Err(Errno::PERM));
    // Nor by opening it anew.
    let path = format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&descriptor)
    );
    let again = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    assert_eq!(map_writable(&again), Err(Errno::PERM));
    assert_eq!(ftruncate(&descriptor, 0), Err(Errno::PERM));
    assert_eq!(
        fcntl_add_seals(&descriptor, SealFlags::WRITE),
        Err(Errno::PERM)
    );
    words.store(0, 1);
    assert_eq!(map_daemon_memory(descriptor.as_fd()).unwrap().load(0), 1);
}

#[test]
fn the_applications_memory_keeps_its_size_whatever_is_punched_out() {
    let Created { descriptor, words } = create_application_memory(BYTES).unwrap();
    for bytes in [0, 4096, 2 * BYTES as u64] {
        assert_eq!(ftruncate(&descriptor, bytes), Err(Errno::PERM));
    }
    words.store(0, 7);
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&descriptor, hole, 0, BYTES as u64).unwrap();
    assert_eq!(words.load(0), 0);
    words.store(0, 8);
    assert_eq!(
        map_application_memory(descriptor.as_fd()).unwrap().load(0),
        8
    );
}

#[test]
fn memory_is_there_before_it_is_used() {
    for made in [
        create_daemon_memory(BYTES),
        create_application_memory(BYTES),
    ] {
        let blocks = fstat(made.unwrap().descriptor).unwrap().st_blocks;
        assert_eq!(blocks * 512, i64::try_from(BYTES).unwrap());
    }
}

#[test]
fn other_descriptors_are_refused() {
    let (_bell, ear) = crate::doorbell::doorbell().unwrap();
    assert!(matches!(
        map_daemon_memory(ear.as_fd()),
        Err(MemoryError::NotSealed)
    ));
    let unsealed = memfd_create(c"test", MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&unsealed, 4096).unwrap();
    assert!(matches!(
        map_application_memory(unsealed.as_fd()),
        Err(MemoryError::NotSealed)
    ));
    let odd = memfd_create(c"test", MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&odd, 100).unwrap();
    fcntl_add_seals(&odd, SealFlags::SHRINK | SealFlags::GROW).unwrap();
    assert!(matches!(
        map_application_memory(odd.as_fd()),
        Err(MemoryError::BadSize(100))
    ));
    assert!(matches!(
        create_daemon_memory(4095),
        Err(MemoryError::BadSize(4095))
    ));
}

/// Whether the descriptor can be mapped for writing; the mapping is left to the process's end.
fn map_writable(descriptor: impl AsFd) -> Result<(), Errno> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: mapping has no safe form; the kernel chooses an unused address, and nobody learns it.
    unsafe { mmap(null_mut(), 4096, access, MapFlags::SHARED, descriptor, 0) }.map(|_| ())
}
