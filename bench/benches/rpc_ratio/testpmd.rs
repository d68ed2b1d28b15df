//! DPDK's own forwarder on the same kind of port: dpdk-testpmd swaps the MAC addresses of each packet (macswap), so that
//! those it sent first go round and round through a looped-back net_ring. It shows what the port and the driver's
//! bursts leave room for: it looks at 12 bytes of a packet, where the stack runs TCP and a service.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};

/// Packets turned round per second in each of `rounds` rounds; None when there is no testpmd. `in_flight` packets of
/// `packet_bytes` are on their way, or a full burst of testpmd's where that is less.
pub fn packets_per_second(
    in_flight: usize,
    packet_bytes: usize,
    rounds: u32,
    round: Duration,
) -> anyhow::Result<Option<Vec<f64>>> {
    let Some(program) = find() else {
        return Ok(None);
    };
    let mut testpmd = Testpmd::start(&program, in_flight.min(BURST_MAX), packet_bytes)?;
    testpmd.say("start tx_first 1")?;
    // Counts from here; what it says of the time before is of no interest.
    testpmd.rate()?;
    let mut rates = Vec::new();
    for _ in 0..rounds {
        thread::sleep(round);
        rates.push(testpmd.rate()?);
    }
    testpmd.say("quit")?;
    Ok(Some(rates))
}

struct Testpmd {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Testpmd {
    fn start(program: &PathBuf, burst: usize, packet_bytes: usize) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(["--no-huge", "--no-shconf", "-m", "256", "--no-pci"])
            .args(["--no-telemetry", "-l", "0,1", "--main-lcore", "1"])
            .args(["--vdev=net_ring0", "--", "--interactive", "--nb-cores=1"])
            .args(["--forward-mode=macswap", "--total-num-mbufs=16384"])
            .arg(format!("--burst={burst}"))
            .arg(format!("--txpkts={packet_bytes}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            input,
            lines,
        })
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.input, "{line}").context("testpmd takes no command")
    }

    /// Packets received per second since it was asked last.
    fn rate(&mut self) -> anyhow::Result<f64> {
        self.say("show port stats 0")?;
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.context("testpmd does not show its port's statistics")?;
            let mut words = line.split_ascii_whitespace();
            if words.next() == Some("Rx-pps:") {
                let rate = words.next().context("no number of packets")?;
                return Ok(rate.parse()?);
            }
            ensure!(!line.contains("Error"), "testpmd: {line}");
        }
    }
}

impl Drop for Testpmd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut places = env::split_paths(&path).map(|folder| folder.join("dpdk-testpmd"));
    places.find(|place| place.exists())
}

const PATIENCE: Duration = Duration::from_secs(20);
/// Most packets of a burst that testpmd allows.
const BURST_MAX: usize = 512;
