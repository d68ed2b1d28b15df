//! Ping-pong between threads that use the client library and workers of the engine, all in this process, with pauses at
//! every step of both and no time-out anywhere that could hide a lost wake-up: no naps, no fallback, no TCP timer. No thread
//! may still wait after a second with work pending. COREMILL_LONG=1 plays a million rounds.

mod world;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use coremill_client::{Interest, Poller, Stack, TcpListener, TcpStream};
use world::{OWN, Pauses, World};

/// Commands and their answers: one blocked call each, from several threads, of which one sleeps for all.
#[test]
fn no_answer_is_slept_through() {
    let world = World::start(1);
    let stack = world.attach();
    let listener = TcpListener::bind(&stack, address(9)).expect("listen");
    let streams: Vec<TcpStream> = (0..3)
        .map(|_| TcpStream::connect(&stack, address(9)).expect("connect"))
        .collect();
    watched(&world, "answers", streams.len(), |number, rounds| {
        let mut pauses = Pauses::new(number as u64);
        while rounds.next(number) {
            pauses.pause();
            streams[number].set_nodelay(true).expect("an answer");
        }
    });
    drop(listener);
}

/// Bytes to and fro between two threads, with one worker and with two that hand segments to each other.
#[test]
fn no_byte_is_slept_through() {
    for workers in [1, 2] {
        let world = World::start(workers);
        let stack = world.attach();
        let pairs: Vec<_> = (0..2).map(|number| pair(&stack, 10 + number)).collect();
        watched(&world, "bytes", 2 * pairs.len(), |number, rounds| {
            let (near, far) = &pairs[number / 2];
            let mut pauses = Pauses::new(number as u64);
            if number % 2 == 0 {
                while rounds.next(number) {
                    pauses.pause();
                    exchange(near, &mut pauses);
                }
                near.shutdown(Shutdown::Write).expect("shutdown");
            } else {
                echo(far, &mut pauses, || rounds.goes_on(number));
                rounds.leave(number);
            }
        });
    }
}

/// The same with a poller on the other side, which sleeps on a notifier of its own.
#[test]
fn no_event_is_slept_through() {
    let world = World::start(1);
    let stack = world.attach();
    let pairs: Vec<_> = (0..3).map(|number| pair(&stack, 20 + number)).collect();
    watched(&world, "events", 1 + pairs.len(), |number, rounds| {
        let mut pauses = Pauses::new(number as u64);
        match number.checked_sub(1) {
            None => {
                let far: Vec<&TcpStream> = pairs.iter().map(|(_, far)| far).collect();
                serve(&stack, &far, &mut pauses, || rounds.goes_on(number));
                rounds.leave(number);
            }
            Some(pair) => {
                let (near, _) = &pairs[pair];
                while rounds.next(number) {
                    pauses.pause();
                    exchange(near, &mut pauses);
                }
                near.shutdown(Shutdown::Write).expect("shutdown");
            }
        }
    });
}

/// Echoes on all of them through a poller until each is at its end.
fn serve(stack: &Stack, streams: &[&TcpStream], pauses: &mut Pauses, goes_on: impl Fn()) {
    let mut poller = Poller::new(stack).expect("a poller");
    for (token, stream) in streams.iter().enumerate() {
        stream.set_nonblocking(true).expect("an option");
        poller
            .register(*stream, token, Interest::READABLE)
            .expect("register");
    }
    let (mut ready, mut ended) = (Vec::new(), 0);
    while ended < streams.len() {
        poller.wait(&mut ready, None).expect("wait");
        goes_on();
        for (token, _) in &ready {
            let mut stream = streams[*token];
            let mut bytes = [0; 64];
            pauses.pause();
            match stream.read(&mut bytes) {
                Ok(0) => {
                    poller.deregister(stream).expect("deregister");
                    ended += 1;
                }
                Ok(count) => stream.write_all(&bytes[..count]).expect("write"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
    }
}

fn exchange(mut stream: &TcpStream, pauses: &mut Pauses) {
    let sent = pauses.next().to_le_bytes();
    stream.write_all(&sent).expect("write");
    pauses.pause();
    let mut back = [0; 8];
    stream.read_exact(&mut back).expect("read");
    assert_eq!(back, sent);
}

fn echo(mut stream: &TcpStream, pauses: &mut Pauses, goes_on: impl Fn()) {
    let mut bytes = [0; 64];
    loop {
        let count = stream.read(&mut bytes).expect("read");
        if count == 0 {
            return;
        }
        goes_on();
        pauses.pause();
        stream.write_all(&bytes[..count]).expect("write");
    }
}

/// A connection with both ends here.
fn pair(stack: &Stack, port: u16) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(stack, address(port)).expect("listen");
    let near = TcpStream::connect(stack, address(port)).expect("connect");
    let (far, _) = listener.accept().expect("accept");
    for stream in [&near, &far] {
        stream.set_nodelay(true).expect("an option");
    }
    (near, far)
}

/// Rounds that are left, for all threads together, and how far each of them has come.
struct Rounds {
    begun: AtomicU64,
    count: u64,
    players: Vec<Player>,
}

/// One thread.
#[derive(Default)]
struct Player {
    /// Counts what it did not wait for in vain.
    steps: AtomicU64,
    has_left: AtomicBool,
}

impl Rounds {
    /// Begins another one for a thread, if there is one left.
    fn next(&self, number: usize) -> bool {
        self.goes_on(number);
        let goes_on = self.begun.fetch_add(1, Ordering::Relaxed) < self.count;
        if !goes_on {
            self.leave(number);
        }
        goes_on
    }

    /// A thread has got what it waited for.
    fn goes_on(&self, number: usize) {
        self.players[number].steps.fetch_add(1, Ordering::Relaxed);
    }

    fn leave(&self, number: usize) {
        self.players[number].has_left.store(true, Ordering::Relaxed);
    }
}

/// Plays in so many threads, and fails when one of them does not go on for a second: what the others do must not help it.
fn watched(world: &World, what: &str, threads: usize, play: impl Fn(usize, &Rounds) + Sync) {
    let is_long = std::env::var("COREMILL_LONG").as_deref() == Ok("1");
    let rounds = Rounds {
        begun: AtomicU64::new(0),
        // Four plays of them.
        count: if is_long { 250_000 } else { 20_000 },
        players: (0..threads).map(|_| Player::default()).collect(),
    };
    let before = world.sleeps();
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (play, rounds) = (&play, &rounds);
            scope.spawn(move || play(number, rounds));
        }
        watch(world, what, &rounds);
    });
    let slept = world.sleeps() - before;
    eprintln!(
        "{what}: {} rounds, workers slept {slept} times",
        rounds.count
    );
    assert!(
        slept > rounds.count / 10,
        "hardly anybody slept: nothing was tested"
    );
}

/// Looks until all have left.
fn watch(world: &World, what: &str, rounds: &Rounds) {
    let mut looks = vec![(0, 0); rounds.players.len()];
    loop {
        std::thread::sleep(LOOK_EVERY);
        let mut is_over = true;
        for (number, (player, (still, seen))) in rounds.players.iter().zip(&mut looks).enumerate() {
            if player.has_left.load(Ordering::Relaxed) {
                continue;
            }
            is_over = false;
            let steps = player.steps.load(Ordering::Relaxed);
            // Counted in looks, so that a machine that stood still does not count.
            *still = if steps == *seen { *still + 1 } else { 0 };
            *seen = steps;
            if *still == STILL_MAX {
                // The threads that wait cannot be ended: the process is.
                eprintln!(
                    "{what}: thread {number} waits after {steps} steps, in round {} of {}: {}",
                    rounds.begun.load(Ordering::Relaxed),
                    rounds.count,
                    world.describe()
                );
                std::process::exit(101);
            }
        }
        if is_over {
            return;
        }
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::new(OWN.into(), port)
}

const LOOK_EVERY: Duration = Duration::from_millis(10);
const STILL_MAX: u32 = 100;
