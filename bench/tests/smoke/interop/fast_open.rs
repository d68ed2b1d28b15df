//! TCP Fast Open (RFC 7413), both ways: cookies on a good path, then a path that loses SYNs, SYN-ACKs and what goes with
//! them. Whether data goes with a SYN or not, all of it arrives once.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use coremill_client::{TcpListener, TcpStream};

use super::exchange::of;
use super::impairment::{Impairment, PERCENT};
use super::path::{CLIENT, Path};
use super::program::Program;
use super::world::World;
use crate::application::pattern;

pub fn run(workers: usize) {
    let path = Path::build(SEED);
    path.set("tcp_fastopen", "3");
    let world = World::start(&path, workers, "fast_open = 3");
    for (lost, rounds) in [(0, 3 + workers), (5 * PERCENT, 12)] {
        let impairment = Impairment {
            lost,
            ..Impairment::NONE
        };
        world.path.relay.set(impairment);
        from_the_kernel(&world, lost, rounds);
        to_the_kernel(&world, lost, rounds);
    }
    world.path.relay.set(Impairment::NONE);
    world.end();
}

/// The kernel asks with its SYN; we answer.
fn from_the_kernel(world: &World, lost: u32, rounds: usize) {
    world.path.relay.take_seen();
    let listener = TcpListener::bind(&world.stack, world.fresh_address()).expect("listen");
    listener.set_fast_open(16).expect("turn it on");
    let port = listener.local_addr().expect("its address").port();
    let mut program = Program::connect_early(port, ASKED, rounds);
    let mut early = 0;
    for _ in 0..rounds {
        let (mut stream, _) = listener.accept().expect("accept");
        let mut asked = vec![0; ASKED];
        stream.read_exact(&mut asked).expect("a question");
        let right = (0..ASKED).map(|index| (index % 251) as u8);
        assert!(asked.iter().copied().eq(right), "another question");
        stream.write_all(&asked).expect("an answer");
        early += u64::from(program.line() == "1");
        echoed(&stream, BYTES);
    }
    told(world, "by the kernel", lost, (1, early), rounds);
}

/// We ask with our SYN; the kernel echoes.
fn to_the_kernel(world: &World, lost: u32, rounds: usize) {
    world.path.relay.take_seen();
    let (mut program, port) = Program::listen("");
    let remote = (
        CLIENT.parse::<std::net::IpAddr>().expect("an address"),
        port,
    )
        .into();
    let asked = pattern(3, ASKED);
    let mut early = 0;
    for _ in 0..rounds {
        let stream = TcpStream::connect_with(&world.stack, remote, &asked).expect("connect");
        let mut stream = stream;
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut answer = vec![0; ASKED];
        stream.read_exact(&mut answer).expect("an answer");
        assert!(answer == asked, "another answer");
        early += u64::from(program.line() == "1");
        echoed(&stream, BYTES);
    }
    told(world, "by us", lost, (0, early), rounds);
}

/// Data went with SYNs on the wire, and was taken from some of them.
fn told(world: &World, opener: &str, lost: u32, (way, early): (usize, u64), rounds: usize) {
    let seen = world.path.relay.take_seen();
    eprintln!(
        "Fast Open {opener}, {} % lost: of {rounds} connections {early} began with data that the SYN brought; \
         {} SYNs with data, lost {:?} of {:?} packets",
        lost / PERCENT,
        seen[way].early,
        seen.map(|way| way.lost),
        seen.map(|way| way.packets),
    );
    assert!(seen[way].early > 0 && early > 0, "{seen:?}");
    assert_eq!(seen.iter().any(|way| way.lost > 0), lost > 0, "{seen:?}");
}

/// So many bytes there and back, and the end after them.
pub fn echoed(stream: &TcpStream, bytes: usize) -> Duration {
    let begun = Instant::now();
    let sent = pattern(9, bytes);
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let came = std::thread::scope(|scope| {
        scope.spawn(|| {
            { stream }.write_all(&sent).expect("all of it");
            stream.shutdown(std::net::Shutdown::Write).expect("the end");
        });
        let mut came = Vec::new();
        { stream }.read_to_end(&mut came).expect("all of it");
        came
    });
    assert_eq!(of(&came), of(&sent), "other bytes came back");
    begun.elapsed()
}

/// Less than a SYN has room for.
const ASKED: usize = 1_000;
const BYTES: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(60);
const SEED: u64 = 12;
