//! Applications die: at every step of every call, and under load at any moment. Nothing is left of them, and their peers
//! see what they would see of Linux.

mod peers;
mod points;

use crate::control::{self, Control};
use crate::daemon::Daemon;
use crate::isolation;
use peers::Echo;

pub fn run(workers: usize) {
    let daemon = Daemon::start(workers);
    let mut control = Control::open();
    let before = control::held(&daemon.outer_process());
    let echo = Echo::start();
    // The long form takes every point.
    let share = match (isolation::is_long(), workers) {
        (true, _) => 1,
        (false, 1) => 3,
        (false, _) => 9,
    };
    points::run(&daemon, &mut control, &echo, share);
    control.wait_for_no_connection();
    control::wait_for_held(&daemon, before);
}
