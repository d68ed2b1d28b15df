//! What a script is played against: the trait that the runner needs, and what crosses it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::info::Info;
use crate::language::Call;
use crate::settings::Settings;
use crate::verdict::Trouble;
use crate::wanted::Wanted;
use coremill_tcp::Instant;
use coremill_tcp::address::Flow;
use coremill_tcp::packet::{Inbound, Quoted};

/// A machine under test, with a clock that begins at [`START`].
pub trait Subject {
    /// The time.
    fn now(&self) -> Instant;

    /// Takes what was sent up to now.
    fn collect(&mut self) -> Result<(), Trouble>;

    /// Lets time pass until something may have happened, not beyond `end`.
    fn step(&mut self, end: Instant) -> Result<(), Trouble>;

    /// Segments sent that nobody has looked at yet, oldest first.
    fn sent(&mut self) -> &mut VecDeque<Sent>;

    /// True when nothing will ever happen unless somebody does something.
    fn is_at_rest(&self) -> bool;

    /// A segment arrives.
    fn inject(&mut self, inbound: &Inbound<'_>) -> Result<(), Trouble>;

    /// An ICMP error arrives.
    fn inject_error(&mut self, quoted: &Quoted) -> Result<(), Trouble>;

    /// Tries a system call.
    fn attempt(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Tried, Trouble>;

    /// What is known of the connection of a flow, and what is wanted besides.
    fn info(&self, flow: Flow, wanted: Wanted) -> Option<Info>;

    /// What was counted since the start, by Linux's names; empty when it cannot be asked.
    fn counters(&self) -> Vec<(String, u64)>;
}

/// What trying a call gave, and what it did to the flows of the script.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// What it returned, if it did.
    pub outcome: Outcome,
    /// Which flow it opened.
    pub opened: Option<Flow>,
    /// It opened a listener.
    pub listens: bool,
}

/// What a call gave.
#[derive(Clone, Debug, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// This value.
    Done(i64),
    /// -1 and this error.
    Failed(&'static str),
    /// Nothing yet.
    Wait,
    /// Nothing yet, and a non-blocking caller is told this error.
    WaitOr(&'static str),
}

/// What a call that is tried again remembers.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// When it was first tried.
    pub started: Instant,
    /// How long ago that was.
    pub waited: Duration,
    /// Bytes moved so far.
    pub moved: usize,
}

impl Progress {
    /// How long the call has waited.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

/// A segment that the machine has sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// IP source.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// ECN bits.
    pub ecn: u8,
    /// DSCP of its IP header.
    pub dscp: u8,
    /// Time to live.
    pub ttl: u8,
    /// Header, options, payload.
    pub bytes: Vec<u8>,
}

/// The point so long after the script's start.
pub fn point(after: Duration) -> Instant {
    START + after
}

/// Time since the script's start.
pub fn elapsed(now: Instant) -> Duration {
    now.since(START)
}

/// Scripts begin here, so that timestamps and clocks are not near zero.
pub const START: Instant = Instant::from_millis(100_000);
