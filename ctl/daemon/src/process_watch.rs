//! A descriptor that tells of the death of the very process that opened a session, and of no other that has its number.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{ClockId, clock_gettime};

/// Watches the process at the other end of a session that was opened at `opened` (see [`now_ticks`]).
///
/// # Errors
/// When it is gone, or the system has no descriptor left.
pub fn watch(stream: &impl AsFd, process: Pid, opened: u64) -> io::Result<OwnedFd> {
    // Linux 6.5 and later keep the process with the socket. Before, its number must do.
    match getsockopt(stream, PeerPidfd) {
        Err(nix::Error::ENOPROTOOPT) => watch_number(process, opened),
        watched => watched.map_err(io::Error::from),
    }
}

/// Time since the system's start, in the unit of `/proc/PID/stat`.
pub fn now_ticks() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let rest = u64::try_from(now.tv_nsec).unwrap_or(0) / (1_000_000_000 / TICKS_PER_SECOND);
    seconds
        .saturating_mul(TICKS_PER_SECOND)
        .saturating_add(rest)
}

/// Watches whoever has the number, if it was there when the session was opened.
fn watch_number(process: Pid, opened: u64) -> io::Result<OwnedFd> {
    let watched = pidfd_open(process, PidfdFlags::empty())?;
    // Looked at after the descriptor is there: from then on the number is not given to another one unnoticed.
    let started = started(process)?;
    if started > opened {
        return Err(io::Error::other("another process has its number by now"));
    }
    Ok(watched)
}

/// When a process was started; field 22 of proc(5), counted behind the name, which may hold blanks.
fn started(process: Pid) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()))?;
    let fields = text.rsplit(')').next().unwrap_or_default();
    let field = fields.split_ascii_whitespace().nth(19);
    let ticks = field.and_then(|field| field.parse().ok());
    ticks.ok_or_else(|| io::Error::other("/proc tells no start time"))
}

/// As Linux gives times to programs, on every machine that this runs on.
const TICKS_PER_SECOND: u64 = 100;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_dead(watch: &OwnedFd) -> bool {
        let mut descriptors = [PollFd::new(watch, PollFlags::IN)];
        poll(&mut descriptors, Some(&Timespec::default())).unwrap() > 0
    }

    #[test]
    fn the_process_at_the_other_end_is_watched() {
        let (here, _there) = UnixStream::pair().unwrap();
        let own = rustix::process::getpid();
        let watched = watch(&here, own, now_ticks()).unwrap();
        assert!(!is_dead(&watched));
        assert!(!is_dead(&watch_number(own, now_ticks()).unwrap()));
    }

    #[test]
    fn one_that_has_the_number_of_another_is_not_taken_for_it() {
        let opened = now_ticks();
        std::thread::sleep(Duration::from_millis(30));
        let mut command = Command::new("sleep");
        let mut later = command.arg("600").stdin(Stdio::null()).spawn().unwrap();
        let number = Pid::from_raw(i32::try_from(later.id()).unwrap()).unwrap();
        let refused = watch_number(number, opened).map(drop);
        let taken = watch_number(number, now_ticks() + 1);
        later.kill().unwrap();
        later.wait().unwrap();
        assert!(refused.unwrap_err().to_string().contains("another process"));
        assert!(is_dead(&taken.unwrap()));
        assert!(watch_number(number, now_ticks()).is_err(), "it is gone");
    }
}
