//! Points between the steps of what an application does to shared memory: with the feature `injection`, tests end the
//! process at any of them by SIGKILL, as if it died there by itself. Without it a point is nothing.
//!
//! A program names what it does by `phase`; a point is then named by phase, name, and how often it was passed before.

#[cfg(feature = "injection")]
pub use armed::{aim, passed, phase, point};

/// A place between two steps.
#[cfg(not(feature = "injection"))]
#[inline(always)]
pub fn point(_name: &'static str) {}

#[cfg(feature = "injection")]
mod armed {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::process::{Signal, getpid, kill_process};

    /// What was passed, and where to die.
    struct State {
        phase: &'static str,
        passed: BTreeMap<(&'static str, &'static str), u32>,
        target: Option<(String, String, u32)>,
    }

    static STATE: Mutex<State> = Mutex::new(State {
        phase: "",
        passed: BTreeMap::new(),
        target: None,
    });

    /// A place between two steps.
    pub fn point(name: &'static str) {
        let mut state = lock();
        let State {
            phase,
            passed,
            target,
        } = &mut *state;
        let times = passed.entry((phase, name)).or_default();
        let here = (*phase, name, *times);
        let target = target.as_ref();
        let target = target.map(|(phase, name, times)| (phase.as_str(), name.as_str(), *times));
        if target == Some(here) {
            // Nothing follows: the signal is taken before the call returns.
            let _ = kill_process(getpid(), Signal::KILL);
        }
        *times += 1;
    }

    /// What is done from now on.
    pub fn phase(name: &'static str) {
        lock().phase = name;
    }

    /// Dies at the point `name` of `phase` when it was passed `times` times.
    pub fn aim(phase: &str, name: &str, times: u32) {
        lock().target = Some((phase.into(), name.into(), times));
    }

    /// All points passed so far: phase, name, how often.
    pub fn passed() -> Vec<(&'static str, &'static str, u32)> {
        let passed = &lock().passed;
        let all = passed.iter();
        all.map(|((phase, name), times)| (*phase, *name, *times))
            .collect()
    }

    fn lock() -> MutexGuard<'static, State> {
        STATE.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
