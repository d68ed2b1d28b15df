//! The version in numbers, and that no two things share a word.

use super::{Layout, VERSION};
use crate::chunk::ChunkReference;
use crate::shape::{Shape, ShapeError};
use crate::words::Part;

/// Offsets of this version in bytes. Whoever has to change a number here has to change the version as well.
#[test]
fn offsets_are_those_of_the_version() {
    assert_eq!(VERSION, 8);
    let layout = Layout::new(&SHAPE).unwrap();
    let at = |part: Option<Part>| part.map(|part| (part.first_word * 8, part.words * 8));
    let chunk = |class, index| ChunkReference::new(class, index).unwrap();
    assert_eq!(at(layout.worker(1)), Some((0x1040, 64)));
    assert_eq!(at(layout.command_head(2, 1)), Some((0x11c0, 64)));
    assert_eq!(at(layout.event_ring(1, 1)), Some((0x1800, 512)));
    assert_eq!(at(layout.event_merges(1, 1)), Some((0x1ac0, 64)));
    assert_eq!(at(layout.socket(4)), Some((0x1c00, 64)));
    assert_eq!(at(layout.local(4)), Some((0x1ca0, 24)));
    assert_eq!(at(layout.accept_slots(0, 1)), Some((0x1d80, 192)));
    assert_eq!(at(layout.chunk_note(chunk(2, 1))), Some((0x1ed0, 16)));
    assert_eq!(at(layout.receive_chunk(chunk(0, 3))), Some((0x2300, 256)));
    assert_eq!(at(layout.receive_chunk(chunk(1, 0))), Some((0x3000, 2048)));
    assert_eq!(at(layout.receive_chunk(chunk(2, 1))), Some((0x9000, 16384)));
    assert_eq!(layout.daemon_bytes(), 0xd000);
    assert_eq!(at(layout.ready_bits(1)), Some((0x40, 64)));
    assert_eq!(at(layout.command_ring(2, 1)), Some((0x1480, 1024)));
    assert_eq!(at(layout.event_head(1, 0)), Some((0x1900, 64)));
    assert_eq!(at(layout.armed(1)), Some((0x19c0, 64)));
    assert_eq!(at(layout.claims(0, 1)), Some((0x1a40, 24)));
    assert_eq!(at(layout.owners(4)), Some((0x1ac0, 16)));
    assert_eq!(at(layout.send_chunk(chunk(0, 1))), Some((0x2100, 256)));
    assert_eq!(layout.application_bytes(), 0x8000);
}

#[test]
fn no_two_things_share_a_word() {
    let layout = Layout::new(&SHAPE).unwrap();
    let (mut daemon, mut application) = (Vec::new(), Vec::new());
    for worker in 0..SHAPE.workers {
        daemon.push(layout.worker(worker));
        application.push(layout.ready_bits(worker));
        for context in 0..SHAPE.contexts {
            daemon.push(layout.command_head(context, worker));
            application.push(layout.command_ring(context, worker));
        }
        for notifier in 0..SHAPE.notifiers {
            daemon.push(layout.event_ring(notifier, worker));
            daemon.push(layout.event_merges(notifier, worker));
            application.push(layout.event_head(notifier, worker));
        }
        for listener in 0..SHAPE.listeners {
            daemon.push(layout.accept_slots(listener, worker));
            application.push(layout.claims(listener, worker));
        }
    }
    application.extend((0..SHAPE.notifiers).map(|notifier| layout.armed(notifier)));
    for slot in 0..SHAPE.sockets {
        daemon.extend([layout.socket(slot), layout.local(slot)]);
        application.push(layout.owners(slot));
    }
    for class in 0..3 {
        for index in 0..SHAPE.receive_chunks[class] {
            let chunk = ChunkReference::new(class, index).unwrap();
            daemon.extend([layout.chunk_note(chunk), layout.receive_chunk(chunk)]);
        }
        for index in 0..SHAPE.send_chunks[class] {
            application.push(layout.send_chunk(ChunkReference::new(class, index).unwrap()));
        }
    }
    for (parts, from, end) in [
        (daemon, 512, layout.daemon_bytes() / 8),
        (application, 0, layout.application_bytes() / 8),
    ] {
        let mut parts: Vec<Part> = parts.into_iter().map(Option::unwrap).collect();
        parts.sort_by_key(|part| part.first_word);
        let last = parts.iter().fold(from, |free, part| {
            assert!(part.first_word >= free, "{part:?} begins before {free}");
            part.first_word + part.words
        });
        assert!(last <= end);
    }
}

#[test]
fn what_is_not_there_has_no_place() {
    let layout = Layout::new(&SHAPE).unwrap();
    assert_eq!(layout.worker(2), None);
    assert_eq!(layout.command_ring(3, 0), None);
    assert_eq!(layout.command_ring(0, 2), None);
    assert_eq!(layout.event_ring(2, 0), None);
    assert_eq!(layout.accept_slots(1, 0), None);
    assert_eq!(layout.socket(u32::MAX), None);
    for word in [
        1,
        5,
        1 << 24,
        (2 << 24) + 3,
        3 << 24,
        u64::from(u32::MAX),
        u64::MAX,
    ] {
        let Some(chunk) = ChunkReference::from_word(word) else {
            continue;
        };
        let there = chunk.index() < SHAPE.receive_chunks[chunk.class()];
        assert_eq!(
            layout.receive_chunk(chunk).is_some(),
            there,
            "word {word:#x}"
        );
    }
}

#[test]
fn impossible_shapes_are_refused() {
    type Change = fn(&mut Shape);
    let changes: [(Change, &str); 7] = [
        (
            |shape| shape.workers = 0,
            "workers is 0: it must be 1 to 256",
        ),
        (
            |shape| shape.contexts = 513,
            "contexts is 513: it must be 1 to 512",
        ),
        (
            |shape| shape.sockets = u32::MAX,
            "sockets is 4294967295: it must be 1 to 16777216",
        ),
        (
            |shape| shape.command_slots = 4,
            "command_slots is 4: it must be 8 to 1048576",
        ),
        (
            |shape| shape.event_slots = 24,
            "event_slots is 24: it must be a power of two",
        ),
        (
            |shape| shape.accept_slots = 0,
            "accept_slots is 0: it must be 1 to 4096",
        ),
        (
            |shape| shape.send_chunks[2] = u32::MAX,
            "send_chunks is 4294967295: it must be 0 to 16777216",
        ),
    ];
    for (change, text) in changes {
        let mut shape = SHAPE;
        change(&mut shape);
        assert_eq!(Layout::new(&shape).unwrap_err().to_string(), text);
    }
    let largest = Shape {
        workers: 256,
        contexts: 512,
        notifiers: 1 << 16,
        listeners: 1 << 16,
        sockets: 1 << 24,
        command_slots: 1 << 20,
        event_slots: 1 << 20,
        accept_slots: 1 << 12,
        receive_chunks: [1 << 24; 3],
        send_chunks: [1 << 24; 3],
    };
    assert!(matches!(
        Layout::new(&largest),
        Err(ShapeError::TooLarge { .. })
    ));
}

const SHAPE: Shape = Shape {
    workers: 2,
    contexts: 3,
    notifiers: 2,
    listeners: 1,
    sockets: 5,
    command_slots: 16,
    event_slots: 8,
    accept_slots: 3,
    receive_chunks: [4, 3, 2],
    send_chunks: [2, 1, 1],
};
