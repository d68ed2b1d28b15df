//! A program that makes every call is killed at each point of each, and what its peers saw is compared with what it had
//! read and written.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use super::peers::{self, Echo, End, Peer};
use crate::control::Control;
use crate::daemon::{Daemon, wait_for};
use crate::mortal::Mortal;

/// Which points.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// So many, spread over all.
    Some(usize),
    /// One half of them, or the other.
    Half(usize),
}

/// Kills it at the points chosen, the first time that it comes by, or at a later one, as chance has it for that point.
pub fn run(daemon: &Daemon, control: &mut Control, echo: &Echo, choice: Choice) {
    let began = Instant::now();
    let services = daemon.rows(&["listeners"]).len();
    let targets = targets();
    assert!(targets.len() > 1_000, "{targets:#?}");
    let (mut missed, mut lives) = (Vec::new(), 0);
    // A death while the daemon attaches is a race: often.
    let attach = targets.iter().filter(|target| target.phase == "attach");
    let often = attach.flat_map(|target| std::iter::repeat_n(target, 5));
    let rest = targets.iter().filter(|target| target.phase != "attach");
    let chosen: Vec<_> = match choice {
        Choice::Some(points) => {
            let step = targets.len().div_ceil(points);
            often.chain(rest.skip(step / 2).step_by(step)).collect()
        }
        Choice::Half(half) => often
            .chain(rest.filter(|target| target.half() == half))
            .collect(),
    };
    for target in &chosen {
        let Target { phase, point, .. } = target;
        let time = target.time.to_string();
        let tries = if target.is_sure { TRIES } else { TRIES / 4 };
        let is_met = (0..tries).any(|_| {
            lives += 1;
            let life = live(&["script", phase, point, &time]);
            control.wait_for_nothing(services);
            wait_for("the kernel's echo to see the end", || echo.open() == 0);
            life.judge(phase);
            life.was_killed
        });
        if !is_met {
            missed.push(target);
        }
    }
    let (count, all, seconds) = (chosen.len(), targets.len(), began.elapsed().as_secs());
    let met = count - missed.len();
    eprintln!("killed at {met} of {count} points, of {all}, in {lives} lives, {seconds} s");
    let is_allowed = missed.iter().all(|target| !target.is_sure);
    assert!(is_allowed, "not reached: {missed:#?}");
}

/// Where to die.
#[derive(Debug)]
struct Target {
    phase: String,
    point: String,
    /// How often it is passed before.
    time: u32,
    /// Every life passes it; others come by only when a worker or a peer is so quick or so slow, and may be missed.
    is_sure: bool,
}

impl Target {
    /// In which half it is, whatever other points there are: no two daemons have the same.
    fn half(&self) -> usize {
        sum(&self.phase, &self.point) % 2
    }
}

/// A number that two names have whatever other names there are.
fn sum(phase: &str, point: &str) -> usize {
    let bytes = phase.bytes().chain(point.bytes());
    bytes.map(usize::from).sum()
}

/// All points that some whole lives pass.
fn targets() -> Vec<Target> {
    // How many lives passed a point, and how often the least of them.
    let mut passed: BTreeMap<_, (usize, u32)> = BTreeMap::new();
    for _ in 0..WHOLE_LIVES {
        let whole = live(&["script", "list"]);
        whole.judge("none");
        for line in &whole.lines {
            if let ["point", phase, point, times] = line.split('\t').collect::<Vec<_>>().as_slice()
            {
                let times: u32 = times.parse().expect("a number");
                let place = (phase.to_string(), point.to_string());
                let (lives, least) = passed.entry(place).or_insert((0, u32::MAX));
                *lives += 1;
                *least = (*least).min(times);
            }
        }
    }
    // All times of all points would take hours.
    let targets = passed.into_iter().map(|((phase, point), times)| {
        let (lives, least) = times;
        let time = sum(&phase, &point) as u32 / 2 % least.clamp(1, TIMES_MAX);
        Target {
            is_sure: lives == WHOLE_LIVES && time < least,
            phase,
            point,
            time,
        }
    });
    targets.collect()
}

/// What became of a program and its peers.
#[derive(Debug)]
struct Life {
    lines: Vec<String>,
    peers: Vec<Peer>,
    was_killed: bool,
}

fn live(words: &[&str]) -> Life {
    let mut mortal = Mortal::start(words);
    let (mut lines, mut threads) = (Vec::new(), Vec::new());
    while let Some(line) = mortal.line() {
        match line.as_str() {
            "listening" => threads = peers::connect_all(),
            // All peers have sent by then.
            "awaiting" => mortal.go_on(),
            _ => {}
        }
        lines.push(line);
    }
    let status = mortal.wait();
    let was_killed = status.signal() == Some(9);
    assert!(
        was_killed || status.success(),
        "{words:?}: {status} {lines:#?}"
    );
    let threads = threads.into_iter();
    let peers = threads.map(|thread| thread.join().expect("a peer"));
    Life {
        peers: peers.collect(),
        lines,
        was_killed,
    }
}

impl Life {
    /// Linux resets a connection with bytes that were not read, and else delivers what was written, then FIN.
    fn judge(&self, phase: &str) {
        let mut told = HashMap::new();
        for line in &self.lines {
            if let [what, tag, count] = line.split(' ').collect::<Vec<_>>().as_slice()
                && let Ok(count) = count.parse::<usize>()
            {
                told.insert((*what, tag.chars().next()), count);
            }
        }
        for peer in &self.peers {
            let told = |what| told.get(&(what, Some(peer.tag))).copied();
            let context = || format!("{phase}: {peer:?}, {self:#?}");
            assert!(peer.end != End::Hung && !peer.is_wrong, "{}", context());
            if peer.end == End::Fin {
                let wrote = told("wrote").unwrap_or(0);
                assert!(peer.received >= wrote, "written and lost: {}", context());
            }
            let read_all = told("read") == Some(peer.to_send) || told("done").is_some();
            let is_unread =
                peer.tag == 'B' || self.was_killed && peer.tag == 'A' && phase == "read small";
            if read_all && peer.end != End::Fin {
                panic!("reset for nothing: {}", context());
            }
            if is_unread && peer.end == End::Fin {
                panic!("what was not read is no end of stream: {}", context());
            }
        }
    }
}

/// A point that is often passed is one to die at when it is passed for one of the first times.
const TIMES_MAX: u32 = 8;
/// Lives until a point is met.
const TRIES: usize = 16;
/// Whole lives that tell of points: what all of them pass, and as often, is passed by sixteen more for sure.
const WHOLE_LIVES: usize = 4;
