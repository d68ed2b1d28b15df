//! A worker's bursts on a looped-back ring neither allocate (a counting allocator) nor call the
//! kernel: the worker puts itself under strict seccomp, which ends a thread at its first system call
//! other than read, write and exit.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coremill_engine::nic::dpdk::{DpdkPort, Eal, Mbuf};
use coremill_engine::nic::{Buffer, Port};
use coremill_engine::options::{Device, EalMemory, EalOptions, PortOptions};

const TURNS: u64 = 200_000;
const BURST: usize = 32;

#[test]
fn bursts_on_a_ring_neither_allocate_nor_call_the_kernel() {
    let directory = tempfile::tempdir().expect("a runtime directory");
    let options = EalOptions {
        memory: EalMemory::Ordinary { megabytes: 64 },
        file_prefix: String::from("busy"),
        runtime_directory: Some(directory.path().to_path_buf()),
        log_level: 4,
        extra_arguments: Vec::new(),
        packets: 4_095,
    };
    let ports = [PortOptions {
        name: String::from("loop0"),
        device: Device::RingLoopback,
        addresses: Vec::new(),
        mtu: None,
        receive_descriptors: 255,
        transmit_descriptors: 256,
        segmentation: true,
    }];
    let eal = Eal::start(&options, &ports, 1).expect("EAL starts");
    let mut port = eal.queue(0, 0).expect("the queue");
    let finished = Arc::new(AtomicBool::new(false));
    let packets = Arc::new(AtomicU64::new(0));
    let allocations = Arc::new(AtomicU64::new(u64::MAX));
    let (done, count, allocated) = (finished.clone(), packets.clone(), allocations.clone());
    // The thread never ends: leaving would take system calls.
    std::thread::spawn(move || {
        let _registration = eal.register_worker().expect("a worker");
        let mut buffers = Vec::with_capacity(2 * BURST);
        // The first turns fill the thread's packet cache.
        let warmed: u64 = (0..1_000).map(|_| turn(&mut port, &mut buffers)).sum();
        assert_eq!(warmed, 1_000 * BURST as u64);
        confine();
        let before = ALLOCATIONS.get();
        let sum = (0..TURNS).map(|_| turn(&mut port, &mut buffers)).sum();
        allocated.store(ALLOCATIONS.get() - before, Ordering::Release);
        count.store(sum, Ordering::Release);
        done.store(true, Ordering::Release);
        loop {
            std::hint::spin_loop();
        }
    });
    let end = Instant::now() + Duration::from_secs(60);
    while !finished.load(Ordering::Acquire) {
        assert!(
            Instant::now() < end,
            "the worker was ended by a system call (or is very slow)"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(packets.load(Ordering::Acquire), TURNS * BURST as u64);
    assert_eq!(allocations.load(Ordering::Acquire), 0);
}

/// A system call does end a confined thread: otherwise the test above could not fail.
#[test]
fn a_system_call_ends_a_confined_thread() {
    let survived = Arc::new(AtomicBool::new(false));
    let began = Arc::new(AtomicBool::new(false));
    let (after, before) = (survived.clone(), began.clone());
    std::thread::spawn(move || {
        confine();
        before.store(true, Ordering::Release);
        std::thread::sleep(Duration::from_nanos(1));
        after.store(true, Ordering::Release);
        loop {
            std::hint::spin_loop();
        }
    });
    while !began.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(!survived.load(Ordering::Acquire));
}

/// One burst out and in: new packets, written to, sent, received, freed.
fn turn(port: &mut DpdkPort, buffers: &mut Vec<Mbuf>) -> u64 {
    while buffers.len() < BURST {
        let Some(mut packet) = port.allocate() else {
            break;
        };
        if let Some(data) = packet.append(64) {
            data.fill(1);
        }
        buffers.push(packet);
    }
    port.transmit(buffers);
    let received = port.receive(buffers, BURST);
    buffers.clear();
    received as u64
}

fn confine() {
    rustix::thread::set_secure_computing_mode(rustix::thread::SecureComputingMode::Strict)
        .expect("the kernel has seccomp");
}

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: each call is passed on unchanged to the system's allocator; counting touches only a plain
// number of the thread, which needs neither allocation nor destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
