use std::sync::Arc;

use super::{Failure, run_guarded};
use crate::doorbell::Doorbell;
use crate::handle::Mailbox;
use crate::worker::tests::hosts::Network;

#[test]
fn a_panic_is_reported_with_worker_stage_and_packet() {
    let mut network = Network::new(1, Vec::new());
    let worker = &mut network.client.workers[0];
    // The announcement of its address is what it wants to send.
    worker.ports[0].port.panics_on_transmit = true;
    let (failure, doorbell) = (Failure::default(), Doorbell::new().expect("eventfd"));
    let mailbox = Mailbox::new(Arc::new(doorbell)).expect("eventfd");
    assert_eq!(failure.text(), None);
    run_guarded(worker, &failure, &mailbox);
    let expected = "worker 0, stage transmit, last packet none: the port gave way";
    assert_eq!(failure.text().as_deref(), Some(expected));
    assert!(mailbox.answered.clear(), "the control thread is woken");
    failure.report(String::from("another"));
    assert_eq!(
        failure.text().as_deref(),
        Some(expected),
        "the first one counts"
    );
}
