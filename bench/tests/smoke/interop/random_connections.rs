//! Connections by chance: opened by either end, with bytes both ways, ended in every order, half-closed, reset, closed with
//! bytes unread, cut off, and killed with their process; under changing weather. In rounds, each with a daemon and a seed.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::ends::live;
use super::impairment::{Impairment, Random};
use super::killed;
use super::path::Path;
use super::plan::{Ending, Plan, weather};
use super::world::World;
use crate::isolation::is_long;

pub fn run(workers: usize) {
    let (rounds, seconds) = if is_long() { (20, 60) } else { (1, 8) };
    let first = seed();
    let path = Path::build(first);
    // Its connections ask for ECN, or there would be nothing to mark.
    path.set("tcp_ecn", "1");
    for round in 0..rounds {
        if is_done(round) {
            eprintln!("round {round}: passed before");
            continue;
        }
        // As many workers as asked for, and one, in turn.
        let workers = if round % 2 == 0 { workers } else { 1 };
        play(&path, workers, first + round, Duration::from_secs(seconds));
        note(round);
    }
}

fn play(path: &Path, workers: usize, seed: u64, time: Duration) {
    eprintln!("round with COREMILL_SEED={seed}, {workers} workers");
    path.relay.set(Impairment::NONE);
    let world = World::start(path, workers, "");
    let (next, killed) = (AtomicU64::new(0), AtomicU64::new(0));
    let tally = Mutex::new([0_u64; 5]);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = Ends(&is_over);
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let _ends = Ends(&is_over);
                while !is_over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let plan = Plan::new(seed, number);
                    let _tells = Tells(seed, number, plan);
                    live(&world, plan);
                    let mut tally = tally.lock().expect("no panic");
                    tally[kind(plan.ending)] += 1;
                }
            });
        }
        scope.spawn(|| {
            let _ends = Ends(&is_over);
            let mut random = Random::new(seed);
            while !is_over.load(Ordering::Relaxed) {
                killed::one(&world, &mut random);
                killed.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut random = Random::new(!seed);
        let begun = Instant::now();
        while begun.elapsed() < time && !is_over.load(Ordering::Relaxed) {
            path.relay.set(weather(&mut random));
            std::thread::sleep(WEATHER_LASTS);
        }
    });
    let [ended, at_once, reset, unread, vanished] = *tally.lock().expect("no panic");
    let seen = path.relay.take_seen();
    eprintln!(
        "{ended} ended one after the other, {at_once} at once, {reset} reset, {unread} closed unread, {vanished} vanished, \
         {} killed; lost {:?}, held back {:?}, doubled {:?}, marked {:?} of {:?} packets",
        killed.load(Ordering::Relaxed),
        seen.map(|way| way.lost),
        seen.map(|way| way.reordered),
        seen.map(|way| way.doubled),
        seen.map(|way| way.marked),
        seen.map(|way| way.packets),
    );
    let all = [ended, at_once, reset, unread, vanished];
    assert!(all.iter().all(|count| *count > 0), "{all:?}");
    path.relay.set(Impairment::NONE);
    world.end();
}

fn kind(ending: Ending) -> usize {
    match ending {
        Ending::First(..) => 0,
        Ending::AtOnce => 1,
        Ending::Reset(_) => 2,
        Ending::Unread(_) => 3,
        Ending::Vanishes => 4,
    }
}

/// Ends the round when its thread does, be it by a panic.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Says what failed.
struct Tells(u64, u64, Plan);

impl Drop for Tells {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "COREMILL_SEED={}: connection {}: {:?}",
                self.0, self.1, self.2
            );
        }
    }
}

/// That of the environment, or one of the moment.
fn seed() -> u64 {
    let asked = std::env::var("COREMILL_SEED").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs())
    })
}

/// Where rounds that passed are noted, so that a long run goes on where it stopped.
fn noted(round: u64) -> Option<PathBuf> {
    let folder = std::env::var_os("COREMILL_VERIFIED")?;
    Some(PathBuf::from(folder).join(format!("random-connections-{round}")))
}

fn is_done(round: u64) -> bool {
    noted(round).is_some_and(|path| path.exists())
}

fn note(round: u64) {
    if let Some(path) = noted(round) {
        std::fs::write(path, "").expect("note what passed");
    }
}

/// Connections that live at the same time.
const AT_ONCE: usize = 8;
const WEATHER_LASTS: Duration = Duration::from_millis(500);
