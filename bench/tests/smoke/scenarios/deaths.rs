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
    // Two workers add what lies between them: a part of the points will do.
    let share = if isolation::is_long() {
        1
    } else {
        workers * workers
    };
    points::run(&daemon, &mut control, &echo, share);
    control.wait_for_no_connection();
    control::wait_for_held(&daemon, before);
}
