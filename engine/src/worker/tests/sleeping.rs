//! Sleeping workers, in threads of their own: what wakes them. The clock stands still, so that no
//! deadline comes, and naps grow long enough for a lost doorbell to be seen.

use std::time::{Duration, Instant};

use super::hosts::{Network, TestWorker, service};
use crate::command::Command;
use crate::idle::Idle;
use crate::options::{IdlePolicy, ServiceKind};

/// Lets the worker run in a thread until it is told to stop.
fn run(mut worker: TestWorker) -> std::thread::JoinHandle<TestWorker> {
    worker.idle = Idle::new(IdlePolicy::Adaptive {
        spin: Duration::ZERO,
        nap_max: Duration::from_secs(60),
    });
    std::thread::spawn(move || {
        worker.run();
        worker
    })
}

#[test]
fn a_command_wakes_a_sleeping_worker() {
    let mut network = Network::new(1, Vec::new());
    let handle = network.server.handles[0].clone();
    let thread = run(network.server.workers.remove(0));
    // Naps double from 50 us on: the next one lasts about as long as all before it.
    std::thread::sleep(Duration::from_millis(500));
    let engine = &handle.counters().engine;
    assert!(engine.sleeps.get() > 5, "{} naps", engine.sleeps.get());
    assert!(
        engine.turns.get() < 100,
        "{} turns while idle",
        engine.turns.get()
    );
    handle.submit(Command::Stop).expect("room");
    thread.join().expect("no panic");
    assert_eq!(engine.wakeups_doorbell.get(), 1);
    assert!(matches!(handle.take_answer(), Some(Command::Stop)));
}

#[test]
fn a_stray_wakes_its_sleeping_owner() {
    let mut network = Network::new(2, vec![service(ServiceKind::Echo, 7)]);
    let handle = network.server.handles[1].clone();
    let thread = run(network.server.workers.remove(1));
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..12 {
        network.connect(7).expect("a connection");
    }
    let opened = |network: &Network| {
        let opened = |worker: usize| {
            network.server.handles[worker]
                .tcp_counters()
                .passive_opens
                .get()
        };
        (opened(0), opened(1))
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while opened(&network).0 + opened(&network).1 < 12 && Instant::now() < deadline {
        network.turn(1);
        std::thread::yield_now();
    }
    let (here, there) = opened(&network);
    assert_eq!(here + there, 12);
    assert!(there > 0, "no flow belonged to the sleeping worker");
    assert!(handle.counters().engine.wakeups_doorbell.get() > 0);
    handle.submit(Command::Stop).expect("room");
    thread.join().expect("no panic");
}
