//! An application that lies in every way there is, beside an honest one on the same workers: the kernel's clients of the
//! honest one check every byte and how long they wait, and the daemon keeps nothing of the liar.
//! With COREMILL_LONG=1 the lies last a minute.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command;
use crate::daemon::{Daemon, Held, wait_for};

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let _echo = Echo::start();
    let honest = Honest::start();
    let seed = 0x5eed ^ u64::from(std::process::id()) << 16;
    eprintln!("seed {seed}");
    // Memory that is reserved and was never used becomes the daemon's own when it is.
    for mode in MODES {
        let seconds = if mode.name == "hoard" { 2.0 } else { 0.1 };
        tell(mode.name, seconds, seed, None);
    }
    honest.check("all of it");
    std::thread::sleep(Duration::from_millis(500));
    honest.check("nobody");
    let (before, told) = (settled(&daemon), violations(&daemon));
    let mappings = daemon.own_mappings();
    let is_long = std::env::var("COREMILL_LONG").as_deref() == Ok("1");
    let (mut detached, mut attached) = (0, 0);
    for (number, mode) in (1..).zip(MODES) {
        let seconds = if is_long { mode.long } else { 0.5 };
        let report = tell(mode.name, seconds, seed + number, None);
        let ended = report["detached"].as_u64().unwrap_or(0);
        let is_right = mode.is_lie.is_none_or(|is_lie| is_lie == (ended > 0));
        assert!(is_right, "{}: {report}", mode.name);
        let commands = report["commands"].as_u64().unwrap_or(0);
        assert!(
            !is_long || mode.name != "stale" || commands > 1_000_000,
            "{report}"
        );
        detached += ended;
        attached += report["attached"].as_u64().unwrap_or(0);
        honest.check(mode.name);
    }
    let counted: u64 = violations(&daemon).values().sum();
    let told: u64 = told.values().sum();
    // Each attachment lies once; not all of them look whether it was found out before they go.
    let counted = counted - told;
    assert!(
        (detached..=attached).contains(&counted),
        "{detached} of {attached} found themselves detached, {counted} lies counted"
    );
    if is_long {
        waits_are_short(&honest, seed);
    }
    let after = settled(&daemon);
    eprintln!("held before {before:?}, after {after:?}");
    assert_eq!(after.descriptors, before.descriptors, "descriptors grow");
    assert_eq!(after.memories, before.memories, "mapped memories grow");
    if after.own_kib.saturating_sub(before.own_kib) >= GROWTH_KIB {
        print_grown(&mappings, &daemon);
        growth_ends(&daemon, seed);
    }
    let exchanges = honest.stop();
    eprintln!("{exchanges} exchanges of {BLOCK_BYTES} bytes were right");
}

/// What is touched for the first time comes to an end, round by round; a leak does not.
fn growth_ends(daemon: &Daemon, seed: u64) {
    let mut before = settled(daemon).own_kib;
    let is_calm = (0..ROUNDS_MAX).any(|round| {
        for mode in MODES {
            tell(mode.name, 0.5, seed + round, None);
        }
        let after = settled(daemon).own_kib;
        let grown = after.saturating_sub(std::mem::replace(&mut before, after));
        eprintln!("grown by {grown} KiB in another round");
        grown < CALM_KIB
    });
    assert!(is_calm, "the daemon's memory grows round by round");
}

fn print_grown(before: &BTreeMap<String, u64>, daemon: &Daemon) {
    for (name, own) in daemon.own_mappings() {
        let grown = own.saturating_sub(before.get(&name).copied().unwrap_or(0));
        if grown > 0 {
            eprintln!("{grown} KiB more in {name}, {own} now");
        }
    }
}

/// A kind of lie, and whether it is one that can be proved; with some it is chance.
struct Mode {
    name: &'static str,
    is_lie: Option<bool>,
    /// Seconds in the long form.
    long: f64,
}

const fn mode(name: &'static str, is_lie: Option<bool>, long: f64) -> Mode {
    Mode { name, is_lie, long }
}

const MODES: [Mode; 10] = [
    mode("scribble", Some(true), 60.0),
    mode("holes", Some(true), 20.0),
    mode("torn", None, 20.0),
    mode("lies", Some(true), 20.0),
    mode("deaf", Some(false), 10.0),
    mode("stale", Some(false), 60.0),
    mode("flood", Some(false), 10.0),
    mode("listeners", Some(false), 10.0),
    mode("claims", Some(false), 10.0),
    mode("hoard", Some(false), 10.0),
];

/// Lets the liar run in one mode; gives its report.
fn tell(mode: &str, seconds: f64, seed: u64, pace: Option<u64>) -> Value {
    let program = command::program("examples/liar");
    let program = program.to_str().expect("path in UTF-8");
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    let pace = pace.map(|pace| pace.to_string());
    let words = [program, CONTROL, mode, &seconds, &seed];
    let printed = command::run(&[&words[..], pace.as_deref().as_slice()].concat());
    eprint!("{printed}");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// The honest one's waits beside a liar, against those beside an application that is as busy and honest: both as fast as
/// they can, or both at one pace; in turn, so that the machine's moods meet both.
fn waits_are_short(honest: &Honest, seed: u64) {
    for (mode, pace) in [
        ("stale", Some(PACE)),
        ("claims", Some(PACE)),
        ("stale", None),
        ("flood", None),
        ("scribble", None),
    ] {
        let (mut beside_busy, mut beside_liar) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            for (name, waits) in [("busy", &mut beside_busy), (mode, &mut beside_liar)] {
                honest.forget();
                tell(name, 1.0, seed + round, pace);
                waits.push(honest.check(name));
            }
        }
        let middle = |waits: &mut Vec<Duration>| {
            waits.sort_unstable();
            waits[waits.len() / 2].as_secs_f64()
        };
        let ratio = middle(&mut beside_liar) / middle(&mut beside_busy);
        eprintln!(
            "p99 beside {mode} (commands a ms: {pace:?}) is {ratio:.2} of that beside an honest one"
        );
        assert!(
            ratio <= 2.0,
            "p99 beside {mode} is {ratio:.2} times as long"
        );
    }
}

/// Lies counted so far, by their names.
fn violations(daemon: &Daemon) -> BTreeMap<String, u64> {
    let text = daemon.metrics();
    let lines = text.lines().filter_map(|line| {
        let rest = line.split_once("violations_total{violation=\"")?.1;
        let (name, count) = rest.split_once("\"} ")?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    lines.collect()
}

/// What the daemon holds once nobody but the honest one is attached and no connection ends any more.
fn settled(daemon: &Daemon) -> Held {
    wait_for("the liar to be gone", || daemon.rows(&["apps"]).len() == 1);
    // What was the liar's is closed and unmapped by a thread of its own, after its row is gone; on a busy machine, later.
    let counts = || {
        let held = daemon.held();
        (held.descriptors, held.memories)
    };
    wait_for("what was its to be freed", || {
        let before = counts();
        std::thread::sleep(QUIET);
        counts() == before
    });
    daemon.held()
}

/// The honest application; killed when dropped.
struct Echo(Child);

impl Echo {
    fn start() -> Self {
        let child = Command::new(command::program("examples/echo"))
            .args([CONTROL, ECHO])
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("start the example");
        let stdout = child.stdout.take().expect("its output");
        let mut line = String::new();
        let said = BufReader::new(stdout).read_line(&mut line);
        assert!(said.is_ok() && line.contains(" on "), "it said `{line}`");
        Self(child)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // Gone already is as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The kernel's clients of the honest application.
struct Honest {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<u64>>,
    longest: Arc<Mutex<Vec<Duration>>>,
}

impl Honest {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let longest = Arc::new(Mutex::new(Vec::new()));
        let client = |number: u64| {
            let (stop, longest) = (stop.clone(), longest.clone());
            std::thread::spawn(move || talk(number, &stop, &longest))
        };
        let clients = (0..CLIENTS).map(client).collect();
        Self {
            stop,
            clients,
            longest,
        }
    }

    /// Whether they are all right; prints how long exchanges took since the last look, and gives the 99th of a hundred.
    fn check(&self, beside: &str) -> Duration {
        for client in &self.clients {
            assert!(
                !client.is_finished(),
                "an honest client failed beside {beside}"
            );
        }
        let mut took = std::mem::take(&mut *self.longest.lock().expect("no panic"));
        took.sort_unstable();
        let at = |share: usize| {
            took.get(took.len() * share / 100)
                .copied()
                .unwrap_or_default()
        };
        eprintln!(
            "beside {beside}: {} exchanges, p50 {:?}, p99 {:?}, longest {:?}",
            took.len(),
            at(50),
            at(99),
            took.last()
        );
        assert!(!took.is_empty(), "no progress beside {beside}");
        at(99)
    }

    /// What was measured so far is not of interest.
    fn forget(&self) {
        self.longest.lock().expect("no panic").clear();
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let counts = self
            .clients
            .into_iter()
            .map(|client| client.join().expect("all was right"));
        counts.sum()
    }
}

/// Sends blocks and compares what comes back until told to stop. A wait beyond the bound is an error.
fn talk(number: u64, stop: &AtomicBool, took: &Mutex<Vec<Duration>>) -> u64 {
    let mut stream = TcpStream::connect(ECHO).expect("connect");
    stream.set_nodelay(true).expect("an option");
    stream.set_read_timeout(Some(STALL_MAX)).expect("an option");
    stream
        .set_write_timeout(Some(STALL_MAX))
        .expect("an option");
    let (mut word, mut count) = (number + 1, 0);
    let (mut block, mut back) = (vec![0; BLOCK_BYTES], vec![0; BLOCK_BYTES]);
    while !stop.load(Ordering::Relaxed) {
        for piece in block.chunks_mut(8) {
            word = word
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            piece.copy_from_slice(&word.to_le_bytes());
        }
        let began = Instant::now();
        stream
            .write_all(&block)
            .expect("the honest application stalls");
        stream
            .read_exact(&mut back)
            .expect("the honest application stalls");
        took.lock().expect("no panic").push(began.elapsed());
        assert!(block == back, "other bytes came back in block {count}");
        count += 1;
    }
    count
}

const CONTROL: &str = "/run/coremill/control.sock";
const ECHO: &str = "10.99.0.2:7000";
const CLIENTS: u64 = 3;
/// Nothing is freed for so long: no more is to come.
const QUIET: Duration = Duration::from_millis(300);
/// Commands in a millisecond.
const PACE: u64 = 200;
const ROUNDS: u64 = 7;
const BLOCK_BYTES: usize = 8 << 10;
/// No call of an honest client waits longer, whatever the other does; on two cores that all of them share.
const STALL_MAX: Duration = Duration::from_secs(2);
/// Pages of the daemon's own that may come and go: tables of C's allocator, and places of its pools that are reserved and
/// touched for the first time. Seen with two workers, round by round of all lies, in MiB: 14.7, 1.9, 1.4, 4.4, 0.2, 0.0,
/// 0.0, 0.5, all but a few KiB of it in the allocator's arenas and in the pools.
const GROWTH_KIB: u64 = 8 << 10;
/// The same in a round that touches next to nothing for the first time.
const CALM_KIB: u64 = 1 << 10;
const ROUNDS_MAX: u64 = 6;
