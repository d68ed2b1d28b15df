//! Applications that say more than there is time for: each gets its part of a turn, and no other pays for it.

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;

use super::nothing_is_left;
use super::side::{Side, rows};
use crate::worker::tests::hosts::Network;

/// Fills a worker's ring with the dearest command that there is.
fn flood(side: &mut Side, worker: u32, socket: Handle) {
    let connect = Command::Connect {
        ticket: 1,
        socket,
        // No route leads there.
        remote: ([10, 9, 9, 9], 9).into(),
    };
    while side.try_to_say(worker, &connect, &[]) {}
    side.announce(worker);
    side.listen_to_events();
    side.inbox.clear();
}

/// What the first worker has carried out for each of them.
fn carried_out(network: &mut Network, sides: [&Side; 2]) -> [u64; 2] {
    let rows = rows(network, 0);
    sides.map(|side| {
        let own = |row: &&_| -> bool { is_of(side, row) };
        rows.iter().find(own).expect("a row").commands
    })
}

fn is_of(side: &Side, row: &crate::snapshot::ApplicationRow) -> bool {
    row.attachment == side.attachment.id()
}

#[test]
fn two_who_flood_get_the_same_share() {
    let mut network = Network::new(1, Vec::new());
    let [mut one, mut other] = [1, 2].map(|id| Side::attach(&mut network, id));
    let sockets = [&mut one, &mut other].map(|side| side.open(&mut network, 0));
    let before = carried_out(&mut network, [&one, &other]);
    for _ in 0..TURNS {
        flood(&mut one, 0, sockets[0]);
        flood(&mut other, 0, sockets[1]);
        network.turn(1);
    }
    let after = carried_out(&mut network, [&one, &other]);
    let [first, second] = [after[0] - before[0], after[1] - before[1]];
    assert!(first >= 4 * TURNS, "{first} in {TURNS} turns");
    assert!(first.abs_diff(second) <= first / 10, "{first}, {second}");
    for side in [one, other] {
        nothing_is_left(&side.detach(&mut network));
    }
}

#[test]
fn who_speaks_to_all_workers_gets_no_second_share_of_one() {
    let mut network = Network::new(2, Vec::new());
    let [mut one, mut other] = [1, 2].map(|id| Side::attach(&mut network, id));
    let sockets = [&mut one, &mut other].map(|side| side.open(&mut network, 0));
    let before = carried_out(&mut network, [&one, &other]);
    for _ in 0..TURNS {
        // The second worker hands over what it is told of the first one's socket.
        flood(&mut one, 0, sockets[0]);
        flood(&mut one, 1, sockets[0]);
        flood(&mut other, 0, sockets[1]);
        network.turn(1);
    }
    let after = carried_out(&mut network, [&one, &other]);
    let [first, second] = [after[0] - before[0], after[1] - before[1]];
    assert!(second >= 4 * TURNS, "{second} in {TURNS} turns");
    // Each part of it may end with a command that costs more than is left.
    assert!(first <= second + second / 4, "{first}, {second}");
    for side in [one, other] {
        nothing_is_left(&side.detach(&mut network));
    }
}

#[test]
fn what_was_handed_over_and_what_was_said_here_both_get_on() {
    let mut network = Network::new(2, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let socket = side.open(&mut network, 0);
    let mut count = || {
        let forwarded = rows(&mut network, 1)[0].commands_forwarded;
        let mut both = [0, forwarded];
        both[0] = rows(&mut network, 0)[0].commands;
        for _ in 0..TURNS {
            flood(&mut side, 0, socket);
            flood(&mut side, 1, socket);
            network.turn(1);
        }
        let forwarded = rows(&mut network, 1)[0].commands_forwarded - both[1];
        (rows(&mut network, 0)[0].commands - both[0], forwarded)
    };
    let (all, forwarded) = count();
    assert!(forwarded >= 4 * TURNS, "{forwarded} of {all}");
    assert!(all - forwarded >= 4 * TURNS, "{forwarded} of {all}");
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn who_says_little_does_not_wait_for_one_who_floods() {
    let mut network = Network::new(1, Vec::new());
    let [mut loud, mut quiet] = [1, 2].map(|id| Side::attach(&mut network, id));
    let sockets = [&mut loud, &mut quiet].map(|side| side.open(&mut network, 0));
    let before = carried_out(&mut network, [&loud, &quiet])[1];
    for turn in 1..=TURNS {
        flood(&mut loud, 0, sockets[0]);
        let socket = sockets[1];
        quiet.say(0, &Command::Read { socket, read: 0 }, &[]);
        // The question of the operator is a turn, too.
        let now = carried_out(&mut network, [&loud, &quiet])[1];
        assert_eq!(now - before, turn);
    }
    for side in [loud, quiet] {
        nothing_is_left(&side.detach(&mut network));
    }
}

const TURNS: u64 = 50;
