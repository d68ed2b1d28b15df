//! Headers that are and are not ours.

use super::{HeaderError, read_header, write_header};
use crate::layout::Layout;
use crate::shape::Shape;
use crate::words::SharedWrite;

#[test]
fn a_layout_comes_back_from_its_header() {
    let (layout, memory) = written();
    assert_eq!(read_header(&memory.reader()), Ok(layout));
}

#[test]
fn other_memory_is_refused() {
    let (layout, memory) = written();
    let changed = |word: usize, value: u64| {
        let before = memory.swap(word, value);
        let result = read_header(&memory.reader()).unwrap_err();
        memory.store(word, before);
        result
    };
    assert_eq!(changed(0, 7), HeaderError::NotCoremill);
    assert_eq!(changed(1, 99), HeaderError::OtherVersion(99));
    assert!(matches!(changed(8, 0), HeaderError::BadShape(_)));
    assert!(matches!(changed(12, u64::MAX), HeaderError::BadShape(_)));
    assert!(matches!(changed(12, 5000), HeaderError::OtherSize { .. }));
    let short = SharedWrite::heap(8);
    assert_eq!(read_header(&short.reader()), Err(HeaderError::NotCoremill));
    assert_eq!(read_header(&memory.reader()), Ok(layout));
}

fn written() -> (Layout, SharedWrite) {
    let shape = Shape {
        workers: 2,
        contexts: 3,
        notifiers: 4,
        listeners: 5,
        sockets: 6,
        command_slots: 8,
        event_slots: 16,
        accept_slots: 7,
        receive_chunks: [1, 2, 3],
        send_chunks: [4, 5, 6],
    };
    let layout = Layout::new(&shape).unwrap();
    let memory = SharedWrite::heap(layout.daemon_bytes() / 8);
    write_header(&memory, &layout);
    (layout, memory)
}
