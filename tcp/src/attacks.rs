//! Known attacks on TCP, what answers each of them here, and the test that guards the answer.
//!
//! A review, not code that runs: whoever changes a defence finds here what it was for. Where something is
//! left, it says so. Guards are scripts, tests in files, or figures of the snapshot of instructions, from the top of the
//! repository; `attacks/tests.rs` looks whether they are there.

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// What it is called.
    pub name: &'static str,
    /// Where it is described.
    pub source: &'static str,
    /// What the attacker does, to which end.
    pub does: &'static str,
    /// What happens instead, and what is left to him.
    pub answer: &'static str,
    /// The tests that fail without the answer.
    pub guards: &'static [&'static str],
}

mod blind;
mod exhaustion;
mod peer;

/// All of them: by strangers who see nothing, by floods, by the peer itself.
pub const ATTACKS: [&[Attack]; 3] = [blind::ATTACKS, exhaustion::ATTACKS, peer::ATTACKS];

#[cfg(test)]
mod tests;
