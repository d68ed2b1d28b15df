//! Applications that lie, err, or ask for too much.

use coremill_ring::command::Command;
use coremill_ring::command::chance::{self, Chance};
use coremill_ring::handle::Handle;
use coremill_tcp::ConnectionId;

use super::side::{Connection, Side, rows};
use super::{PORT, accepted, arrived, nothing_is_left, send};
use crate::snapshot::ApplicationRow;
use crate::worker::tests::hosts::Network;

/// Another application exchanges bytes as ever, and ends its connection; gives the peer's.
fn is_served(network: &mut Network, honest: &mut Side, listener: (Handle, u32)) -> ConnectionId {
    let (peer, mut served) = accepted(network, honest, listener);
    honest.send(&mut served, b"undisturbed");
    network.turn(20);
    assert_eq!(arrived(network, peer), (b"undisturbed".to_vec(), None));
    let socket = served.handle;
    honest.say(0, &Command::Close { socket }, &[]);
    peer
}

#[test]
fn a_liar_is_condemned_and_others_do_not_notice() {
    let lies: [fn(&mut Side, &mut Connection); 4] = [
        |side, connection| {
            let socket = connection.handle;
            side.say(
                0,
                &Command::Read {
                    socket,
                    read: 1 << 40,
                },
                &[],
            );
        },
        |side, connection| {
            connection.sent = 77;
            side.send(connection, b"out of place");
        },
        |side, connection| {
            let socket = connection.handle;
            side.say(
                0,
                &Command::GiveBack {
                    socket,
                    filled: 1 << 30,
                },
                &[],
            );
        },
        |side, _| {
            let ring = side.layout.command_ring(0, 0).expect("a ring");
            for word in 0..ring.words {
                side.application
                    .store(ring.first_word + word, 0x00ff_0000_0001 | 1 << 50);
            }
            let bits = side.layout.ready_bits(0).expect("a line");
            side.application.store(bits.first_word, u64::MAX);
            let head = side.layout.event_head(0, 0).expect("a line");
            side.application.store(head.first_word, u64::MAX);
            // The head is looked at when the ring seems full, the slots at once: their position decides.
            for position in 0..64 {
                let word = ring.first_word + position * 8;
                side.application
                    .store(word, (position as u64 + 1) | 200 << 32 | 8 << 48);
            }
        },
    ];
    for lie in lies {
        let mut network = Network::new(1, Vec::new());
        let mut honest = Side::attach(&mut network, 1);
        let mut liar = Side::attach(&mut network, 2);
        let listener = liar.listen(&mut network, PORT).expect("a listener");
        let (_id, mut connection) = accepted(&mut network, &mut liar, listener);
        lie(&mut liar, &mut connection);
        network.turn(4);
        assert!(liar.attachment.violation().is_some());
        assert!(liar.alarm.clear(), "the control thread was told");
        nothing_is_left(&liar.detach(&mut network));
        let listener = honest.listen(&mut network, PORT).expect("a listener");
        let (id, mut connection) = accepted(&mut network, &mut honest, listener);
        honest.send(&mut connection, b"undisturbed");
        network.turn(20);
        assert_eq!(arrived(&mut network, id), (b"undisturbed".to_vec(), None));
        assert!(honest.attachment.violation().is_none());
        nothing_is_left(&honest.detach(&mut network));
    }
}

#[test]
fn names_that_name_nothing_are_answered_or_ignored() {
    let mut network = Network::new(2, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let real = side.open(&mut network, 0);
    for slot in [real.slot, 1, 63, 64, (1 << 24) - 1] {
        let socket = Handle {
            memory: 0,
            slot,
            generation: 99,
        };
        let refused = side.ask(&mut network, 0, |ticket| Command::Listen {
            ticket,
            socket,
            backlog: 1,
        });
        assert_eq!(refused, Err(9), "EBADF");
        side.say(0, &Command::Close { socket }, &[]);
        side.say(1, &Command::Read { socket, read: 5 }, &[]);
        side.say(0, &Command::WantRoom { socket, bytes: 5 }, &[]);
    }
    let option = |ticket| Command::SetOption {
        ticket,
        socket: real,
        option: 999,
        value: 0,
    };
    assert_eq!(side.ask(&mut network, 0, option), Err(92), "ENOPROTOOPT");
    assert!(side.attachment.violation().is_none());
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn sockets_run_out_with_an_error() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    for _ in 0..64 {
        side.open(&mut network, 0);
    }
    let open = |ticket| Command::Open { ticket };
    assert_eq!(side.ask(&mut network, 0, open), Err(24), "EMFILE");
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn a_turn_has_room_for_few_commands_that_cost_much() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let socket = side.open(&mut network, 0);
    let mut carried_out = |command: &dyn Fn(u64) -> Command| {
        let before = rows(&mut network, 0)[0].commands;
        for ticket in 0..60 {
            side.say(0, &command(ticket), &[]);
        }
        // The turn of the question is the one that is looked at.
        let after = rows(&mut network, 0)[0].commands;
        network.turn(20);
        side.listen_to_events();
        after - before
    };
    let (local, remote) = (([10, 9, 9, 9], 1).into(), ([10, 9, 9, 9], 2).into());
    let cheap = carried_out(&|ticket| Command::Bind {
        ticket,
        socket,
        local,
    });
    let connects = carried_out(&|ticket| Command::Connect {
        ticket,
        socket,
        remote,
    });
    assert_eq!(cheap, 60);
    assert!((2..=16).contains(&connects), "{connects} in one turn");
    nothing_is_left(&side.detach(&mut network));
}

/// A fixed sequence (xorshift), the same in every run.
fn sequence() -> impl FnMut() -> u64 {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    }
}

/// A command of any kind, about a socket that may be its own, or of another worker, or none. Nothing of it goes to the
/// other's port, who would have to tell its own client from this one's connections.
fn any_command(side: &mut Side, own: &[Handle], next: &mut impl FnMut() -> u64) -> &'static str {
    let word = next();
    let slot = next() as u32 % 64;
    let some = Handle {
        memory: 0,
        slot,
        generation: 1 + word as u32 % 3,
    };
    let mut chance = Chance {
        ticket: word,
        socket: *own.get(next() as usize % 8).unwrap_or(&some),
        address: (
            [10, 0, 0, 1 + (next() % 3) as u8],
            PORT + 1 + (next() % 4) as u16,
        )
            .into(),
        // Nearly always what is so at the beginning: lies end the rest.
        count: if next().is_multiple_of(256) {
            next()
        } else {
            0
        },
        word: next,
    };
    let (command, payload) = chance::any(&mut chance);
    let worker = word as u32 % side.layout.shape().workers;
    if side.try_to_say(worker, &command, &payload) {
        side.announce(worker);
    }
    chance::kind_of(&command)
}

#[test]
fn whatever_kind_of_command_comes_another_is_served() {
    let mut next = sequence();
    let mut network = Network::new(2, Vec::new());
    let mut honest = Side::attach(&mut network, 1);
    let listener = honest.listen(&mut network, PORT).expect("a listener");
    let mut kinds = std::collections::BTreeSet::new();
    let (mut carried_out, mut caught) = (0, 0);
    for round in 0..100_u64 {
        let mut strange = Side::attach(&mut network, 100 + round);
        let other = strange.listen(&mut network, PORT + 1).expect("a listener");
        let id = network.connect(PORT + 1).expect("a connection");
        network.turn(20);
        let connection = strange.accept(&mut network, other).expect("an offer");
        strange.subscribe(connection.handle);
        send(&mut network, id, b"to be read, or not");
        let own = [other.0, connection.handle, strange.open(&mut network, 1)];
        for _ in 0..400 {
            kinds.insert(any_command(&mut strange, &own, &mut next));
            if next().is_multiple_of(16) {
                network.turn(1);
                strange.listen_to_events();
                strange.inbox.clear();
            }
        }
        network.turn(4);
        let is_its = |row: &&ApplicationRow| row.attachment == strange.attachment.id();
        for worker in 0..2 {
            let rows = rows(&mut network, worker);
            carried_out += rows.iter().find(is_its).map_or(0, |row| row.commands);
        }
        caught += usize::from(strange.attachment.violation().is_some());
        let peer = is_served(&mut network, &mut honest, listener);
        nothing_is_left(&strange.detach(&mut network));
        for id in [id, peer] {
            super::close(&mut network, id);
        }
        network.pass(std::time::Duration::from_millis(200));
    }
    assert_eq!(kinds.len(), chance::COUNT, "{kinds:?}");
    assert!(caught > 10, "{caught} of 100 were caught");
    assert!(carried_out > 5_000, "{carried_out} carried out");
    assert!(honest.attachment.violation().is_none());
    nothing_is_left(&honest.detach(&mut network));
}

#[test]
fn whatever_a_liar_scribbles_another_is_served() {
    let mut next = sequence();
    let mut network = Network::new(2, Vec::new());
    let mut honest = Side::attach(&mut network, 1);
    let listener = honest.listen(&mut network, PORT).expect("a listener");
    let mut caught = 0;
    for round in 0..100_u64 {
        let mut liar = Side::attach(&mut network, 100 + round);
        let other = liar.listen(&mut network, PORT + 1).expect("a listener");
        let id = network.connect(PORT + 1).expect("a connection");
        network.turn(20);
        let connection = liar.accept(&mut network, other).expect("an offer");
        liar.subscribe(connection.handle);
        let words = liar.application.words();
        for _ in 0..2_000 {
            let word = usize::try_from(next()).unwrap_or(0) % words.min(2_000);
            let value = match next() % 4 {
                0 => next(),
                1 => next() % 8,
                // A mark that is in place, of a kind and length that may be.
                2 => (word as u64 / 8 % 64 + 1) | (next() % 29) << 32 | (next() % 290) << 48,
                _ => connection.handle.to_word(),
            };
            liar.application.store(word, value);
            let bits = liar.layout.ready_bits(0).expect("a line");
            liar.application.store(bits.first_word, u64::MAX);
            if next().is_multiple_of(64) {
                network.turn(1);
            }
        }
        network.turn(4);
        caught += usize::from(liar.attachment.violation().is_some());
        let peer = is_served(&mut network, &mut honest, listener);
        nothing_is_left(&liar.detach(&mut network));
        for id in [id, peer] {
            super::close(&mut network, id);
        }
        network.pass(std::time::Duration::from_millis(200));
    }
    assert!(caught > 10, "{caught} of 100 were caught");
    assert!(honest.attachment.violation().is_none());
    nothing_is_left(&honest.detach(&mut network));
    super::no_record_is_left(&mut network);
}
