//! Doorbells, and what an ear's owner may do to them.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::net::{Shutdown, shutdown};

use super::{Rung, doorbell};

#[test]
fn an_ear_is_readable_from_the_ring_until_it_is_cleared() {
    let (bell, ear) = doorbell().unwrap();
    assert!(!readable(&ear) && !ear.clear());
    assert_eq!(bell.ring(), Rung::Readable);
    assert!(readable(&ear) && ear.clear());
    assert!(!readable(&ear) && !ear.clear());
}

#[test]
fn ringing_does_not_block_although_nobody_listens() {
    let (bell, ear) = doorbell().unwrap();
    // The other process has the same open files, and may make them blocking.
    for end in [bell.as_fd(), ear.as_fd()] {
        fcntl_setfl(end, OFlags::empty()).unwrap();
    }
    for _ in 0..100_000 {
        assert_eq!(bell.ring(), Rung::Readable);
    }
    let mut clears = 0;
    while ear.clear() {
        clears += 1;
        assert!(clears < 100, "more rings than the kernel should keep");
    }
    assert!(!readable(&ear));
}

#[test]
fn a_listener_that_left_is_noticed() {
    let (bell, ear) = doorbell().unwrap();
    shutdown(&ear, Shutdown::Both).unwrap();
    assert_eq!(bell.ring(), Rung::Gone);
    drop(ear);
    assert_eq!(bell.ring(), Rung::Gone);
    let (bell, ear) = doorbell().unwrap();
    drop(bell);
    assert!(!ear.clear());
}

fn readable(ear: &super::Ear) -> bool {
    let mut polled = [PollFd::new(ear, PollFlags::IN)];
    poll(
        &mut polled,
        Some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }),
    )
    .unwrap()
        == 1
}
