//! Keys of TCP-AO on their way: to listeners on all workers, to sockets before they connect, to connections; chosen, told, refused.

use coremill_ring::ao::{self, KeyWord, Part, Standing, Wish};
use coremill_ring::command::Command;
use coremill_ring::handle::Handle;
use coremill_ring::key::{BYTES, EXCLUDES_OPTIONS, HMAC_SHA1, Key, SETS_CURRENT, SETS_NEXT};
use coremill_ring::option::{AO_ADD_KEY, AO_DELETE_KEY, AO_INFO, MD5_KEY};
use coremill_tcp::authentication::{AoAlgorithm, AoKey, KeyRing, PeerKey, Prefix};
use coremill_tcp::{ConnectionId, State};
use rustix::io::Errno;

use super::keys::{set, state};
use super::side::Side;
use super::{PORT, arrived, nothing_is_left, send};
use crate::worker::tests::hosts::{CLIENT, Network, SERVER};

const SECRET: &[u8] = b"a secret";
const REQUIRES: Wish = Wish {
    current: None,
    next: None,
    requires: Some(true),
    accepts_icmps: None,
};

fn key(ids: (u8, u8), flags: u8) -> [u8; BYTES] {
    let mut key = Key::new(CLIENT.into(), 32, SECRET).expect("a key");
    (key.send_id, key.receive_id) = ids;
    (key.algorithm, key.flags) = (HMAC_SHA1, flags);
    key.to_bytes()
}

fn wish(network: &mut Network, side: &mut Side, socket: Handle, wish: Wish) -> Result<(), Errno> {
    let set = |ticket| Command::SetOption {
        ticket,
        socket,
        option: AO_INFO,
        value: wish.to_word(),
    };
    value(side.ask(network, 0, set)).map(drop)
}

fn ask(network: &mut Network, side: &mut Side, socket: Handle, part: Part) -> Result<u64, Errno> {
    let get = |ticket| Command::GetOption {
        ticket,
        socket,
        option: ao::part(part),
    };
    value(side.ask(network, 0, get))
}

fn value(answer: Result<(Option<Handle>, u64), u16>) -> Result<u64, Errno> {
    let value = answer.map(|(_, value)| value);
    value.map_err(|error| Errno::from_raw_os_error(i32::from(error)))
}

/// The client connects with a key of these ids.
fn connect(network: &mut Network, (send_id, receive_id): (u8, u8)) -> ConnectionId {
    let ao = AoKey {
        algorithm: AoAlgorithm::HmacSha1,
        send_id,
        receive_id,
        mac_bytes: 12,
        excludes_options: false,
    };
    let key = PeerKey::ao(Prefix::of(SERVER.into()), SECRET, ao).expect("a key");
    let mut ring = KeyRing::default();
    let shard = network.client.shard();
    shard.add_key(&mut ring, key).expect("room");
    network
        .connect_with_keys(PORT, &mut ring)
        .expect("a connection")
}

#[test]
fn a_listeners_keys_and_wishes_hold_on_all_workers_and_are_inherited() {
    for workers in [1, 2] {
        let mut network = Network::new(workers, Vec::new());
        let mut side = Side::attach(&mut network, 1);
        let listener = side.listen(&mut network, PORT).expect("a listener");
        let network = &mut network;
        set(
            network,
            &mut side,
            listener.0,
            (AO_ADD_KEY, &key((84, 61), 0)),
        )
        .expect("set");
        wish(network, &mut side, listener.0, REQUIRES).expect("set");
        let accepts = Wish {
            accepts_icmps: Some(true),
            ..Wish::default()
        };
        wish(network, &mut side, listener.0, accepts).expect("set");
        network.turn(4);
        for _ in 0..4 {
            let (plain, wrong) = (network.connect(PORT), connect(network, (1, 2)));
            let right = connect(network, (61, 84));
            network.turn(20);
            let plain = state(network, plain.expect("a try"));
            assert_eq!(plain, Some(State::SynSent));
            assert_eq!(state(network, wrong), Some(State::SynSent));
            assert_eq!(state(network, right), Some(State::Established));
            let mut connection = side.accept(network, listener).expect("an offer");
            side.subscribe(connection.handle);
            assert_eq!(send(network, right, b"signed"), 6);
            network.turn(10);
            assert_eq!(side.read(&mut connection), b"signed");
            side.send(&mut connection, b"answer");
            network.turn(10);
            assert_eq!(arrived(network, right).0, b"answer");
            is_told(network, &mut side, connection.handle);
        }
        let told =
            Standing::from_word(ask(network, &mut side, listener.0, Part::Standing).unwrap());
        assert!(told.requires && told.accepts_icmps);
        let removed = set(
            network,
            &mut side,
            listener.0,
            (AO_DELETE_KEY, &key((84, 61), 0)),
        );
        assert_eq!(removed, Ok(()));
        let gone = set(
            network,
            &mut side,
            listener.0,
            (AO_DELETE_KEY, &key((84, 61), 0)),
        );
        assert_eq!(gone, Err(Errno::NOENT));
        nothing_is_left(&side.detach(network));
    }
}

/// What an accepted connection says of itself, and how its keys roll over.
fn is_told(network: &mut Network, side: &mut Side, socket: Handle) {
    let told = Standing::from_word(ask(network, side, socket, Part::Standing).unwrap());
    let expected = Standing {
        ids: Some((84, 61)),
        heard: Some((61, 84)),
        requires: true,
        accepts_icmps: true,
    };
    assert_eq!(told, expected);
    assert!(ask(network, side, socket, Part::Count(0)).unwrap() >= 1);
    assert_eq!(ask(network, side, socket, Part::Count(1)), Ok(0));
    let both = SETS_CURRENT | SETS_NEXT;
    set(
        network,
        side,
        socket,
        (AO_ADD_KEY, &key((8, 7), SETS_NEXT | EXCLUDES_OPTIONS)),
    )
    .unwrap();
    let mut words = |key, word| ask(network, side, socket, Part::Key(key, word));
    let first = KeyWord::from_word(words(0, 0).unwrap());
    assert_eq!((first.send_id, first.receive_id), (84, 61));
    assert_eq!(first.flags, SETS_CURRENT);
    let second = KeyWord::from_word(words(1, 0).unwrap());
    assert_eq!((second.send_id, second.mac_bytes), (8, 12));
    assert_eq!(second.flags, SETS_NEXT | EXCLUDES_OPTIONS);
    let address = u128::from(words(1, 1).unwrap()) << 64 | u128::from(words(1, 2).unwrap());
    assert_eq!(address, CLIENT.to_ipv6_mapped().to_bits());
    assert_eq!(words(2, 0), Err(Errno::NOENT));
    for used in [(84, 61), (8, 7)] {
        let removed = set(network, side, socket, (AO_DELETE_KEY, &key(used, 0)));
        assert_eq!(removed, Err(Errno::BUSY));
    }
    let back = Wish {
        next: Some(61),
        ..Wish::default()
    };
    wish(network, side, socket, back).unwrap();
    set(network, side, socket, (AO_DELETE_KEY, &key((8, 7), both))).unwrap();
    let unknown = Wish {
        current: Some(9),
        ..Wish::default()
    };
    assert_eq!(wish(network, side, socket, unknown), Err(Errno::NOENT));
}

#[test]
fn what_cannot_be_is_refused_as_linux_does() {
    let mut network = Network::new(1, Vec::new());
    let mut side = Side::attach(&mut network, 1);
    let listener = side.listen(&mut network, PORT).expect("a listener").0;
    let network = &mut network;
    let socket = side.open(network, 0);
    let mut add = |socket, key: &[u8]| set(network, &mut side, socket, (AO_ADD_KEY, key));
    // A listener chooses nothing; an algorithm, a flag, a length of the code that there is not; a key without bytes.
    assert_eq!(add(listener, &key((1, 2), SETS_NEXT)), Err(Errno::INVAL));
    for (at, value) in [(3, 0), (3, 3), (4, 3), (4, 17), (5, 8), (6, 0)] {
        let mut wrong = key((1, 2), 0);
        wrong[at] = value;
        assert_eq!(add(socket, &wrong), Err(Errno::INVAL), "byte {at}");
    }
    assert_eq!(add(socket, &key((1, 2), SETS_CURRENT)), Ok(()));
    assert_eq!(add(socket, &key((1, 3), 0)), Err(Errno::EXIST));
    assert_eq!(add(socket, &key((3, 4), SETS_NEXT)), Ok(()));
    let told = Standing::from_word(ask(network, &mut side, socket, Part::Standing).unwrap());
    assert_eq!(told.ids, Some((1, 4)));
    let md5 = Key::new(CLIENT.into(), 32, SECRET).unwrap().to_bytes();
    let rejected = Err(Errno::KEYREJECTED);
    assert_eq!(set(network, &mut side, socket, (MD5_KEY, &md5)), rejected);
    assert_eq!(set(network, &mut side, listener, (MD5_KEY, &md5)), Ok(()));
    assert_eq!(wish(network, &mut side, listener, REQUIRES), rejected);
    let chooses = Wish {
        current: Some(1),
        ..Wish::default()
    };
    assert_eq!(
        wish(network, &mut side, listener, chooses),
        Err(Errno::INVAL)
    );
    nothing_is_left(&side.detach(network));
}
