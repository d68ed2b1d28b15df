//! Addresses are found as they were set, each in its own slot.

use std::net::SocketAddr;

use super::{LocalWriter, read};
use crate::layout::Layout;
use crate::shape::Shape;
use crate::words::{SharedWrite, WORD_BYTES};

#[test]
fn each_slot_has_its_own_of_either_family() {
    let layout = Layout::new(&SHAPE).unwrap();
    let memory = SharedWrite::heap(layout.daemon_bytes() / WORD_BYTES);
    let writer = LocalWriter::new(memory.clone(), layout);
    let shown = |slot| read(&memory.part(layout.local(slot).unwrap()).reader());
    let addresses: [SocketAddr; 2] = [
        ([192, 0, 2, 2], 65_535).into(),
        "[2001:db8::ffff:1]:1".parse().unwrap(),
    ];
    assert_eq!((shown(1), writer.get(1)), (None, None));
    for (slot, address) in (1..).zip(addresses) {
        writer.set(slot, Some(address));
    }
    for (slot, address) in (1..).zip(addresses) {
        assert_eq!(
            (shown(slot), writer.get(slot)),
            (Some(address), Some(address))
        );
    }
    writer.set(1, None);
    assert_eq!((shown(1), shown(2)), (None, Some(addresses[1])));
    assert_eq!((shown(0), shown(3)), (None, None));
    writer.set(SHAPE.sockets, Some(addresses[0]));
    assert_eq!(writer.get(SHAPE.sockets), None);
}

const SHAPE: Shape = Shape {
    workers: 1,
    contexts: 1,
    notifiers: 1,
    listeners: 1,
    sockets: 4,
    command_slots: 8,
    event_slots: 8,
    accept_slots: 1,
    receive_chunks: [1, 1, 1],
    send_chunks: [1, 1, 1],
};
