//! Detaching slice by slice: what was asked for before is carried out, and nobody can hold it up.

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_tcp::error::ReceiveError;

use super::side::Side;
use super::{PORT, accepted, arrived, nothing_is_left};
use crate::command::Command as Order;
use crate::snapshot::ApplicationRow;
use crate::worker::tests::hosts::Network;

impl Side {
    /// The control thread detaches it, as when it died; gives what was left of it on each worker.
    pub(super) fn detach(self, network: &mut Network) -> Vec<ApplicationRow> {
        let workers = (0..network.server.handles.len()).collect();
        self.detach_while(network, workers, |_| {})
    }

    /// The same, workers in this order; `act` is what it still does before each slice.
    fn detach_while(
        mut self,
        network: &mut Network,
        mut workers: Vec<usize>,
        mut act: impl FnMut(&mut Side),
    ) -> Vec<ApplicationRow> {
        let mut rows = Vec::new();
        for slice in 0.. {
            if workers.is_empty() {
                break;
            }
            assert!(slice < 100, "it ends");
            workers.retain(|worker| {
                act(&mut self);
                let order = Order::Detach {
                    attachment: self.attachment.id(),
                    is_finished: false,
                    still_sends: false,
                    domain: None,
                };
                let handle = &network.server.handles[*worker];
                handle.submit(order).expect("room");
                network.turn(2);
                let Some(Order::Detach {
                    is_finished,
                    domain,
                    ..
                }) = network.server.handles[*worker].take_answer()
                else {
                    panic!("no answer");
                };
                if is_finished {
                    rows.push(domain.expect("it was there").row());
                }
                !is_finished
            });
        }
        rows
    }
}

#[test]
fn commands_in_another_workers_ring_are_carried_out_whoever_leaves_first() {
    for workers in [vec![0, 1], vec![1, 0]] {
        let mut network = Network::new(2, Vec::new());
        let mut side = Side::attach(&mut network, 1);
        let listener = side.listen(&mut network, PORT).expect("a listener");
        let (id, connection) = accepted(&mut network, &mut side, listener);
        // The one that does not have it hands it over.
        let other = 1 - connection.handle.slot % 2;
        let send = Command::Send {
            socket: connection.handle,
            offset: 0,
            read: 0,
        };
        side.say(other, &send, b"famous last words");
        nothing_is_left(&side.detach_while(&mut network, workers, |_| {}));
        network.turn(20);
        let end = Some(ReceiveError::EndOfStream);
        assert_eq!(
            arrived(&mut network, id),
            (b"famous last words".to_vec(), end)
        );
    }
}

#[test]
fn who_goes_on_speaking_is_detached_all_the_same() {
    let mut network = Network::new(2, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    side.listen(&mut network, PORT).expect("a listener");
    let nothing = Command::Close {
        socket: Handle {
            memory: 0,
            slot: 1,
            generation: 77,
        },
    };
    let rows = side.detach_while(&mut network, vec![0, 1], |side| {
        for number in 0..100 {
            side.try_to_say(number % 2, &nothing, &[]);
        }
    });
    nothing_is_left(&rows);
}
