//! Keys on their way: to listeners on all workers, to sockets before they connect, to connections; removed, refused.

use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::key::Key;
use coremill_ring::option::{MD5_KEY, NO_DELAY};
use coremill_tcp::authentication::{KeyRing, PeerKey, Prefix};
use coremill_tcp::{ConnectionId, State};
use rustix::io::Errno;

use super::side::Side;
use super::{PORT, accepted, arrived, nothing_is_left, send};
use crate::clock::Clock;
use crate::worker::tests::hosts::{CLIENT, Network, SERVER};

const SECRET: &[u8] = b"a secret";

pub(super) fn set(
    network: &mut Network,
    side: &mut Side,
    socket: Handle,
    (option, key): (u32, &[u8]),
) -> Result<(), Errno> {
    let worker = socket.slot % u32::try_from(network.server.workers.len()).expect("few");
    // Said to another worker than the one it is for, where there is one.
    let other = (worker + 1) % u32::try_from(network.server.workers.len()).expect("few");
    let command = |ticket| Command::SetKey {
        ticket,
        socket,
        option,
    };
    side.ask_with(network, other, key, command)
        .map(|_| ())
        .map_err(|error| Errno::from_raw_os_error(i32::from(error)))
}

fn key(peer: std::net::Ipv4Addr, secret: &[u8]) -> [u8; coremill_ring::key::BYTES] {
    let key = Key::new(peer.into(), 32, secret).expect("a key");
    key.to_bytes()
}

/// The client connects with a key.
fn connect(network: &mut Network, secret: &[u8]) -> ConnectionId {
    let key = PeerKey::md5(Prefix::of(SERVER.into()), secret).expect("a key");
    let mut ring = KeyRing::default();
    let shard = network.client.shard();
    shard.add_key(&mut ring, key).expect("room");
    network
        .connect_with_keys(PORT, &mut ring)
        .expect("a connection")
}

pub(super) fn state(network: &mut Network, id: ConnectionId) -> Option<State> {
    let now = network.clock.now();
    network.client.shard().row(now, id).map(|row| row.state)
}

#[test]
fn a_listeners_key_holds_on_all_workers() {
    for workers in [1, 2] {
        let mut network = Network::new(workers, Vec::new());
        let mut side = Side::attach(&mut network, 1);
        let listener = side.listen(&mut network, PORT).expect("a listener");
        let to_set = (MD5_KEY, &key(CLIENT, SECRET)[..]);
        set(&mut network, &mut side, listener.0, to_set).expect("set");
        network.turn(4);
        for _ in 0..4 {
            let (plain, wrong) = (network.connect(PORT), connect(&mut network, b"wrong"));
            let right = connect(&mut network, SECRET);
            network.turn(20);
            let plain = state(&mut network, plain.expect("a try"));
            assert_eq!(plain, Some(State::SynSent));
            assert_eq!(state(&mut network, wrong), Some(State::SynSent));
            assert_eq!(state(&mut network, right), Some(State::Established));
            let mut connection = side.accept(&mut network, listener).expect("an offer");
            side.subscribe(connection.handle);
            assert_eq!(send(&mut network, right, b"signed"), 6);
            network.turn(10);
            assert_eq!(side.read(&mut connection), b"signed");
            side.send(&mut connection, b"answer");
            network.turn(10);
            assert_eq!(arrived(&mut network, right).0, b"answer");
        }
        let to_remove = (MD5_KEY, &key(CLIENT, b"")[..]);
        set(&mut network, &mut side, listener.0, to_remove).expect("removed");
        network.turn(4);
        let gone = set(&mut network, &mut side, listener.0, to_remove);
        assert_eq!(gone, Err(Errno::NOENT));
        // Now anybody may come.
        accepted(&mut network, &mut side, listener);
        nothing_is_left(&side.detach(&mut network));
    }
}

#[test]
fn a_key_set_before_connecting_or_listening_holds_from_the_first_segment() {
    let mut network = Network::new(2, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let socket = side.open(&mut network, 0);
    let to_set = (MD5_KEY, &key(CLIENT, SECRET)[..]);
    set(&mut network, &mut side, socket, to_set).expect("set");
    let local = ([0, 0, 0, 0], PORT).into();
    let bind = |ticket| Command::Bind {
        ticket,
        socket,
        local,
    };
    side.ask(&mut network, 0, bind).expect("bound");
    let listen = |ticket| Command::Listen {
        ticket,
        socket,
        backlog: 4,
    };
    side.ask(&mut network, 0, listen).expect("listening");
    let (plain, right) = (network.connect(PORT), connect(&mut network, SECRET));
    network.turn(20);
    let plain = state(&mut network, plain.expect("a try"));
    assert_eq!(plain, Some(State::SynSent));
    assert_eq!(state(&mut network, right), Some(State::Established));
    // Of a connection: another secret, and its segments are not believed any more.
    nothing_is_left(&side.detach(&mut network));
}

#[test]
fn what_is_no_key_is_refused() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let socket = side.open(&mut network, 0);
    let mut try_set = |option, bytes: &[u8]| set(&mut network, &mut side, socket, (option, bytes));
    assert_eq!(
        try_set(NO_DELAY, &key(CLIENT, SECRET)),
        Err(Errno::NOPROTOOPT)
    );
    assert_eq!(try_set(MD5_KEY, &key(CLIENT, b"")), Err(Errno::NOENT));
    let mut long = key(CLIENT, SECRET);
    long[0] = 33;
    assert_eq!(try_set(MD5_KEY, &long), Err(Errno::INVAL));
    long[6] = 81;
    assert_eq!(try_set(MD5_KEY, &long), Err(Errno::INVAL));
    for number in 0..256 {
        let peer = std::net::Ipv4Addr::from_bits(number);
        assert_eq!(try_set(MD5_KEY, &key(peer, SECRET)), Ok(()));
    }
    assert_eq!(try_set(MD5_KEY, &key(CLIENT, SECRET)), Err(Errno::NOMEM));
    nothing_is_left(&side.detach(&mut network));
}
