//! Where a script is played in real time, beside the TCP machine on virtual time.

use std::fmt;

/// One of the stacks that run in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The daemon, over a tap.
    Daemon,
    /// The kernel of this machine.
    Kernel,
}

impl Place {
    /// Both, in the order of tables.
    pub const ALL: [Self; 2] = [Self::Daemon, Self::Kernel];

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.word() == name)
    }

    /// One word for tables and arguments.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Kernel => "kernel",
        }
    }

    /// How many scripts are played at a time: beside the kernel they mostly wait, but a daemon's worker
    /// and its player need a processor each.
    pub const fn at_once(self) -> usize {
        match self {
            Self::Daemon => 1,
            Self::Kernel => 12,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
