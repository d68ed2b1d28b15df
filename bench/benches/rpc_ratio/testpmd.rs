//! DPDK's own forwarder on the same kind of port: dpdk-testpmd swaps the MAC addresses of each packet (macswap), so that
//! those it sent first go round and round through a looped-back net_ring. It shows what the port and the driver's
//! bursts leave room for: it looks at 12 bytes of a packet, where the stack runs TCP and a service.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
    let mut testpmd = start(&program, in_flight.min(BURST_MAX), packet_bytes)?;
    let mut input = testpmd.stdin.take().context("no standard input")?;
    thread::sleep(STARTING);
    writeln!(input, "start tx_first 1")?;
    writeln!(input, "{SHOW}")?;
    for _ in 0..rounds {
        thread::sleep(round);
        writeln!(input, "{SHOW}")?;
    }
    writeln!(input, "quit")?;
    drop(input);
    // It writes into a pipe by the block, so all of it comes at the end.
    let output = testpmd.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rates: Vec<f64> = text.lines().filter_map(rate).skip(1).collect();
    ensure!(
        rates.len() == rounds as usize && rates.iter().all(|rate| *rate > 0.0),
        "testpmd ({}) forwards nothing: {text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Some(rates))
}

fn start(program: &Path, burst: usize, packet_bytes: usize) -> anyhow::Result<Child> {
    // Its end does not depend on ours, so it gets one of its own.
    let child = Command::new("timeout")
        .args(["--kill-after=5", "60"])
        .arg(program)
        .args(["--no-huge", "--no-shconf", "-m", "256", "--no-pci"])
        .args(["--no-telemetry", "-l", "0,1", "--main-lcore", "1"])
        .args(["--vdev=net_ring0", "--", "--interactive", "--nb-cores=1"])
        .args(["--forward-mode=macswap", "--total-num-mbufs=16384"])
        .arg(format!("--burst={burst}"))
        .arg(format!("--txpkts={packet_bytes}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    child.with_context(|| format!("cannot start {}", program.display()))
}

/// Packets received per second since the statistics were shown before.
fn rate(line: &str) -> Option<f64> {
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "Rx-pps:")?;
    words.next()?.parse().ok()
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut places = env::split_paths(&path).map(|folder| folder.join("dpdk-testpmd"));
    places.find(|place| place.exists())
}

const SHOW: &str = "show port stats 0";
/// What DPDK takes to start.
const STARTING: Duration = Duration::from_secs(1);
/// Most packets of a burst that testpmd allows.
const BURST_MAX: usize = 512;
