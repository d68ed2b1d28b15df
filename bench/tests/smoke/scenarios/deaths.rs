//! Applications die: at every step of every call, and under load at any moment. Nothing is left of them, and their peers
//! see what they would see of Linux.

mod last_words;
mod peers;
mod points;
mod random;

use crate::control::{self, Control};
use crate::daemon::Daemon;
use crate::isolation;
use peers::Echo;
use points::Choice;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let mut control = Control::open();
    let before = control::held(&daemon.outer_process());
    let echo = Echo::start();
    // The long form takes every point: one half with one worker, the other with two.
    let choice = match (isolation::is_long(), workers) {
        (true, workers) => Choice::Half(workers % 2),
        (false, 1) => Choice::Some(45),
        (false, _) => Choice::Some(20),
    };
    points::run(&daemon, &mut control, &echo, choice);
    let services = daemon.rows(&["listeners"]).len();
    last_words::run(&mut control, services);
    let kills = if isolation::is_long() { 1_000 } else { 21 };
    random::run(&mut control, &echo, kills, services);
    control.wait_for_no_connection();
    control.wait_for_no_entry();
    control::wait_for_held(&daemon, before);
}
