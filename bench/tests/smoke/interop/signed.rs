//! Connections that TCP-MD5 signs (RFC 2385), both ways, over a path that loses, reorders and doubles packets.

use coremill_client::{PeerKey, TcpListener, TcpStream};

use super::fast_open::echoed;
use super::impairment::{Impairment, PERCENT};
use super::path::{CLIENT, Path};
use super::program::Program;
use super::seen::Seen;
use super::world::World;

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    let world = World::start(&path, workers, "");
    let client = CLIENT.parse().expect("an address");
    let keys = [PeerKey::md5(client, 24, SECRET.as_bytes()).expect("a key")];

    let local = world.fresh_address();
    let listener = TcpListener::bind_with_keys(&world.stack, local, 8, &keys).expect("listen");
    let mut program = Program::connect(local.port(), SECRET, 1);
    let (stream, _) = listener.accept().expect("it has the key");
    assert_eq!(program.line(), "connected");
    signed(&world, "opened by the kernel", &stream);
    drop((stream, listener, program));

    let (_program, port) = Program::listen(SECRET);
    let remote = (client, port).into();
    let stream = TcpStream::connect_with_keys(&world.stack, remote, &keys, None).expect("connect");
    signed(&world, "opened by us", &stream);
    drop(stream);
    for name in ["TCPMD5Failure", "TCPMD5NotFound", "TCPMD5Unexpected"] {
        assert_eq!(world.daemon.counter(name), 0, "{name}");
    }
    world.end();
}

/// Bytes there and back while the path is bad.
fn signed(world: &World, name: &str, stream: &TcpStream) {
    world.path.relay.take_seen();
    world.path.relay.set(TROUBLE);
    let before = world.daemon.counter("RetransSegs");
    let time = echoed(stream, BYTES);
    world.path.relay.set(Impairment::NONE);
    let seen = world.path.relay.take_seen();
    let repeated = world.daemon.counter("RetransSegs") - before;
    eprintln!(
        "TCP-MD5, {name}: {BYTES} bytes there and back in {time:?}; lost {:?} of {:?}, sent again by us: {repeated}",
        seen.map(|way| way.lost),
        seen.map(|way| way.packets),
    );
    let is_signed = |way: Seen| way.signed == way.packets && way.lost > 0;
    assert!(seen.into_iter().all(is_signed), "{seen:?}");
    assert!(repeated > 0);
}

const SECRET: &str = "a secret that both have";
const TROUBLE: Impairment = Impairment {
    lost: PERCENT,
    reordered: PERCENT / 2,
    doubled: PERCENT / 2,
    marked: 0,
};
const BYTES: usize = 2 << 20;
const SEED: u64 = 11;
