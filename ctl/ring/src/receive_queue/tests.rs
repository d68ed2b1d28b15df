//! Where the next bytes go, which is fetched before they come.

use super::ReceiveQueue;
use crate::layout::Layout;
use crate::lender::Lender;
use crate::shape::Shape;
use crate::socket_state::StateWriter;
use crate::words::{SharedWrite, WORD_BYTES};

#[test]
fn the_word_that_is_fetched_is_where_the_next_bytes_go() {
    let layout = Layout::new(&SHAPE).expect("a layout");
    let memory = SharedWrite::heap(layout.daemon_bytes() / WORD_BYTES);
    let state = StateWriter::new(memory.part(layout.socket(0).expect("a socket")));
    let mut lender = Lender::new(&SHAPE.receive_chunks);
    let mut queue = ReceiveQueue::default();
    let mut received = 0;
    // Through more chunks than there are.
    for number in 1..=100_u64 {
        let word = queue.next_word(&layout, &lender).expect("a place");
        let count = queue.append(
            &number.to_ne_bytes().repeat(8),
            (&memory, &layout),
            (&mut lender, &state),
        );
        received += count as u64;
        assert_eq!((count, memory.load(word)), (64, number));
        queue
            .give_back(received, &mut lender, &state)
            .expect("what was received");
    }
}

#[test]
fn where_no_chunk_is_free_nothing_is_fetched() {
    let layout = Layout::new(&SHAPE).expect("a layout");
    let none = Lender::new(&[0; 3]);
    assert_eq!(ReceiveQueue::default().next_word(&layout, &none), None);
}

const SHAPE: Shape = Shape {
    workers: 1,
    contexts: 1,
    notifiers: 1,
    listeners: 1,
    sockets: 1,
    command_slots: 8,
    event_slots: 8,
    accept_slots: 1,
    receive_chunks: [3, 1, 1],
    send_chunks: [1, 1, 1],
};
