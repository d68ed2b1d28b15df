//! Every command there and back, and messages that are none.

use super::{Command, Direction, SendMark, chance};
use crate::consumer::Consumer;
use crate::handle::Handle;
use crate::key;
use crate::message::{INLINE_BYTES_MAX, Message};
use crate::producer::Producer;
use crate::untrusted::Violation;
use crate::words::SharedWrite;

#[test]
fn every_command_comes_back_as_it_was() {
    for command in commands() {
        let payload: &[u8] = match command {
            Command::Send { .. } | Command::SendMarked { .. } => &[7; 200],
            _ => &[],
        };
        let mut message = Message::new();
        command.encode(payload, &mut message).unwrap();
        assert_eq!(Command::decode(&message), Ok((command, payload)));
    }
}

#[test]
fn only_send_carries_payload_and_no_more_than_fits() {
    let mut message = Message::new();
    for command in commands() {
        let sends = matches!(command, Command::Send { .. } | Command::SendMarked { .. });
        assert_eq!(command.encode(&[1], &mut message).is_some(), sends);
        assert_eq!(
            command.encode(&[1; INLINE_BYTES_MAX + 1], &mut message),
            None
        );
    }
}

#[test]
fn a_send_of_every_length_is_published_as_its_message_would_be() {
    let (slots, head) = (SharedWrite::heap(8 * 8), SharedWrite::heap(8));
    let mut producer = Producer::new(slots.clone(), head.reader()).unwrap();
    let mut consumer = Consumer::new(slots.reader(), head).unwrap();
    let socket = commands()
        .into_iter()
        .find_map(|command| match command {
            Command::Send { socket, .. } => Some(socket),
            _ => None,
        })
        .unwrap();
    let bytes: Vec<u8> = (1..=u8::MAX).chain(1..=2).collect();
    for length in (0..=INLINE_BYTES_MAX).chain((0..=INLINE_BYTES_MAX).rev()) {
        let payload = &bytes[..length];
        let counts = (length as u64, u64::MAX);
        assert_eq!(
            Command::push_send(&mut producer, socket, counts, payload),
            Ok(true)
        );
        let mut message = Message::new();
        assert_eq!(consumer.take(&mut message), Ok(true));
        consumer.release();
        let command = Command::Send {
            socket,
            offset: counts.0,
            read: counts.1,
        };
        assert_eq!(Command::decode(&message), Ok((command, payload)));
    }
    let long = Command::push_send(&mut producer, socket, (0, 0), &bytes);
    assert_eq!((bytes.len(), long), (INLINE_BYTES_MAX + 1, Ok(false)));
    for pushed in [true, false] {
        let full = Command::push_send(&mut producer, socket, (0, 0), &bytes[..256]);
        assert_eq!(full, Ok(pushed), "a ring of eight slots");
    }
}

#[test]
fn a_key_travels_whole_or_not_at_all() {
    let command = Command::SetKey {
        ticket: 7,
        socket: Handle {
            memory: 0,
            slot: 3,
            generation: 1,
        },
        option: crate::option::MD5_KEY,
    };
    let mut message = Message::new();
    command.encode(&[9; key::BYTES], &mut message).unwrap();
    let decoded = Command::decode(&message);
    assert_eq!(decoded, Ok((command, &[9; key::BYTES][..])));
    assert_eq!(command.encode(&[9; key::BYTES - 1], &mut message), None);
    let fields = message.words()[..3].to_vec();
    message.set_with_payload(23, &fields, &[9; 8]).unwrap();
    assert_eq!(Command::decode(&message), Err(Violation::BadLength));
    message.wipe();
    assert!(message.words().is_empty());
    message.begin(23, key::BYTES);
    assert!(message.words().iter().all(|word| *word == 0));
}

#[test]
fn a_command_of_another_length_is_refused() {
    for command in commands() {
        let mut message = Message::new();
        command.encode(&[], &mut message).unwrap();
        let words = message.words().to_vec();
        for length in (0..words.len() + 3).filter(|length| *length != words.len()) {
            let mut other = vec![1; length];
            let same = length.min(words.len());
            other[..same].copy_from_slice(&words[..same]);
            message.set(message.kind(), &other).unwrap();
            let result = Command::decode(&message);
            match command {
                Command::Send { .. } | Command::SendMarked { .. } if length > words.len() => {
                    assert!(result.is_ok())
                }
                _ => assert_eq!(
                    result,
                    Err(Violation::BadLength),
                    "{command:?} of {length} words"
                ),
            }
        }
    }
}

#[test]
fn fields_that_cannot_be_are_refused() {
    let refused = |kind, words: &[u64]| {
        let mut message = Message::new();
        message.set(kind, words).unwrap();
        Command::decode(&message).unwrap_err()
    };
    assert_eq!(refused(12, &[0]), Violation::BadField, "generation zero");
    assert_eq!(
        refused(2, &[0, 1, 0, 1, 80 << 8 | 5]),
        Violation::BadField,
        "a fifth family"
    );
    assert_eq!(
        refused(2, &[0, 1, 0, 1 << 32, 80 << 8 | 4]),
        Violation::BadField,
        "a long address"
    );
    assert_eq!(
        refused(11, &[0, 1, 4]),
        Violation::BadField,
        "a fourth direction"
    );
    assert_eq!(
        refused(3, &[0, 1, 1 << 32]),
        Violation::BadField,
        "a backlog beyond 32 bits"
    );
    assert_eq!(
        refused(16, &[0, 0, 0, 0, 0, 0, 0]),
        Violation::BadField,
        "a connection to nowhere"
    );
    assert_eq!(refused(255, &[0]), Violation::UnknownKind);
    assert_eq!(refused(0, &[]), Violation::UnknownKind);
}

#[test]
fn chance_has_every_kind_and_all_of_them_arrive() {
    let mut seen = std::collections::BTreeSet::new();
    let mut message = Message::new();
    for number in 0..2_000_u64 {
        let mut state = number;
        let mut word = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            state >> 20
        };
        let mut chance = chance::Chance {
            ticket: number,
            socket: Handle::from_word(7 << 24 | 7).expect("a name"),
            address: ([10, 1, 2, 3], 9).into(),
            count: number,
            word: &mut word,
        };
        let (command, payload) = chance::any(&mut chance);
        command.encode(&payload, &mut message).expect("it fits");
        let decoded = Command::decode(&message).expect("a command");
        assert_eq!(decoded, (command, &payload[..]));
        seen.insert(chance::kind_of(&command));
    }
    assert_eq!(seen.len(), chance::COUNT, "{seen:?}");
}

fn marked(socket: Handle, mark: SendMark) -> Command {
    Command::SendMarked {
        socket,
        offset: 1 << 40,
        read: 1 << 41,
        mark,
    }
}

fn commands() -> Vec<Command> {
    let socket = Handle {
        memory: 3,
        slot: 0x00ab_cdef,
        generation: u32::MAX,
    };
    let ticket = u64::MAX - 1;
    let local = ([10, 1, 2, 3], 65535).into();
    let remote = ([0xfe80, 0, 0, 0, 0, 0, 0, 1], 443).into();
    let (offset, read, filled) = (1 << 40, 1 << 41, 1 << 42);
    vec![
        Command::Open { ticket },
        Command::Bind {
            ticket,
            socket,
            local,
        },
        Command::Listen {
            ticket,
            socket,
            backlog: 4096,
        },
        Command::Connect {
            ticket,
            socket,
            remote,
        },
        Command::ConnectNew {
            ticket,
            local: None,
            remote,
        },
        Command::ConnectNew {
            ticket,
            local: Some(local),
            remote,
        },
        Command::Info { ticket, socket },
        Command::Take {
            ticket,
            listener: socket,
            slot: 9,
            round: 77,
        },
        Command::Send {
            socket,
            offset,
            read,
        },
        marked(socket, SendMark::More),
        marked(socket, SendMark::Urgent),
        Command::PassMark {
            ticket,
            socket,
            read,
        },
        Command::TakeUrgent {
            ticket,
            socket,
            is_peek: true,
        },
        Command::SendFilled {
            socket,
            offset,
            read,
            filled,
            has_more: false,
        },
        Command::SendFilled {
            socket,
            offset,
            read,
            filled,
            has_more: true,
        },
        Command::Read { socket, read },
        Command::WantRoom {
            socket,
            bytes: 100_000,
        },
        Command::GiveBack { socket, filled },
        Command::Shutdown {
            ticket,
            socket,
            direction: Direction::Receive,
        },
        Command::Shutdown {
            ticket,
            socket,
            direction: Direction::Send,
        },
        Command::Shutdown {
            ticket,
            socket,
            direction: Direction::Both,
        },
        Command::Close { socket },
        Command::SetOption {
            ticket,
            socket,
            option: 1,
            value: u64::MAX,
        },
        Command::GetOption {
            ticket,
            socket,
            option: 6 << 16 | 1,
        },
        Command::Subscribe {
            ticket,
            socket,
            notifier: 5,
            interest: 0x2001,
        },
        Command::Unsubscribe {
            socket,
            notifier: 5,
        },
    ]
}
