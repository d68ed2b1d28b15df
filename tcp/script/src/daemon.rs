//! The daemon as the machine under test, in real time: its own process on a tap in namespaces of its own,
//! the script's sockets those of an attached application.

mod calls;
mod configuration;
mod counters;
mod held;
mod keys;
mod options;
mod process;
mod shown;
mod tap;
mod transfer;

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use coremill_client::Stack;
use coremill_tcp::Instant;
use coremill_tcp::address::Flow;
use coremill_tcp::packet::{Inbound, Quoted};

use crate::info::Info;
use crate::language::{Call, parse};
use crate::packets;
use crate::settings::Settings;
use crate::subject::{Outcome, Progress, START, Sent, Subject, Tried};
use crate::verdict::{Trouble, Verdict};
use crate::wanted::Wanted;
use calls::Sockets;
use process::Process;
use tap::Tap;

/// A daemon that was started for one script.
pub struct Daemon {
    started: std::time::Instant,
    tap: Tap,
    /// Before the process: they end in this order.
    sockets: Sockets,
    sent: VecDeque<Sent>,
    /// When the last packet was given to it.
    given: Option<std::time::Instant>,
    _process: Process,
}

/// Plays the script at `path` in the namespaces that were made for this process.
pub fn run_inside(path: &Path) -> Verdict {
    let refused = |what: String| Verdict::Unsupported { line: 1, what };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return refused(error.to_string()),
    };
    let script = match parse(&text) {
        Ok(script) => script,
        Err(error) => return refused(error.to_string()),
    };
    let settings = Settings {
        tolerance: TOLERANCE,
        late_part: LATE_PART,
        ..Settings::default()
    };
    crate::run_against(&script, false, settings, Daemon::new)
}

impl Daemon {
    fn new(settings: &Settings) -> Result<Self, Trouble> {
        let failed = |what: String| Trouble::Unsupported(format!("no daemon: {what}"));
        let process = Process::start(&configuration::toml(settings)?).map_err(failed)?;
        let mut tap = Tap::open().map_err(|error| failed(error.to_string()))?;
        let stack = Stack::attach(process::SOCKET).map_err(|error| failed(error.to_string()))?;
        let sockets = Sockets::new(stack).map_err(|error| failed(error.to_string()))?;
        let begun = std::time::Instant::now();
        let gateway = configuration::gateway(settings);
        let known = |tap: &mut Tap| tap.is_known(settings.local, gateway);
        while !known(&mut tap).map_err(|error| failed(error.to_string()))? {
            if begun.elapsed() > PATIENCE {
                return Err(failed("it answers no ARP".to_owned()));
            }
            std::thread::sleep(STEP * 4);
        }
        Ok(Self {
            started: std::time::Instant::now(),
            tap,
            sockets,
            sent: VecDeque::new(),
            given: None,
            _process: process,
        })
    }

    /// Lets the worker take what was sent to it: a kernel has done so when the packet is written.
    fn settle(&self) {
        let since = self.given.map_or(SETTLED, |given| given.elapsed());
        std::thread::sleep(SETTLED.saturating_sub(since));
    }

    fn write(&mut self, packet: &[u8]) -> Result<(), Trouble> {
        self.given = Some(std::time::Instant::now());
        let failed = |error| Trouble::Difference(format!("the tap takes no packet: {error}"));
        self.tap.send(packet).map_err(failed)
    }
}

impl Subject for Daemon {
    fn now(&self) -> Instant {
        START + self.started.elapsed()
    }

    fn collect(&mut self) -> Result<(), Trouble> {
        let started = self.started;
        let sent = self.tap.receive(|| START + started.elapsed());
        let failed = |error| Trouble::Difference(format!("the tap: {error}"));
        self.sent.extend(sent.map_err(failed)?);
        Ok(())
    }

    fn step(&mut self, end: Instant) -> Result<(), Trouble> {
        let rest = end.since(self.now()).min(STEP);
        std::thread::sleep(rest);
        self.collect()
    }

    fn sent(&mut self) -> &mut VecDeque<Sent> {
        &mut self.sent
    }

    fn is_at_rest(&self) -> bool {
        false
    }

    fn inject(&mut self, inbound: &Inbound<'_>) -> Result<(), Trouble> {
        self.write(&packets::inbound(inbound))
    }

    fn inject_error(&mut self, quoted: &Quoted) -> Result<(), Trouble> {
        self.write(&packets::error(quoted))
    }

    fn attempt(
        &mut self,
        settings: &Settings,
        call: &Call,
        progress: &mut Progress,
    ) -> Result<Tried, Trouble> {
        self.settle();
        let deadline = self.now() + GRACE;
        loop {
            progress.waited = self.now().since(progress.started);
            let tried = self.sockets.attempt(settings, call, progress);
            if call.end.is_some() || !is_premature(call, &tried) || self.now() >= deadline {
                return tried;
            }
            std::thread::sleep(STEP);
        }
    }

    fn info(&self, flow: Flow, wanted: Wanted) -> Option<Info> {
        self.settle();
        self.sockets.info(flow, wanted)
    }

    fn counters(&self) -> Vec<(String, u64)> {
        self.settle();
        counters::ask().unwrap_or_default()
    }
}

/// True when a call that must not wait may give something else once a busy worker comes to it.
fn is_premature(call: &Call, tried: &Result<Tried, Trouble>) -> bool {
    match tried {
        Ok(tried) => match tried.outcome {
            Outcome::Wait | Outcome::WaitOr(_) => true,
            Outcome::Failed("EAGAIN") => call.error.as_deref() != Some("EAGAIN"),
            _ => false,
        },
        Err(Trouble::Difference(_)) => true,
        Err(Trouble::Unsupported(_)) => false,
    }
}

/// How long a worker takes that sleeps, and how long one on a busy machine may.
const SETTLED: Duration = Duration::from_millis(2);
const GRACE: Duration = Duration::from_millis(20);
/// How often the device and calls that block are looked at.
const STEP: Duration = Duration::from_micros(500);
/// The machine is shared, and worker, kernel and this program take turns on it.
const TOLERANCE: Duration = Duration::from_millis(30);
/// What it waits for follows from round trips that it measured, the machine's own delays included.
const LATE_PART: u32 = 10;
/// How long a daemon may take that has started to be on its network.
const PATIENCE: Duration = Duration::from_secs(5);
