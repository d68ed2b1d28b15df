//! The kernel as the machine under test, in real time: scripts say what Linux does, too.
//!
//! Each script gets a process in a network namespace of its own, with a TUN device as its standard
//! input: what is written there arrives at the kernel, what the kernel sends is read from it.

mod agent;
mod calls;
mod counters;
mod options;
mod readiness;
mod transfer;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::differences::NOT_HERE;
use crate::info::Info;
use crate::language::{Call, parse};
use crate::packets;
use crate::settings::{SINGLE_SEGMENTS, Settings, words};
use crate::subject::{Progress, START, Sent, Subject, Tried};
use crate::verdict::{Trouble, Verdict};
use crate::wanted::Wanted;
use calls::Sockets;
use coremill_tcp::Instant;
use coremill_tcp::address::Flow;
use coremill_tcp::packet::{Inbound, Quoted};

/// The kernel of this process's network namespace.
pub struct Kernel {
    started: std::time::Instant,
    tunnel: std::fs::File,
    sockets: Sockets,
    sent: VecDeque<Sent>,
}

/// Plays the script at `path` in the namespaces that were made for this process.
pub fn run_inside(path: &Path) -> Verdict {
    let refused = |what: String| Verdict::Unsupported { line: 1, what };
    let script = match std::fs::read_to_string(path) {
        Ok(text) => match parse(&text) {
            Ok(script) => script,
            Err(error) => return refused(error.to_string()),
        },
        Err(error) => return refused(error.to_string()),
    };
    if let Some((line, text)) = &script.before
        && let Err(what) = set_up(text)
    {
        return Verdict::Unsupported { line: *line, what };
    }
    let settings = Settings {
        tolerance: TOLERANCE,
        late_part: LATE_PART,
        ..Settings::default()
    };
    crate::run_against(&script, false, settings, Kernel::new)
}

/// Carries out the commands of a script; the sentence says why that is not possible.
fn set_up(text: &str) -> Result<(), String> {
    for statement in text.split(['\n', ';']) {
        let words = words(statement);
        let Some((program, arguments)) = words.split_first() else {
            continue;
        };
        if program == "ip" && arguments == SINGLE_SEGMENTS {
            let status = Command::new("ip").args(SINGLE_SEGMENTS).status();
            if !status.is_ok_and(|status| status.success()) {
                return Err(format!("ip link, {NOT_HERE}"));
            }
            continue;
        }
        if program != "sysctl" {
            return Err(format!("command `{}`", statement.trim()));
        }
        for pair in arguments.iter().filter(|word| !word.starts_with('-')) {
            if pair.starts_with("coremill.") {
                return Err(format!("sysctl {pair}, which is Coremill's own"));
            }
            // A socket's option, for who may load modules only by that.
            if pair.starts_with("net.ipv4.tcp_congestion_control=") {
                continue;
            }
            let status = Command::new("sysctl").args(["-q", "-w", pair]).status();
            if !status.is_ok_and(|status| status.success()) {
                return Err(format!("sysctl {pair}, {NOT_HERE}"));
            }
        }
    }
    Ok(())
}

impl Kernel {
    fn new(settings: &Settings) -> Result<Self, Trouble> {
        let failed =
            |error: std::io::Error| Trouble::Unsupported(format!("no TUN device: {error}"));
        let tunnel = std::io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .map_err(failed)?;
        rustix::io::ioctl_fionbio(&tunnel, true).map_err(|error| failed(error.into()))?;
        let mtu = settings.mtu.to_string();
        let link = Command::new("ip")
            .args(["link", "set", "tun0", "mtu", &mtu])
            .status();
        link.map_err(failed)?;
        let sockets = Sockets::new().map_err(|error| {
            Trouble::Unsupported(format!("python3 for socket options: {error}"))
        })?;
        Ok(Self {
            started: std::time::Instant::now(),
            tunnel: tunnel.into(),
            sockets,
            sent: VecDeque::new(),
        })
    }

    fn write(&mut self, packet: &[u8]) -> Result<(), Trouble> {
        self.tunnel
            .write_all(packet)
            .map_err(|error| Trouble::Difference(format!("the kernel takes no packet: {error}")))
    }
}

impl Subject for Kernel {
    fn now(&self) -> Instant {
        START + self.started.elapsed()
    }

    fn collect(&mut self) -> Result<(), Trouble> {
        let mut packet = vec![0; PACKET_BYTES_MAX];
        loop {
            match self.tunnel.read(&mut packet) {
                Ok(length) => {
                    let at = self.now();
                    let packet = packet.get(..length).unwrap_or_default();
                    self.sent.extend(packets::segment(at, packet));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Trouble::Difference(format!("TUN device: {error}"))),
            }
        }
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
        let waited = self.now().since(progress.started);
        progress.waited = waited;
        self.sockets.attempt(settings, call, progress)
    }

    fn info(&self, flow: Flow, wanted: Wanted) -> Option<Info> {
        self.sockets.info(flow, wanted)
    }

    fn counters(&self) -> Vec<(String, u64)> {
        counters::read()
    }
}

/// How often the device and calls that block are looked at.
const STEP: Duration = Duration::from_micros(500);
/// The kernel shares its processors with others, and its timers have a tick of four milliseconds.
const TOLERANCE: Duration = Duration::from_millis(30);
/// The kernel's timer wheel is coarser by that much the longer it waits.
const LATE_PART: u32 = 7;
const PACKET_BYTES_MAX: usize = 65_536;
