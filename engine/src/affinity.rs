//! Pinning a worker's thread to its core, and making sure that it is there.

use rustix::thread::sched_getaffinity;

/// Why a worker cannot run on its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// The kernel does not let this process run there.
    #[error(
        "core {0} is not available to this process: choose one that `taskset -cp $$` lists, \
         or widen the cpuset"
    )]
    NotAllowed(usize),
}

/// Pins the calling thread to `core`.
///
/// # Errors
/// When it is somewhere else afterwards: the core does not exist, or the cpuset leaves it out.
pub fn pin(core: usize) -> Result<(), CoreError> {
    // The crate's set panics on a core that it cannot hold.
    let pinned =
        core < CORES_MAX && core_affinity::set_for_current(core_affinity::CoreId { id: core });
    let alone = sched_getaffinity(None)
        .is_ok_and(|set| set.count() == 1 && core < CORES_MAX && set.is_set(core));
    if pinned && alone {
        Ok(())
    } else {
        Err(CoreError::NotAllowed(core))
    }
}

/// Cores that the kernel's set can name.
const CORES_MAX: usize = rustix::thread::CpuSet::MAX_CPU;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_is_not_there_is_refused() {
        std::thread::spawn(|| assert_eq!(pin(1_000), Err(CoreError::NotAllowed(1_000))))
            .join()
            .expect("no panic");
        assert_eq!(
            pin(1 << 40),
            Err(CoreError::NotAllowed(1 << 40)),
            "more than a set holds"
        );
    }

    #[test]
    fn a_thread_lands_on_its_core() {
        let first = sched_getaffinity(None).expect("affinity");
        let core = (0..CORES_MAX)
            .find(|core| first.is_set(*core))
            .expect("a core");
        std::thread::spawn(move || assert_eq!(pin(core), Ok(())))
            .join()
            .expect("no panic");
    }
}
