//! Every event there and back, in one slot.

use super::Event;
use crate::chunk::ChunkReference;
use crate::handle::Handle;
use crate::message::Message;
use crate::send_lease::Grant;
use crate::socket_state::Flags;
use crate::untrusted::Violation;

#[test]
fn a_slot_of_readiness_takes_another_ticket() {
    let ready = |ticket| Event::Ready {
        ticket,
        socket: Handle {
            memory: 0,
            slot: 5,
            generation: 9,
        },
        flags: Flags::CONNECTED,
        received: 7,
        acknowledged: 3,
        unread: None,
    };
    let mut slot = ready(1).to_slot();
    Event::set_ticket(&mut slot, u64::MAX);
    assert_eq!(slot, ready(u64::MAX).to_slot());
}

#[test]
fn every_event_comes_back_as_it_was_and_fits_one_slot() {
    let socket = Handle {
        memory: 0,
        slot: 5,
        generation: 9,
    };
    let chunk = ChunkReference::new(2, 0x00ff_ffff).unwrap();
    let ready = |unread| Event::Ready {
        ticket: u64::MAX,
        socket,
        flags: Flags::HUP.and(Flags::ERR),
        received: 1 << 50,
        acknowledged: 3,
        unread,
    };
    let events = [
        ready(None),
        ready(Some((chunk, 1 << 49))),
        Event::Info {
            ticket: 4,
            page: 2,
            words: [1, 2, 3, 4, u64::MAX],
        },
        Event::Answer {
            ticket: 1,
            error: 98,
            socket: None,
            value: 2,
        },
        Event::Answer {
            ticket: 1,
            error: 0,
            socket: Some(socket),
            value: u64::MAX,
        },
        Event::Granted {
            socket,
            grant: Grant {
                chunk,
                start: 12345,
            },
        },
    ];
    for event in events {
        let mut message = Message::new();
        event.encode(&mut message);
        assert_eq!(message.slots(), 1);
        assert_eq!(Event::decode(&message), Ok(event));
    }
}

#[test]
fn what_is_no_event_is_refused() {
    let mut message = Message::new();
    assert_eq!(Event::decode(&message), Err(Violation::UnknownKind));
    message.set(2, &[0; 3]).unwrap();
    assert_eq!(Event::decode(&message), Err(Violation::BadLength));
    message.set(3, &[1, 0, 0]).unwrap();
    assert_eq!(Event::decode(&message), Err(Violation::BadField));
}
