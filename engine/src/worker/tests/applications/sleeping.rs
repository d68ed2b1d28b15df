//! Worker and application wake each other, in threads of their own.

use std::time::Duration;

use coremill_ring::command::Command;
use coremill_ring::event::Event;

use super::side::Side;
use crate::idle::Idle;
use crate::options::IdlePolicy;
use crate::worker::tests::hosts::{Network, TestWorker};

#[test]
fn an_application_wakes_a_sleeping_worker_and_is_woken() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let handle = network.server.handles[0].clone();
    let mut worker: TestWorker = network.server.workers.remove(0);
    worker.idle = Idle::new(IdlePolicy::Adaptive {
        spin: Duration::ZERO,
        nap_max: Duration::from_secs(60),
    });
    let thread = std::thread::spawn(move || worker.run());
    for ticket in 1..=20 {
        // Naps double from 50 us on: by then they last longer than anybody waits here.
        std::thread::sleep(Duration::from_millis(if ticket == 1 { 500 } else { 5 }));
        let sleeper = side.arm();
        if side.say(0, &Command::Open { ticket }, &[]) {
            side.bells[0].ring();
        }
        let answered =
            |event: &Event| matches!(event, Event::Answer { ticket: own, .. } if *own == ticket);
        assert!(side.wait(), "rung for answer {ticket}");
        sleeper.disarm();
        side.listen_to_events();
        assert!(
            side.inbox.iter().any(answered),
            "{ticket}: {:?}",
            side.inbox
        );
    }
    assert!(handle.counters().engine.wakeups_application.get() > 0);
    handle.submit(crate::command::Command::Stop).expect("room");
    thread.join().expect("no panic");
}
