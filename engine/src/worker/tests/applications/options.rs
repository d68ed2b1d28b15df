//! Options on their way: set on sockets of each kind, inherited, told, refused.

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::option::{
    FIN_WAIT_2, KEEPALIVE_COUNT, KEEPALIVE_IDLE, NO_DELAY, SEND_BUFFER, USER_TIMEOUT,
};

use super::side::Side;
use super::{PORT, accepted, nothing_is_left};
use crate::worker::tests::hosts::Network;

fn set(
    network: &mut Network,
    side: &mut Side,
    socket: Handle,
    (option, value): (u32, i64),
) -> Result<(), u16> {
    let value = value.cast_unsigned();
    let set = |ticket| Command::SetOption {
        ticket,
        socket,
        option,
        value,
    };
    side.ask(network, 0, set).map(|_| ())
}

fn get(network: &mut Network, side: &mut Side, socket: Handle, option: u32) -> Result<i64, u16> {
    let get = |ticket| Command::GetOption {
        ticket,
        socket,
        option,
    };
    let answer = side.ask(network, 0, get);
    answer.map(|(_, value)| value.cast_signed())
}

#[test]
fn a_connection_has_what_its_listener_had_when_it_came_and_then_its_own() {
    let mut network = Network::new(2, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (_, before) = accepted(&mut network, &mut side, listener);
    for pair in [(NO_DELAY, 1), (KEEPALIVE_IDLE, 11), (FIN_WAIT_2, -5)] {
        assert_eq!(set(&mut network, &mut side, listener.0, pair), Ok(()));
    }
    network.turn(4);
    let (_, after) = accepted(&mut network, &mut side, listener);
    let mut told = |socket, option| get(&mut network, &mut side, socket, option);
    for socket in [listener.0, after.handle] {
        assert_eq!(told(socket, NO_DELAY), Ok(1));
        assert_eq!(told(socket, KEEPALIVE_IDLE), Ok(11));
        assert_eq!(told(socket, FIN_WAIT_2), Ok(-1), "below zero is one number");
    }
    assert_eq!(told(before.handle, NO_DELAY), Ok(0));
    assert_eq!(told(before.handle, KEEPALIVE_IDLE), Ok(7_200));
    let own = (KEEPALIVE_IDLE, 12);
    assert_eq!(set(&mut network, &mut side, after.handle, own), Ok(()));
    let mut told = |socket, option| get(&mut network, &mut side, socket, option);
    assert_eq!(told(after.handle, KEEPALIVE_IDLE), Ok(12));
    assert_eq!(told(listener.0, KEEPALIVE_IDLE), Ok(11));
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn what_is_chosen_before_connecting_stays_through_a_listen_that_was_refused() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let (first, _) = side.listen(&mut network, PORT).expect("a listener");
    let socket = side.open(&mut network, 0);
    let timeout = (USER_TIMEOUT, 4_321);
    assert_eq!(set(&mut network, &mut side, socket, timeout), Ok(()));
    let bind = |ticket| Command::Bind {
        ticket,
        socket,
        local: ([0, 0, 0, 0], PORT).into(),
    };
    side.ask(&mut network, 0, bind).expect("any address");
    let listen = |ticket| Command::Listen {
        ticket,
        socket,
        backlog: 1,
    };
    assert_eq!(side.ask(&mut network, 0, listen), Err(98), "EADDRINUSE");
    let told = get(&mut network, &mut side, socket, USER_TIMEOUT);
    assert_eq!(told, Ok(4_321));
    side.say(0, &Command::Close { socket: first }, &[]);
    network.turn(4);
    side.ask(&mut network, 0, listen).expect("the port is free");
    let told = get(&mut network, &mut side, socket, USER_TIMEOUT);
    assert_eq!(told, Ok(4_321));
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn what_cannot_be_is_refused_as_by_linux() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener");
    let (_, connection) = accepted(&mut network, &mut side, listener);
    let unconnected = side.open(&mut network, 0);
    for socket in [listener.0, connection.handle, unconnected] {
        for (pair, error) in [
            ((KEEPALIVE_COUNT, 0), 22),
            ((KEEPALIVE_COUNT, 128), 22),
            ((USER_TIMEOUT, -1), 22),
            ((0, 1), 92),
            ((u32::MAX, 1), 92),
        ] {
            assert_eq!(set(&mut network, &mut side, socket, pair), Err(error));
        }
        assert_eq!(get(&mut network, &mut side, socket, 77), Err(92));
        let least = (SEND_BUFFER, 1);
        assert_eq!(set(&mut network, &mut side, socket, least), Ok(()));
        let told = get(&mut network, &mut side, socket, SEND_BUFFER);
        assert_eq!(told, Ok(2_304), "bounded, not refused");
    }
    assert!(side.attachment.violation().is_none());
    nothing_is_left(&side.detach(&mut network));
}
