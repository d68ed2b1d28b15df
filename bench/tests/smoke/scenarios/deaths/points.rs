//! A program that makes every call is killed at each point of each, and what its peers saw is compared with what it had
//! read and written.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;

use super::peers::{self, Echo, End, Peer};
use crate::control::Control;
use crate::daemon::{Daemon, wait_for};
use crate::isolation;
use crate::mortal::Mortal;

/// Kills it at every point once; long form: each time that it comes by.
pub fn run(daemon: &Daemon, control: &mut Control, echo: &Echo, share: usize) {
    let services = daemon.rows(&["listeners"]).len();
    let whole = live(&["script", "list"]);
    let mut targets = Vec::new();
    for line in &whole.lines {
        if let ["point", phase, point, times] = line.split('\t').collect::<Vec<_>>().as_slice() {
            let times: u32 = times.parse().expect("a number");
            let times = if isolation::is_long() {
                times.min(8)
            } else {
                1
            };
            let target = |time| (phase.to_string(), point.to_string(), time);
            targets.extend((0..times).map(target));
        }
    }
    assert!(targets.len() > 100, "{whole:#?}");
    whole.judge("none");
    let (mut missed, mut lives) = (Vec::new(), 0);
    // A death while the daemon attaches is a race: often.
    let attach = targets.iter().filter(|target| target.0 == "attach");
    let often = attach.flat_map(|target| std::iter::repeat_n(target, 5));
    let rest = targets.iter().filter(|target| target.0 != "attach");
    let chosen: Vec<_> = often.chain(rest.skip(share / 2).step_by(share)).collect();
    let count = chosen.len();
    for (phase, point, time) in chosen {
        let time = time.to_string();
        // Some are passed only when a worker or a peer is so quick or so slow.
        let is_met = (0..TRIES).any(|_| {
            lives += 1;
            let life = live(&["script", phase, point, &time]);
            control.wait_for_nothing(services);
            wait_for("the kernel's echo to see the end", || echo.open() == 0);
            life.judge(phase);
            life.was_killed
        });
        if !is_met {
            missed.push((phase, point, time));
        }
    }
    let met = count - missed.len();
    eprintln!("killed at {met} of {count} points in {lives} lives");
    assert!(
        missed.len() * MISSED_ONE_IN < count,
        "not reached: {missed:#?}"
    );
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

/// Lives until a point is met.
const TRIES: usize = 8;
/// Points that may be missed all the same: one in so many.
const MISSED_ONE_IN: usize = 50;
