use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Doorbell;

fn wait(bell: &Doorbell, milliseconds: i64) -> bool {
    let mut fds = [PollFd::new(bell, PollFlags::IN)];
    let timeout = Timespec {
        tv_sec: milliseconds / 1_000,
        tv_nsec: milliseconds % 1_000 * 1_000_000,
    };
    poll(&mut fds, Some(&timeout)).expect("poll") > 0
}

#[test]
fn an_unarmed_bell_is_not_written() {
    let bell = Doorbell::new().expect("eventfd");
    assert!(!bell.ring());
    assert!(!wait(&bell, 0));
}

#[test]
fn an_armed_bell_is_written_once() {
    let bell = Doorbell::new().expect("eventfd");
    bell.arm();
    assert!(bell.ring());
    assert!(!bell.ring());
    assert!(wait(&bell, 0));
    assert!(bell.clear());
    assert!(!bell.clear());
}

#[test]
fn no_wakeup_is_lost_between_threads() {
    const ROUNDS: u64 = 20_000;
    let bell = Arc::new(Doorbell::new().expect("eventfd"));
    let work = Arc::new(AtomicU64::new(0));
    let (their_bell, their_work) = (bell.clone(), work.clone());
    let ringer = std::thread::spawn(move || {
        for round in 1..=ROUNDS {
            their_work.store(round, Ordering::Release);
            their_bell.ring();
        }
    });
    while work.load(Ordering::Acquire) < ROUNDS {
        let seen = work.load(Ordering::Acquire);
        bell.arm();
        if work.load(Ordering::Acquire) == seen {
            // A lost wakeup shows as a wait that runs out although more work was published.
            assert!(wait(&bell, 5_000) || work.load(Ordering::Acquire) == seen);
        }
        bell.disarm();
        bell.clear();
    }
    ringer.join().expect("ringer");
}
