//! The driver of taps kept quiet while it starts them: it complains of a kernel without multiq qdisc
//! and of having no secondary process to talk to, and nobody here uses either.

use coremill_dpdk_sys as sys;

/// As long as it lives, the tap driver logs critical faults only.
pub(super) struct QuietTap {
    level_after: u32,
}

impl QuietTap {
    /// None where `log_level` asks for more than errors: then the driver may speak.
    pub(super) fn new(log_level: u8) -> Option<Self> {
        let level_after = u32::from(log_level.clamp(1, 8));
        if level_after > ERROR {
            return None;
        }
        set_level(level_after.min(CRITICAL));
        Some(Self { level_after })
    }
}

impl Drop for QuietTap {
    fn drop(&mut self) {
        set_level(self.level_after);
    }
}

fn set_level(level: u32) {
    // SAFETY: the pattern is a terminated string, which DPDK copies; EAL is started, and its levels
    // are numbers that any thread may read at any time.
    unsafe { sys::rte_log_set_level_pattern(c"pmd.net.tap".as_ptr(), level) };
}

/// RTE_LOG_CRIT and RTE_LOG_ERR.
const CRITICAL: u32 = 3;
const ERROR: u32 = 4;
