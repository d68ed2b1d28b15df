//! Doorbells, and what the application may do to its ends of them.

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, write};
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{Rung, doorbell, worker_doorbell};

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

#[test]
fn an_ear_reads_its_end_when_the_bell_hangs_up_though_the_bell_is_there() {
    let (bell, ear) = doorbell().unwrap();
    assert_eq!(bell.ring(), Rung::Readable);
    bell.hang_up();
    assert_eq!(bell.ring(), Rung::Gone);
    let mut bytes = [0; 8];
    for expected in [1, 0] {
        let (_, count) = recv(&ear, &mut bytes, RecvFlags::DONTWAIT).unwrap();
        assert_eq!(count, expected);
    }
    drop(ear);
    bell.hang_up();
}

#[test]
fn a_workers_ear_is_readable_from_the_ring_until_it_is_cleared() {
    let (bell, ear) = worker_doorbell().unwrap();
    assert!(!readable(&ear) && !ear.clear());
    bell.ring();
    bell.ring();
    assert!(readable(&ear) && ear.clear());
    assert!(!readable(&ear) && !ear.clear());
}

#[test]
fn a_worker_does_not_block_on_what_an_application_does_to_its_bell() {
    let (bell, ear) = worker_doorbell().unwrap();
    fcntl_setfl(bell.as_fd(), OFlags::empty()).unwrap();
    // Emptied by the application itself, and blocking: a plain read would wait for ever.
    assert!(!ear.clear());
    // Full.
    write(&bell, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    assert!(ear.clear() && !ear.clear());
}

/// A descriptor that takes long to close is closed by whoever receives it, or throws it away unread.
#[test]
fn nobody_is_made_to_close_an_applications_descriptors() {
    let slow = lingering();
    let began = Instant::now();
    let (bell, ear) = worker_doorbell().unwrap();
    assert_eq!(pass(bell.as_fd(), &slow), Err(Errno::NOTSOCK));
    bell.ring();
    assert!(ear.clear());
    let (bell, ear) = doorbell().unwrap();
    assert_eq!(pass(ear.as_fd(), &slow), Err(Errno::PIPE));
    drop((bell, ear));
    let took = began.elapsed();
    assert!(took < LINGER / 2, "blocked for {took:?}");
    // Whoever has it closes it without waiting.
    set_socket_linger(&slow.0, None).unwrap();
}

fn pass(end: std::os::fd::BorrowedFd<'_>, slow: &(TcpStream, TcpStream)) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let passed = [slow.0.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&passed)));
    let bytes = [IoSlice::new(b"x")];
    sendmsg(end, &bytes, &mut control, SendFlags::NOSIGNAL)
}

/// A connection whose closing takes `LINGER`: its peer reads nothing.
fn lingering() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    set_socket_linger(&stream, Some(LINGER)).unwrap();
    stream.set_nonblocking(true).unwrap();
    while stream.write(&[0; 65_536]).is_ok() {}
    (stream, peer)
}

const LINGER: Duration = Duration::from_secs(5);

fn readable(ear: &impl AsFd) -> bool {
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
