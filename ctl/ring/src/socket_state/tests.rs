//! What a reader finds of what was written.

use super::{Condition, Flags, StateReader, StateWriter};
use crate::chunk::ChunkReference;
use crate::handle::Handle;
use crate::words::SharedWrite;

#[test]
fn a_snapshot_is_what_was_written() {
    let (writer, reader) = state();
    writer.set_received(10);
    writer.set_sent(30, 20, 40);
    writer.raise_readable();
    writer.raise_readable();
    writer.raise_writable();
    let flags = Flags::CONNECTED.and(Flags::RDHUP);
    let condition = Condition {
        flags,
        error: 104,
        worker: 65535,
    };
    writer.set_condition(condition);
    let snapshot = reader.snapshot(NAME).unwrap();
    assert_eq!(
        (snapshot.readable, snapshot.writable, snapshot.condition),
        (2, 1, condition)
    );
    assert_eq!((snapshot.received, snapshot.taken), (10, 30));
    assert_eq!((snapshot.acknowledged, snapshot.send_limit), (20, 40));
    assert!(condition.flags.contains(Flags::RDHUP) && !condition.flags.contains(Flags::HUP));
}

#[test]
fn a_slot_used_anew_is_another_sockets_and_empty() {
    let (writer, reader) = state();
    writer.set_received(10);
    writer.set_first_chunk(1, ChunkReference::new(0, 3));
    let next = Handle {
        generation: 2,
        ..NAME
    };
    writer.close();
    assert_eq!((reader.snapshot(NAME), reader.snapshot(next)), (None, None));
    writer.open(next, Condition::default());
    assert_eq!(reader.snapshot(NAME), None);
    assert_eq!(
        (
            reader.snapshot(next).unwrap().received,
            reader.first_chunk()
        ),
        (0, 0)
    );
}

fn state() -> (StateWriter, StateReader) {
    let words = SharedWrite::heap(8);
    let writer = StateWriter::new(words.clone());
    writer.open(NAME, Condition::default());
    (writer, StateReader::new(words.reader()))
}

const NAME: Handle = Handle {
    memory: 0,
    slot: 0,
    generation: 1,
};
